"""Issue 16, scenario 25: where a webhook may be sent. What is not listed as public is not dialled."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.webhooks.addresses import BadTarget, Target, is_loopback, is_public, may_dial, parse_target

MICROSOFT = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::1/128",
    "::/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
"""The ranges of microsoft-antissrf 1.0.0 (MIT), ``recommended_v1``."""
MISSED = ("::/96", "::ffff:0:0:0/96", "::ffff:10.0.0.0/104", "4000::/3", "8000::/1")
"""What that list lets through: IPv4-compatible and IPv4-translated addresses, and what is not assigned at all."""
RANGES = [ip_network(each) for each in (*MICROSOFT, *MISSED)]


@pytest.mark.parametrize("network", RANGES, ids=str)
def test_16_no_address_of_a_special_range_is_public(network) -> None:
    """Both ends and the middle of each."""
    ends = {network[0], network[-1], network[network.num_addresses // 2]}
    assert [str(each) for each in ends if is_public(str(each))] == []


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "5f00::1", "fec0::1", "ff02::1", "224.0.0.1",
        "2002:7f00:1::", "192.0.0.8", "64:ff9b::a9fe:a9fe", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "fd00:ec2::254", "fe80::1%eth0", "8.8.8.8%1", "2606:4700::1111%lo", "", "localhost", "0x7f000001", "127.1",
        "0177.0.0.1", " 8.8.8.8", "8.8.8.8/32",
    ],
)  # fmt: skip
def test_16_what_a_library_once_took_for_global_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "52.94.76.1", "223.255.255.255", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450:4001::5",
     "2001:200::1", "2003::1", "::ffff:8.8.8.8", "2620:4f:7fff::1"],
)  # fmt: skip
def test_16_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
@settings(max_examples=80)
def test_16_what_is_public_is_in_no_special_range(address) -> None:
    """And so it is mapped into IPv6 the same."""
    if is_public(str(address)):
        assert not any(address in each for each in RANGES if each.version == address.version)
    if address.version == 4:
        assert is_public(f"::ffff:{address}") is is_public(str(address))


def test_16_a_name_is_dialled_if_all_its_addresses_are_public() -> None:
    """Scenario 26: public and private is not public; no address is none."""
    assert may_dial(["8.8.8.8", "2606:4700::1111"])
    assert not may_dial(["8.8.8.8", "10.0.0.1"])
    assert not may_dial([])
    assert not may_dial(["127.0.0.1"])
    assert may_dial(["127.0.0.1", "::1"], allow_loopback=True)
    assert not may_dial(["127.0.0.1", "10.0.0.1"], allow_loopback=True)
    assert is_loopback("::ffff:127.9.9.9")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "must_be_https"),
        ("ftp://example.com/", "must_be_https"),
        ("//example.com/", "must_be_https"),
        ("https:example.com", "must_be_https"),
        ("https://", "invalid_host"),
        ("https:///path", "invalid_host"),
        ("https://user@example.com/", "userinfo_not_allowed"),
        ("https://user:word@example.com/", "userinfo_not_allowed"),
        ("https://example.com@10.0.0.1/", "userinfo_not_allowed"),
        ("https://example.com/#part", "fragment_not_allowed"),
        ("https://example.com\\@10.0.0.1/", "invalid_format"),
        ("https://example.com/ a", "invalid_format"),
        ("https://example.com/\r\nX: y", "invalid_format"),
        ("https://①②⑦.⓪.⓪.①/", "invalid_format"),
        ("https://bücher.example/", "invalid_format"),
        ("https://example.com/" + "a" * 2100, "invalid_format"),
        ("https://example.com:0/", "port_not_allowed"),
        ("https://example.com:22/", "port_not_allowed"),
        ("https://example.com:80/", "port_not_allowed"),
        ("https://example.com:65536/", "port_not_allowed"),
        ("https://example.com:/", "invalid_host"),
        ("https://example.com:+443/", "invalid_host"),
        ("https://localhost/", "address_not_public"),
        ("https://localhost./", "invalid_host"),
        ("https://example.com./", "invalid_host"),
        ("https://intranet/", "invalid_host"),
        ("https://ex_ample.com/", "invalid_host"),
        ("https://-a.example/", "invalid_host"),
        ("https://a..example/", "invalid_host"),
        ("https://%6cocalhost/", "invalid_host"),
        ("https://0x7f000001/", "invalid_host"),
        ("https://0x7f.0.0.1/", "invalid_host"),
        ("https://127.0.0.0x1/", "invalid_host"),
        ("https://0177.0.0.1/", "invalid_host"),
        ("https://127.1/", "invalid_host"),
        ("https://2130706433/", "invalid_host"),
        ("https://169.254.169.254/latest/", "address_not_public"),
        ("https://127.0.0.1/", "address_not_public"),
        ("https://[::1]/", "address_not_public"),
        ("https://[::ffff:10.0.0.1]/", "address_not_public"),
        ("https://[64:ff9b::a9fe:a9fe]/", "address_not_public"),
        ("https://[2002:7f00:1::]/", "address_not_public"),
        ("https://[::7f00:1]/", "address_not_public"),
        ("https://[fe80::1%25eth0]/", "invalid_host"),
        ("https://[v1.a]/", "invalid_host"),
        ("https://[::1/", "invalid_host"),
    ],
)
def test_16_scenario_25_a_url_that_nothing_is_sent_to_says_why(url: str, reason: str) -> None:
    with pytest.raises(BadTarget) as refused:
        parse_target(url)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Hooks.Example.com", Target("https", "hooks.example.com", 443, "/")),
        ("HTTPS://example.com?a=1", Target("https", "example.com", 443, "/?a=1")),
        ("https://example.com:8443/in/T1?x=@y", Target("https", "example.com", 8443, "/in/T1?x=@y")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://[2606:4700::1111]:8443/", Target("https", "2606:4700::1111", 8443, "/")),
    ],
)
def test_16_the_parts_of_a_url(url: str, target: Target) -> None:
    assert parse_target(url) == target
    assert (target.address is not None) is (target.host[0] in "82")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80/", "http://localhost:9000/in", "http://[::1]:9/", "https://127.0.0.1:9443/"]
)
def test_16_this_machine_is_a_target_only_where_it_is_allowed(url: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(url)
    assert parse_target(url, allow_loopback=True).scheme == url.partition(":")[0]


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "http://localhost:0/"]
)
def test_16_what_is_allowed_on_this_machine_is_allowed_nowhere_else(url: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(url, allow_loopback=True)


def test_16_the_list_is_of_addresses_that_python_knows() -> None:
    """A network with bits behind its prefix would be another one than it says."""
    assert all(str(ip_address(str(each[0]))) for each in RANGES)
