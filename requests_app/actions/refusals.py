"""What several actions refuse in the same words: policy's no, a reason that is missing, a portal that only closes."""

from requests_app.actions.fresh import needed
from requests_app.arming import is_armed
from requests_app.errors import Invalid, Refused
from requests_app.policy.sign_in import FreshSignIn, strictest
from requests_app.policy.verdict import Verdict


def refuse_unless_allowed(verdict: Verdict, *moments: str) -> None:
    """Nothing, when policy allowed it; else raises Refused with the first check that said no.

    SignInNeeded where nothing but the sign-in is in the way of what is done at these moments: nobody is sent to sign in
    again for what is refused all the same.
    """
    if verdict.allowed:
        return
    others = [check for check in verdict.failed if check.name != FreshSignIn.name or check.outcome == "error"]
    need = strictest(verdict.sign_in, *moments)
    if not others and need:
        raise needed(need, " ".join(dict.fromkeys(check.reason for check in verdict.failed)))
    first = (others or verdict.failed)[0]
    raise Refused(first.reason, check=first.title, way_on=first.way_on, title="Policy says no")


def require_armed() -> None:
    """Nothing, when the portal may open; raises Refused while it only closes."""
    if is_armed():
        return
    raise Refused(
        "The portal only closes until an administrator has armed it: its database is new, or was restored.",
        check="armed",
        way_on="Ask an administrator to look at the status page; what you have is not lost.",
        title="Close-only for now",
    )


def require_reason(text: str, field: str = "reason") -> str:
    """Return the text without blanks around it; raises Invalid when nothing is left."""
    text = text.strip()
    if not text:
        raise Invalid("Please say why, in a few words.", fields={field: "Please say why, in a few words."})
    return text
