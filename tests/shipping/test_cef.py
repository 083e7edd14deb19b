"""CEF in syslog lines: nothing that somebody typed can end a field, a line, or begin another."""

import re
from typing import Any

import pytest

from audit_app.shipping import cef
from tests.shipping.makers import ADA, event


def line(kind: str = "grant.opened", sentence: str = "Opened it", **changes: Any) -> str:
    return cef.line(event(kind, **changes), sentence=sentence, instance="harbour", version="0.1.0")


@pytest.mark.parametrize(
    ("text", "header", "extension"),
    [
        ("plain", "plain", "plain"),
        ("a|b", r"a\|b", "a|b"),
        ("a=b", "a=b", r"a\=b"),
        ("a\\b", r"a\\b", r"a\\b"),
        ("a\nb", "a b", r"a\nb"),
        ("a\r\nb", "a b", r"a\r\nb"),
        ("\\|=", r"\\\|=", r"\\|\="),
        ("Größe", "Größe", "Größe"),
    ],
)
def test_header_and_extension_escape_each_their_own(text: str, header: str, extension: str) -> None:
    assert cef.in_header(text) == header
    assert cef.in_extension(text) == extension


def test_a_line_begins_as_rfc_5424_wants_it() -> None:
    assert line().startswith(
        "<110>1 2026-11-26T08:00:00.123456Z harbour latchportal - grant.opened - "
        "CEF:0|latchportal|latchportal|0.1.0|grant.opened|Opened it|2|"
    )


@pytest.mark.parametrize(
    ("outcome", "priority", "severity"), [("success", 110, 2), ("refused", 109, 5), ("failure", 108, 7)]
)
def test_what_went_wrong_is_said_louder(outcome: str, priority: int, severity: int) -> None:
    found = line(outcome=outcome)
    assert found.startswith(f"<{priority}>1 ")
    assert f"|Opened it|{severity}|" in found


def test_an_alert_is_said_as_loud_though_nothing_has_failed() -> None:
    found = line(kind="alert.raised")
    assert found.startswith("<108>1 ")
    assert "|Opened it|7|" in found
    assert " outcome=success " in found


def test_the_extension_tells_who_what_and_from_where() -> None:
    found = line()
    for pair in (
        "externalId=44444444-4444-4444-8444-444444444444",
        f"suid={ADA}",
        "suser=Ada Lindqvist",
        "src=81.2.69.142",
        "duser=Mo Adeyemi",
        "cs1Label=request cs1=request-1",
        "cs2Label=correlationId cs2=c-1",
        "cn1Label=number cn1=7",
        "rt=1795680000123",
        "reason=Disk is full",
    ):
        assert f" {pair}" in f" {found.split('|', 7)[7]} ", pair


def test_an_ipv6_address_has_a_field_of_its_own() -> None:
    found = line(source_address="2001:db8::1")
    assert "c6a2Label=Source IPv6 Address c6a2=2001:db8::1" in found
    assert " src=" not in found


def test_nobody_can_write_a_second_event_into_a_reason() -> None:
    evil = "x\n<110>1 - - - - - - CEF:0|a|b|c|d|e|9|suser=root externalId=1"
    found = line(why=evil, sentence=evil, actor_label=evil)
    assert "\n" not in found
    # In the header a pipe is escaped; in the extension it marks nothing, and only the equals sign does.
    extension = "|".join(re.split(r"(?<!\\)\|", found)[7:])
    assert extension.startswith("rt=")
    assert re.findall(r"(?<!\\)\b(externalId|suser)=", extension) == ["externalId", "suser"]


def test_the_header_is_ascii_whatever_the_portal_is_called() -> None:
    made = cef.line(event(), sentence="x", instance="Häfen und Tore", version="0.1.0")
    assert made.split(" ")[2] == "H_fen_und_Tore"
