"""What several actions refuse in the same words: policy's no, a reason that is missing, a portal that only closes."""

from collections.abc import Iterable, Mapping

from requests_app.actions.fresh import needed
from requests_app.arming import is_armed
from requests_app.errors import Invalid, Refused
from requests_app.policy.checks import Check
from requests_app.policy.sign_in import FreshSignIn, strictest
from requests_app.policy.verdict import Verdict


def refuse_unless_allowed(verdict: Verdict, *moments: str, of: str = "") -> None:
    """Nothing, when policy allowed it; else raises Refused with the first check that said no.

    SignInNeeded where nothing but the sign-in is in the way of what is done at these moments: nobody is sent to sign in
    again for what is refused all the same. `of` names what it is about, where there are several.
    """
    refuse_unless_all_allowed({of: verdict}, *moments)


def refuse_unless_all_allowed(
    verdicts: Mapping[str, Verdict], *moments: str, together: Iterable[Check] = ()
) -> None:
    """As for one verdict, for several by the name of what each is about; `together` are checks about all of them.

    The refusal says which one it is about, unless that has no name.
    """
    failed = [(name, check) for name, verdict in verdicts.items() for check in verdict.failed]
    failed += [("", check) for check in together if check.refuses]
    if not failed:
        return
    others = [
        (name, check) for name, check in failed if check.name != FreshSignIn.name or check.outcome == "error"
    ]
    need = strictest([demand for verdict in verdicts.values() for demand in verdict.sign_in], *moments)
    if not others and need:
        raise needed(need, " ".join(dict.fromkeys(check.reason for _, check in failed)))
    name, first = (others or failed)[0]
    which = f"{name}: " if name else ""
    raise Refused(f"{which}{first.reason}", check=first.title, way_on=first.way_on, title="Policy says no")


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
