"""A small policy and the facts of a plain attempt at it; each test changes the one thing it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from requests_app.policy.document import PolicyFaults, PolicySet, load
from requests_app.policy.facts import Approver, Attempt, EntitlementFacts, PersonFacts
from requests_app.policy.verdict import Verdict

ENGINEERING = "b2f0c0de-0000-4000-8000-000000000002"
SECURITY = "b2f0c0de-0000-4000-8000-000000000004"
REQUESTER = "a1f0c0de-0000-4000-8000-000000000001"
OWNER = "a1f0c0de-0000-4000-8000-000000000005"
SUBSCRIPTION = "11111111-aaaa-4bbb-8ccc-000000000001"
NSG = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg-web"
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-01"
MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

STAGES = f"""\
groups:
  engineering: {ENGINEERING}
  security: {SECURITY}
stages:
  - name: manager
    title: Manager
    approvers: manager
  - name: owner
    title: Owner
    approvers: owner
  - name: security
    title: Security
    approvers: {{group: security}}
    quorum: 1
    lapse_after: 24h
"""

CATALOGUE = f"""\
resources:
  - key: web-01
    name: web-01
    kind: vm
    azure_id: {VM}
    environment: production
    owner: {OWNER}
    tags: [web]
    entitlements:
      - key: web-01-ssh
        name: SSH to web-01
        kind: nsg
        nsgs: [{NSG}]
        destination: 10.20.1.4
        protocol: tcp
        ports: [22, "8000-8010"]
        connect: {{host: web-01.example, user: azureuser, command: "ssh {{user}}@{{host}}"}}
        tags: [ssh]
"""

RULES = """\
rules:
  - name: engineers
    for: {groups: [engineering]}
    entitlements: {tags: [ssh]}
    max_duration: 2h
    stages: [manager, security]
"""


def files(**changed: str) -> dict[str, str]:
    """The three files, with some replaced: stages=, catalogue=, rules=."""
    texts = {"stages": STAGES, "catalogue": CATALOGUE, "rules": RULES, **changed}
    return {f"{name}.yaml": text for name, text in texts.items()}


def policy(**changed: str) -> PolicySet:
    return load(files(**changed))


def rule(text: str) -> str:
    """One more rule beside the plain one, given as the body of its mapping."""
    lines = text.strip().splitlines()
    return RULES + "\n".join(["  - " + lines[0], *("    " + line for line in lines[1:])]) + "\n"


def faults(texts: dict[str, str]) -> list[str]:
    """What is wrong with these files, as text; fails when nothing is."""
    try:
        load(texts)
    except PolicyFaults as found:
        return [str(fault) for fault in found.faults]
    raise AssertionError("these files were loaded, though they should not be")


def person(**changed: Any) -> PersonFacts:
    plain = PersonFacts(REQUESTER, "Ada", True, False, frozenset({ENGINEERING}), timedelta(minutes=1))
    return replace(plain, **changed)


def entitlement(**changed: Any) -> EntitlementFacts:
    plain = EntitlementFacts(
        key="web-01-ssh",
        name="SSH to web-01",
        kind="nsg",
        tags=frozenset({"ssh", "web"}),
        environment="production",
        resource_key="web-01",
        resource_name="web-01",
        owner_oid=OWNER,
        destination="10.20.1.4",
        active=True,
    )
    return replace(plain, **changed)


def attempt(**changed: Any) -> Attempt:
    plain = Attempt(
        person=person(),
        entitlement=entitlement(),
        duration=timedelta(minutes=30),
        reason="Restart the stuck worker",
        ticket="",
        source="81.2.69.142",
        observed_source="81.2.69.142",
        at=MONDAY_NOON,
        approvers={
            "manager": (Approver("mo", "Mo"),),
            "owner": (Approver(OWNER, "Olu"),),
            "security": (Approver("sol", "Sol"), Approver("sam", "Sam")),
        },
    )
    return replace(plain, **changed)


def refused_by(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.failed]


POLICY = policy()
# The plain rule and a second one that asks for more of everybody.
STRICT = policy(
    rules=rule(
        """
name: production
for: {anyone: true}
entitlements: {environments: [production]}
max_duration: 45m
activate_within: 10m
stages: [owner]
conditions:
  - guests: refused
  - reason: {min_length: 20}
  - ticket: {pattern: "INC-[0-9]{4}", example: INC-1234}
  - hours: {days: [mon, tue], from: "08:00", to: "18:00", timezone: Europe/Berlin}
  - source: {networks: [81.2.69.0/24]}
"""
    )
)
