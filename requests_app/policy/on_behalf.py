"""Asking for somebody else: whether policy lets this asker do it, and a verdict in the words that are true for them.

Nobody reads anything of a person here for whom they may not ask: whoever that is, or is not, the answer is the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from requests_app.policy.checks import Check
from requests_app.policy.facts import DIRECTORY_FRESH, Approver, Attempt, PersonFacts
from requests_app.policy.model import Rule
from requests_app.policy.verdict import Verdict

NAME, TITLE = "on_behalf", "You may ask for them"
# What is said of everybody else, of somebody nobody knows too.
NOBODY = Check(
    NAME,
    TITLE,
    "fail",
    "There is nobody of that name for whom you may ask for this.",
    "They can ask themself: the catalogue shows each of us what we can ask for.",
)
NOTHING = timedelta(0)

# A check speaks to whoever gets the access. Where somebody else reads it, it speaks about them.
_ABOUT_THEM = (
    ("Your account", "{who}’s account"),
    ("your account", "the account of {who}"),
    ("Your directory data", "The directory data of {who}"),
    ("your directory's administrators", "the directory's administrators"),
    ("A rule lets you ask for it", "A rule lets them have it"),
    ("taken away from you", "taken away from {who}"),
    ("you may have", "{who} may have"),
    ("You have no manager in the directory who", "{who} has no manager in the directory, other than you, who"),
    ("Have your manager entered", "Have their manager entered"),
    ("(other than yourself)", "(other than the two of you)"),
    ("You are a guest of this tenant", "{who} is a guest of this tenant"),
    ("You are a member of this tenant", "{who} is a member of this tenant"),
    ("Ask the colleague you work with to do it, or to have you made", "Ask a member to do it, or have them made"),
    ("You are not on call", "{who} is not on call"),
    ("You are on call", "{who} is on call"),
    ("If you should be, have", "If they should be, have"),
    ("lets you in", "lets them in"),
    ("when you need it", "when they need it"),
    ("You come by", "{who} would come by"),
    ("the address you are connecting from; your network's administrator can tell you the public one",
     "the address {who} connects from; ask them for the public one"),
    ("list your network", "list their network"),
    ("Ask for them one by one", "Ask for these one by one"),
)  # fmt: skip
# These are about the session that asks, so about its reader.
_ABOUT_THE_READER = ("sign_in", NAME)


def check_asker(asker: PersonFacts, rules: Sequence[Rule]) -> Check:
    """Whether this person may ask for somebody whom exactly these rules are for: every one of them has to say so.

    The strictest wins here too: a rule that does not let others ask for its people protects them from that.
    """
    age = asker.directory_age
    if asker.enabled is not True or age is None or age > DIRECTORY_FRESH:
        return Check(
            NAME,
            TITLE,
            "fail",
            "Whether your own account is enabled is not known, by a directory copy that is fresh.",
            "Try again in a minute; if it stays, tell an administrator that the directory copy stands still.",
        )
    if rules and all(rule.on_behalf is not None and rule.on_behalf.matches(asker) for rule in rules):
        return Check(NAME, TITLE, "pass", f"By {', '.join(rule.name for rule in rules)}.")
    return NOBODY


def told_to_asker(verdict: Verdict, rules: Sequence[Rule], attempt: Attempt) -> Verdict:
    """Return the verdict as whoever asks may read it; it is as it was where nobody asks for somebody else.

    Refused, with nothing else said, where the asker may not ask for this person.
    """
    if attempt.asked_by is None:
        return verdict
    own = check_asker(attempt.asked_by, rules)
    if own.refuses or attempt.asked_by.oid == attempt.person.oid:
        return closed(verdict, own if own.refuses else NOBODY)
    checks = tuple(_about_them(check, attempt) for check in verdict.checks)
    return replace(verdict, checks=(own, *checks))


def closed(verdict: Verdict, why: Check) -> Verdict:
    """Return a refusal that tells this check, the policy's hash, and nothing more."""
    return Verdict("refused", (why,), (), NOTHING, NOTHING, (), verdict.policy_hash)


def _about_them(check: Check, attempt: Attempt) -> Check:
    if check.name in _ABOUT_THE_READER:
        return check
    who = attempt.person.label
    texts = [check.title, check.reason, check.way_on]
    for old, new in _ABOUT_THEM:
        texts = [text.replace(old, new.format(who=who)) for text in texts]
    return replace(check, title=texts[0], reason=texts[1], way_on=texts[2])


def without_own(found: Sequence[Approver], attempt: Attempt) -> tuple[Approver, ...]:
    """Return these people without those whose request it is, and without whoever stands in for them, or they for whom."""
    own = {attempt.person.oid} | ({attempt.asked_by.oid} if attempt.asked_by else set())
    return tuple(one for one in found if own.isdisjoint((one.oid, one.in_place_of)))


def kept_out(check: Check, found: Sequence[Approver], attempt: Attempt) -> Check:
    """Return the check of a stage with these people; where the asker is one of them it says that they do not decide."""
    asker = attempt.asked_by.oid if attempt.asked_by else ""
    if not asker or all(one.oid != asker for one in found):
        return check
    return replace(check, reason=f"{check.reason} Not you: nobody decides what they asked for.")
