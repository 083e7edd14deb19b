"""The trail reaches Sentinel's endpoint and the folder, its heads a container, whatever was away in between."""

import json
from pathlib import Path

import psycopg
import pytest
import requests

from latchportal.demo.stack import Stack
from latchportal.demo.story import until
from tests.support.stacks import control

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
# A worker that was killed holds others up for a minute, and pauses have grown meanwhile.
CATCHES_UP_SECONDS = 180
WRITE = """
    INSERT INTO audit_app_event
        (uid, at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id,
         object_label, resource_label, story, correlation_id, why, data)
    SELECT gen_random_uuid(), now(), 'session.ended', 'success', 'system:tests', 'The tests', '', '', '', '',
           'event ' || number, '', '', 'c-' || number, '', '{}'
    FROM generate_series(1, 1000) AS number
"""


def trail(stack: Stack) -> set[str]:
    """The id of every event there is."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        return {str(uid) for (uid,) in database.execute("SELECT uid FROM audit_app_event").fetchall()}


def at_azure(stack: Stack) -> set[str]:
    return {one["record"]["EventUid"] for one in control(stack, "GET", "logs")["records"]}


def in_files(stack: Stack) -> list[str]:
    return [
        json.loads(line)["metadata"]["uid"]
        for path in Path(stack.environment["OCSF_DIR"]).glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def seals(stack: Stack) -> set[int]:
    """The number of every seal there is."""
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        return {number for (number,) in database.execute("SELECT sequence FROM audit_app_seal").fetchall()}


def in_container(stack: Stack) -> set[int]:
    """The numbers of the seals whose heads the container holds."""
    at = f"{stack.azure_url}/_control/blobs"
    texts = [
        requests.get(f"{at}/{path}", timeout=10).text for path in control(stack, "GET", "blobs")["blobs"]
    ]
    return {json.loads(line)["seal"] for text in texts for line in text.splitlines()}


def test_an_outage_of_azure_and_killed_workers_lose_no_event(stack: Stack) -> None:
    until(lambda: trail(stack) <= at_azure(stack), "the trail so far", CATCHES_UP_SECONDS)
    until(lambda: seals(stack) <= in_container(stack), "the heads so far", CATCHES_UP_SECONDS)
    # The pretend Azure forgets both with its process.
    before, heads = at_azure(stack), in_container(stack)
    stack.kill("azure")
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        database.execute(WRITE)
    until(lambda: trail(stack) <= set(in_files(stack)), "the folder, which is not away", CATCHES_UP_SECONDS)
    for worker in ("slow", "seal"):
        stack.kill(worker)
        stack.start(worker)
    stack.start("azure")
    until(lambda: trail(stack) <= before | at_azure(stack), "what was written meanwhile", CATCHES_UP_SECONDS)
    until(lambda: seals(stack) <= heads | in_container(stack), "the heads made meanwhile", CATCHES_UP_SECONDS)
    assert seals(stack) > heads
    until(lambda: trail(stack) == set(in_files(stack)), "the same in the folder", CATCHES_UP_SECONDS)
    assert len(trail(stack)) >= 1000
