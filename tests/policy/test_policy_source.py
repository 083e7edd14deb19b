"""Which source addresses are let in, and which are refused by which check."""

import pytest

from requests_app.policy.source import SourceRefused, SourceRule, check_source, inside

OPEN = SourceRule(own_address_only=False)

LET_IN = [
    ("81.2.69.142", "81.2.69.142"),
    ("  81.2.69.142 ", "81.2.69.142"),
    ("81.2.69.142/32", "81.2.69.142"),
    ("81.2.69.142:51234", "81.2.69.142"),
    ("[81.2.69.142]:51234", "81.2.69.142"),
    ("::ffff:81.2.69.142", "81.2.69.142"),
    ("[::ffff:81.2.69.142]:443", "81.2.69.142"),
    ("::ffff:81.2.69.142/128", "81.2.69.142"),
    ("2a00:1450:4001:810::200e", "2a00:1450:4001:810::200e"),
    ("2A00:1450:4001:0810:0:0:0:200E", "2a00:1450:4001:810::200e"),
    ("[2a00:1450:4001:810::200e]", "2a00:1450:4001:810::200e"),
    ("[2a00:1450:4001:810::200e]:443", "2a00:1450:4001:810::200e"),
    ("2a00:1450:4001:810::200e/128", "2a00:1450:4001:810::200e"),
]

REFUSED = [
    ("", "source_missing"),
    ("   ", "source_missing"),
    ("[]:80", "source_missing"),
    ("*", "source_everywhere"),
    ("Any", "source_everywhere"),
    ("0", "source_everywhere"),
    ("0.0.0.0/0", "source_everywhere"),
    ("::/0", "source_everywhere"),
    ("::ffff:0:0/96", "source_everywhere"),
    ("Internet", "source_service_tag"),
    ("VirtualNetwork", "source_service_tag"),
    ("AzureLoadBalancer", "source_service_tag"),
    ("AzureCloud", "source_service_tag"),
    ("AzureCloud.WestEurope", "source_service_tag"),
    ("Storage", "source_service_tag"),
    ("localhost", "source_service_tag"),
    ("vpn.example.com", "source_service_tag"),
    ("81.2.69.142,81.2.69.143", "source_one_address"),
    ("81.2.69.142 81.2.69.143", "source_one_address"),
    ("81.2.69.142;81.2.69.143", "source_one_address"),
    ("81.2.69.142-81.2.69.150", "source_one_address"),
    ("81.2.69.142\n81.2.69.143", "source_one_address"),
    ("81.2.69", "source_format"),
    ("81.2.69.256", "source_format"),
    ("081.2.69.142", "source_format"),
    ("1359103374", "source_format"),
    ("789", "source_format"),
    ("0x51024d8e", "source_format"),
    ("dead", "source_format"),
    ("81.2.69.142/33", "source_format"),
    ("81.2.69.142/-1", "source_format"),
    ("81.2.69.142/", "source_format"),
    ("81.2.69.0/255.255.255.0", "source_format"),
    ("81.2.69.0/0.0.0.255", "source_format"),
    ("８１.2.69.142", "source_format"),
    ("2a00:1450:::1", "source_format"),
    ("http://81.2.69.142", "source_format"),
    ("81.2.69.142/24", "source_host_bits"),
    ("2a00:1450:4001:810::200e/64", "source_host_bits"),
    ("81.2.69.0/24", "source_too_wide"),
    ("81.2.69.142/31", "source_too_wide"),
    ("2a00:1450:4001:810::/64", "source_too_wide"),
    ("127.0.0.1", "source_loopback"),
    ("127.255.255.254:80", "source_loopback"),
    ("::1", "source_loopback"),
    ("::ffff:127.0.0.1", "source_loopback"),
    ("169.254.169.254", "source_link_local"),
    ("fe80::1", "source_link_local"),
    ("fe80::1%eth0", "source_link_local"),
    ("10.0.0.1", "source_private"),
    ("172.16.0.1", "source_private"),
    ("172.31.255.255", "source_private"),
    ("192.168.1.1", "source_private"),
    ("::ffff:10.0.0.1", "source_private"),
    ("fd00::1", "source_private"),
    ("100.64.0.1", "source_cgnat"),
    ("100.127.255.255", "source_cgnat"),
    ("0.0.0.0", "source_reserved"),
    ("0.1.2.3", "source_reserved"),
    ("168.63.129.16", "source_reserved"),
    ("192.0.0.8", "source_reserved"),
    ("192.88.99.1", "source_reserved"),
    ("198.18.0.1", "source_reserved"),
    ("240.0.0.1", "source_reserved"),
    ("255.255.255.255", "source_reserved"),
    ("::", "source_reserved"),
    ("64:ff9b::1", "source_reserved"),
    ("100::1", "source_reserved"),
    ("2001::1", "source_reserved"),
    ("2002:5102:4d8e::1", "source_reserved"),
    ("4000::1", "source_reserved"),
    ("fec0::1", "source_reserved"),
    ("224.0.0.1", "source_multicast"),
    ("239.255.255.255", "source_multicast"),
    ("ff02::1", "source_multicast"),
    ("192.0.2.1", "source_documentation"),
    ("198.51.100.1", "source_documentation"),
    ("203.0.113.7", "source_documentation"),
    ("2001:db8::1", "source_documentation"),
    ("3fff::1", "source_documentation"),
]


