"""The looks of the pretend Entra ID: pick a person, confirm, refused, signed out. No decisions."""

from collections.abc import Sequence
from html import escape

from latchportal.devcloud.world import Person

STYLE = """
:root{color-scheme:light dark;--bg:#eef2f7;--card:#fff;
--ink:#1b2430;--dim:#566375;--line:#d6dde7;--key:#0b5cad;
--soft:#e8f1fb;--bad:#a4262c;--on-key:#fff}
@media (prefers-color-scheme:dark){:root{--bg:#12171f;
--card:#1b222d;--ink:#e8edf4;--dim:#a3b0c2;--line:#313c4b;
--key:#6cb3f7;--soft:#223349;--bad:#ff9a9e;--on-key:#0c1622}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.45 "Segoe UI",system-ui,-apple-system,sans-serif}
main{max-width:68rem;margin:4vh auto;padding:0 1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.75rem;
box-shadow:0 8px 30px rgb(10 30 60/.08)}
.narrow{max-width:30rem;margin:0 auto}
.tenant{color:var(--dim);font-size:.9rem;margin:0 0 .75rem;display:flex;align-items:center;gap:.6rem}
.tenant b{color:var(--ink)}
.mark{width:1.4rem;height:1.4rem;border-radius:5px;background:linear-gradient(135deg,var(--key),#35b8a6);flex:none}
h1{font-size:1.45rem;font-weight:600;margin:0 0 .25rem}
p.lead{color:var(--dim);margin:0 0 1.25rem}
.people{display:grid;grid-template-columns:repeat(auto-fill,minmax(16.5rem,1fr));gap:.6rem;margin:0;padding:0;
list-style:none}
.person{width:100%;height:100%;display:flex;gap:.8rem;align-items:center;text-align:left;font:inherit;color:inherit;
background:none;border:1px solid var(--line);border-radius:10px;padding:.7rem .8rem;cursor:pointer}
.person:hover,.person:focus-visible{background:var(--soft);border-color:var(--key)}
.person:focus-visible,.go:focus-visible,a:focus-visible{outline:2px solid var(--key);outline-offset:2px}
.person.hinted{border-color:var(--key);box-shadow:inset 3px 0 0 var(--key)}
.face{flex:none;width:2.5rem;height:2.5rem;border-radius:50%;background:var(--soft);color:var(--key);display:grid;
place-items:center;font-weight:600;font-size:.9rem}
.who{min-width:0;display:grid}
.who b{font-weight:600}
.who small{color:var(--dim);overflow-wrap:anywhere;font-size:.82rem}
.who .part{color:var(--key)}
.off .face,.off .part{color:var(--bad)}
.go{font:inherit;font-weight:600;border:0;border-radius:8px;padding:.65rem 1.3rem;background:var(--key);
color:var(--on-key);cursor:pointer}
.ways{display:flex;flex-wrap:wrap;gap:.6rem}
.quiet{background:none;color:var(--key);box-shadow:inset 0 0 0 1px var(--line)}
.quiet:focus-visible{outline:2px solid var(--key);outline-offset:2px}
.code{color:var(--bad);overflow-wrap:anywhere}
footer{color:var(--dim);font-size:.82rem;margin:1rem .25rem;text-align:center}
"""


def _page(title: str, body: str, narrow: bool = True) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body><main><section{' class="narrow"' if narrow else ""}>{body}</section>
<footer>A pretend Entra ID on this machine. No password is asked because nothing here is real.</footer>
</main></body></html>"""


def _tenant(name: str) -> str:
    return f'<p class="tenant"><span class="mark" aria-hidden="true"></span><b>{escape(name)}</b></p>'


def pick(tenant: str, app: str, people: Sequence[Person], hinted: Person | None) -> str:
    """Everyone as a button; the hinted person comes first and has the focus."""
    ordered = sorted(people, key=lambda person: person is not hinted)
    buttons = "".join(_button(person, person is hinted) for person in ordered)
    return _page(
        f"Sign in to {app}",
        f"""{_tenant(tenant)}<h1>Pick who you are</h1>
<p class="lead">to continue to {escape(app)}</p>
<form method="post"><ul class="people">{buttons}</ul></form>""",
        narrow=False,
    )


def _button(person: Person, hinted: bool) -> str:
    initials = "".join(word[0] for word in person.name.split()[:2])
    look = "person" + (" hinted" if hinted else "") + ("" if person.enabled else " off")
    focus = " autofocus" if hinted else ""
    return f"""<li><button class="{look}" name="person" value="{escape(person.oid)}"{focus}>
<span class="face" aria-hidden="true">{escape(initials)}</span>
<span class="who"><b>{escape(person.name)}</b><small>{escape(person.job)}</small>
<small class="part">{escape(person.part)}</small><small>{escape(person.upn)}</small></span></button></li>"""


def confirm(tenant: str, person: Person, context: str) -> str:
    """The second factor for an authentication context."""
    return _page(
        "Confirm it is you",
        f"""{_tenant(tenant)}<h1>Confirm with MFA</h1>
<p class="lead">{escape(person.name)}, this step asks for a second factor (authentication context
{escape(context)}).</p>
<form method="post"><input type="hidden" name="step" value="confirm">
<input type="hidden" name="person" value="{escape(person.oid)}">
<div class="ways"><button class="go" name="mfa" value="confirmed" autofocus>Approve the sign-in</button>
<button class="go quiet" name="mfa" value="cancelled">Cancel</button></div></form>""",
    )


def refused(description: str) -> str:
    """Entra's own words, with the AADSTS number first."""
    return _page(
        "Sign in failed",
        f"""<h1>Sorry, but we’re having trouble signing you in.</h1>
<p class="code">{escape(description)}</p>""",
    )


def signed_out(tenant: str) -> str:
    """After logout without an address to go back to."""
    return _page(
        "Signed out", f"{_tenant(tenant)}<h1>You signed out of your account</h1><p>It is safe to leave.</p>"
    )
