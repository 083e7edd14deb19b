"""Every kind of event the project records has a sentence of its own, and a kind nobody knows is still readable."""

import re

import pytest

from audit_app import words
from audit_app.lifecycle import Machine
from audit_app.models import Event
from tests.support.environment import ROOT

RECORDING = re.compile(r"""(?:record|attempting|record_refusal)\(\s*"([a-z_]+\.[a-z_]+)\"""")


def recorded_in_source() -> set[str]:
    found: set[str] = set()
    for folder in ("requests_app", "latchportal/entra", "audit_app"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(RECORDING.findall(path.read_text(encoding="utf-8")))
    return found | {"decision.approved", "decision.denied"}


def test_every_transition_and_every_recorded_kind_has_its_words() -> None:
    kinds = {step.records for machine in Machine.registry.values() for step in machine.transitions.values()}
    missing = (kinds | recorded_in_source()) - set(words.known_kinds())
    assert not missing, f"register these in requests_app/words.py: {sorted(missing)}"


@pytest.mark.parametrize("kind", words.known_kinds())
def test_every_sentence_can_be_said_of_an_event_that_says_little(kind: str) -> None:
    said = words.sentence(Event(kind=kind, actor_id="system:x", actor_label="x", outcome="success"))
    assert said.strip(" :,"), f"{kind} says nothing"
    assert "{" not in said, f"{kind} shows its template"


def test_labels_can_not_be_templates_themselves() -> None:
    event = Event(
        kind="request.submitted", actor_label="x", object_label="{actor.__class__}", outcome="success"
    )
    assert words.sentence(event) == "Asked for {actor.__class__}"
    staged = Event(kind="decision.denied", object_label="{whom}: {stage}", subject_label="{what}")
    assert words.sentence(staged) == "Denied {stage} for {what}, as “{whom}”"


def test_kind_nobody_registered_is_told_by_its_name() -> None:
    event = Event(kind="moon.landed_on", object_label="Tranquility", outcome="success")
    assert words.sentence(event) == "Moon landed on: Tranquility"