@pytest.mark.parametrize(("text", "prefix"), LET_IN)
def test_one_public_address_is_let_in_however_it_is_written(text: str, prefix: str) -> None:
    assert check_source(text, observed=None, destination=None, rule=OPEN).prefix == prefix


@pytest.mark.parametrize(("text", "check"), REFUSED)
def test_everything_else_is_refused_by_the_check_that_says_why(text: str, check: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        check_source(text, observed=None, destination=None, rule=OPEN)
    assert refused.value.check == check
    assert refused.value.reason
    assert refused.value.way_on
    assert refused.value.status == 422
    assert refused.value.fields == {"source": refused.value.reason}


def test_a_wide_range_that_only_touches_private_space_is_refused_as_such() -> None:
    wide = SourceRule(min_prefix_v4=1, own_address_only=False)
    with pytest.raises(SourceRefused) as refused:
        check_source("172.0.0.0/8", observed=None, destination=None, rule=wide)
    assert refused.value.check == "source_private"


def test_a_private_address_is_let_in_only_from_a_listed_network() -> None:
    listed = SourceRule(private_networks=("10.99.0.0/16", "fd12::/32"))
    assert (
        check_source("10.99.3.4", observed="10.99.3.4", destination=None, rule=listed).prefix == "10.99.3.4"
    )
    assert check_source("fd12::5", observed="fd12::5", destination=None, rule=listed).prefix == "fd12::5"
    for outside in ("10.98.3.4", "fd13::5"):
        with pytest.raises(SourceRefused) as refused:
            check_source(outside, observed=outside, destination=None, rule=listed)
        assert refused.value.check == "source_private"


def test_a_listed_private_network_is_no_leave_to_open_all_of_it() -> None:
    listed = SourceRule(private_networks=("10.99.0.0/16",), own_address_only=False)
    with pytest.raises(SourceRefused) as refused:
        check_source("10.99.3.0/24", observed=None, destination=None, rule=listed)
    assert refused.value.check == "source_too_wide"


def test_a_range_is_let_in_up_to_the_width_policy_allows() -> None:
    rule = SourceRule(min_prefix_v4=29, min_prefix_v6=64, own_address_only=False)
    assert (
        check_source("81.2.69.136/29", observed=None, destination=None, rule=rule).prefix == "81.2.69.136/29"
    )
    assert check_source("2a00:1450:4001:810::/64", observed=None, destination=None, rule=rule).version == 6
    with pytest.raises(SourceRefused, match="no wider than /29"):
        check_source("81.2.69.128/28", observed=None, destination=None, rule=rule)


@pytest.mark.parametrize("observed", ["81.2.69.143", "2a00:1450:4001:810::200e", "unknown", ""])
def test_only_the_address_the_client_is_seen_at_is_let_in(observed: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        check_source("81.2.69.142", observed=observed, destination=None, rule=SourceRule())
    assert refused.value.check == "source_own_address"


@pytest.mark.parametrize("observed", ["81.2.69.142", "81.2.69.142:4711", "::ffff:81.2.69.142"])
def test_the_same_address_is_the_same_in_every_notation(observed: str) -> None:
    assert check_source("81.2.69.142", observed=observed, destination=None, rule=SourceRule())


def test_policy_may_allow_an_address_other_than_the_clients_own() -> None:
    assert check_source("81.2.69.142", observed="77.111.240.21", destination=None, rule=OPEN)


@pytest.mark.parametrize(
    ("source", "destination", "words"),
    [
        ("2a00:1450:4001:810::200e", "10.20.1.4", "You come by IPv6, but 10.20.1.4 is reached by IPv4"),
        ("81.2.69.142", "fd00::4", "You come by IPv4, but fd00::4 is reached by IPv6"),
    ],
)
def test_a_client_of_the_other_ip_version_is_told_so(source: str, destination: str, words: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        check_source(source, observed=None, destination=destination, rule=OPEN)
    assert refused.value.check == "source_ip_version"
    assert words in refused.value.reason


def test_an_address_is_inside_a_network_only_of_its_own_version() -> None:
    assert inside("81.2.69.142", ("2a00::/16", "81.2.69.0/24"))
    assert not inside("81.2.70.1", ("2a00::/16", "81.2.69.0/24"))
