"""What a verdict says of Azure around the opening, by kind. How it was found out stands in `requests_app.surroundings`."""

from collections.abc import Iterator

from requests_app.policy.checks import Check, Outcome
from requests_app.policy.facts import Attempt

# What is said of Azure in a verdict, by kind: the check's title, and the way on.
SURROUNDINGS = {
    "already_open": ("Nothing else lets you in", "Tell the group's owner; it stays open when this ends."),
    "beaten": ("No other rule stands before it", "Ask the group's owner before you rely on it."),
    "no_deny": ("The port is shut without it", "Tell the group's owner; it stays open when this ends."),
    "defender": ("Nobody else moves rules here", "Use one of the two for this machine, not both."),
    "subnet_and_nic": (
        "One group guards the machine",
        "If it does not work, the other group may not allow it.",
    ),
    "band_full": (
        "A number is free for the rule",
        "Wait until something else has closed, or ask an administrator.",
    ),
    "locked": (
        "It can be closed again",
        "Ask whoever put the lock there to lift it, or to put it elsewhere.",
    ),
    "locks_unchecked": (
        "It can be closed again",
        "An administrator gives the portal's role the right to read locks.",
    ),
    "admin_deny": ("No admin rule stands before it", "Ask whoever runs the network manager."),
    "admin_allow": ("No admin rule lets you in", "Tell whoever runs the network manager."),
    "admin_unchecked": (
        "No admin rule stands before it",
        "An administrator gives the portal's role the right to read admin rules.",
    ),
}


def warnings_of(attempt: Attempt) -> Iterator[Check]:
    """What bears on the opening: said, and in the way only where it keeps it from being closed again."""
    if not attempt.containers_known:
        yield Check(
            "containers_known",
            "What Azure holds is known",
            "warn",
            "The network security groups behind this were not read yet, so the rule shown may change.",
            "Opening reads them anew in any case.",
        )
    for found in attempt.surroundings:
        if found.kind in SURROUNDINGS:
            title, way_on = SURROUNDINGS[found.kind]
            outcome: Outcome = "fail" if found.refuses else "warn"
            yield Check(f"azure_{found.kind}", title, outcome, found.sentence, way_on)
