"""The page on which the demo is watched: NSGs with their rules, and the last calls. Changes nothing."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from latchportal.devcloud.calls import Call
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.nsg import Nsg, Rule

_HERE = Path(__file__).parent
_PAGE = Template((_HERE / "templates" / "watch.html").read_text(encoding="utf-8"))
_END = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?Z")
CALLS_SHOWN = 30


def routes(cloud: Cloud) -> list[Route]:
    """GET / and its style sheet."""

    async def page(request: Request) -> Response:
        cloud.settle()
        return HTMLResponse(rendered(cloud, datetime.now(UTC)))

    async def style(request: Request) -> Response:
        return FileResponse(_HERE / "static" / "watch.css", media_type="text/css")

    return [Route("/", page, methods=["GET"]), Route("/_watch/watch.css", style, methods=["GET"])]


def rendered(cloud: Cloud, now: datetime) -> str:
    """The whole page as it stands at `now`."""
    groups = sorted(cloud.nsgs.values(), key=lambda nsg: (not _ours_in(nsg), nsg.subscription, nsg.name))
    return _PAGE.substitute(
        time=now.strftime("%H:%M:%S"),
        open=sum(_ours_in(nsg) for nsg in groups),
        count=len(groups),
        records=cloud.logs.total,
        faults=_fault_line(cloud),
        groups="\n".join(_group(cloud, nsg, now) for nsg in groups),
        calls="\n".join(_call(call) for call in cloud.calls.latest(CALLS_SHOWN))
        or '<tr><td colspan="4" class="none">No call yet.</td></tr>',
    )


def time_left(description: str, now: datetime) -> str:
    """ "12 min 05 s left" from the UTC time a description holds, "" when it holds none."""
    match = _END.search(description)
    if not match:
        return ""
    try:
        end = datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return ""
    seconds = int((end - now).total_seconds())
    if seconds < 0:
        return f"ended {_span(-seconds)} ago"
    return f"{_span(seconds)} left"


def _span(seconds: int) -> str:
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"


def _is_ours(rule: Rule) -> bool:
    return rule.name.startswith("latch-")


def _ours_in(nsg: Nsg) -> int:
    return sum(_is_ours(rule) for rule in nsg.rules.values())


def _fault_line(cloud: Cloud) -> str:
    names = ", ".join(str(fault["name"]) for fault in cloud.faults.list())
    return f'<p class="faults">Told to fail: {html.escape(names)}</p>' if names else ""


def _group(cloud: Cloud, nsg: Nsg, now: datetime) -> str:
    rules = sorted(
        nsg.rules.values(), key=lambda rule: (rule.properties["direction"], rule.properties["priority"])
    )
    lock = cloud.lock_on(nsg.key)
    notes = [
        html.escape(f"{nsg.group} · {nsg.location}"),
        *([html.escape(f"lock: {lock[1]}")] if lock else []),
    ]
    if nsg.state != "Succeeded":
        notes.append(f'<b class="busy">{html.escape(nsg.state)}</b>')
    rows = "\n".join(_rule(rule, now) for rule in rules)
    return (
        f'<section class="{"has-ours" if _ours_in(nsg) else ""}"><h2>{html.escape(nsg.name)}</h2>'
        f"<p>{' · '.join(notes)}</p><div class='scroll'><table><thead><tr><th>Priority<th>Rule<th>From<th>To"
        f"<th>Port<th>Effect</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _rule(rule: Rule, now: datetime) -> str:
    shown, left = rule.properties, time_left(rule.properties.get("description", ""), now)
    name = html.escape(rule.name)
    if _is_ours(rule) and left:
        name += f'<span class="left">{html.escape(left)}</span>'
    if rule.state != "Succeeded":
        name += f'<span class="busy">{html.escape(rule.state)}</span>'
    arrow = "in" if shown["direction"] == "Inbound" else "out"
    port = f"{shown['protocol']} {_either(shown, 'destinationPortRange')}".replace("* *", "any")
    cells = [_either(shown, "sourceAddressPrefix"), _either(shown, "destinationAddressPrefix"), port]
    return (
        f'<tr class="{"ours" if _is_ours(rule) else ""}" title="{html.escape(shown.get("description", ""))}">'
        f"<td class='n'>{shown['priority']} {arrow}<td class='name'>{name}"
        + "".join(f"<td>{html.escape(cell)}" for cell in cells)
        + f'<td class="{shown["access"].lower()}">{shown["access"]}</tr>'
    )


def _either(shown: dict[str, object], field: str) -> str:
    plural = shown.get(f"{field}s") or shown.get(f"{field}es") or []
    return str(shown.get(field) or "") or ", ".join(plural if isinstance(plural, list) else [])


def _call(call: Call) -> str:
    tail = call.path.partition("/providers/Microsoft.Network/")[2] or call.path
    tail = tail.removeprefix("networkSecurityGroups/")
    status = {None: "…", 0: "dropped"}.get(call.status, str(call.status))
    mood = "deny" if call.status == 0 or (call.status or 0) >= 400 else ""
    more = " · ".join(part for part in (call.code, f"fault {call.fault}" if call.fault else "") if part)
    return (
        f"<tr><td class='n'>{call.at[11:19]}<td>{html.escape(call.method)}"
        f"<td class='path' title='{html.escape(call.path)}'>{html.escape(tail)}"
        f"<td class='{mood}'>{status}{f' <small>{html.escape(more)}</small>' if more else ''}</tr>"
    )
