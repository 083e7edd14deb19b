"""Random organisations for the stories of requests that wait: who there is, which stages, and the policy of that."""

from typing import Any

from hypothesis import strategies as st

from requests_app.models import DirectoryGroup
from tests.policy.makers import CATALOGUE
from tests.support.organisation import the_world

PEOPLE = ("requester", "manager", "security", "security2", "owner", "director", "administrator", "outsider")
GROUPS = ("security", "on-call")
UNDECIDED = ("pending", "returned")
KEY = "web-01-ssh"
RULES = """\
rules:
  - name: everybody
    for: {anyone: true}
    entitlements: {keys: [web-01-ssh]}
    max_duration: 2h
    later: {ahead: 30d, windows: 3}
    stages: [%s]
    on_behalf: {anyone: true}
"""
someone = st.sampled_from(PEOPLE)


@st.composite
def stage_lines(draw: Any, number: int) -> str:
    """One stage as a policy file says it; what makes no sense is not written."""
    who = draw(
        st.sampled_from(["manager", "owner", "{group: security}", "{group: on-call}", "{on_call: night}"])
    )
    lines = [
        f"  - name: s{number}",
        f"    approvers: {who}",
        f"    lapse_after: {draw(st.sampled_from(['45m', '3h', '2d']))}",
    ]
    if who.startswith("{group"):
        lines.append(f"    quorum: {draw(st.sampled_from(['1', '1', '2', 'all']))}")
    if draw(st.booleans()):
        lines.append(f"    remind_every: {draw(st.sampled_from(['1m', '10m', '40m']))}")
    to = draw(st.sampled_from(["", "{group: security}", "owner", "{on_call: night}"]))
    if to and to != who and lines[-1] != "    quorum: all" and not any("all" in line for line in lines):
        lines.append(f"    escalate: {{after: {draw(st.sampled_from(['1m', '20m']))}, to: {to}}}")
    if number and draw(st.booleans()):
        lines.append(f"    together_with: s{number - 1}")
    return "\n".join(lines)


stage_sets = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(stage_lines(number) for number in range(count)))
)


def group(name: str) -> DirectoryGroup:
    """Return the group of this name."""
    return DirectoryGroup.objects.get(oid=the_world().group(name).id)


def documents(people: Any, stages: tuple[str, ...], owner: str | None, night: set[str]) -> dict[str, str]:
    """Return the policy of an organisation with these stages, this owner of all there is, and these on call at night."""
    groups = "".join(f"  {name}: {group(name).oid}\n" for name in GROUPS)
    oids = ", ".join(str(people[who].oid) for who in sorted(night))
    written = (
        f"groups:\n{groups}on_call:\n  night: {{people: [{oids}]}}\nstages:\n" + "\n".join(stages) + "\n"
    )
    lines = CATALOGUE.splitlines()
    said = f"    owner: {people[owner].oid}" if owner else ""
    catalogue = "\n".join(said if line.strip().startswith("owner:") else line for line in lines) + "\n"
    names = ", ".join(f"s{number}" for number in range(len(stages)))
    return {"stages.yaml": written, "catalogue.yaml": catalogue, "rules.yaml": RULES % names}
