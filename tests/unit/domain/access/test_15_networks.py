"""Issue 15, item 7: who is in an allow list; scenario 17's mapped addresses."""

import pytest

from billing.domain.access.networks import canonical, lets_in


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ],
)
def test_a_network_has_one_form(written: str, stored: str) -> None:
    assert canonical(written) == stored


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.256", "10.0.0.0/33", "localhost", "fe80::1%eth0", "1", "", "/"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(text)


@pytest.mark.parametrize(
    ("address", "is_in"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        ("2001:db8::9", True),
        ("2001:db9::9", False),
        ("::a01:203", False),  # 10.1.2.3 as an IPv4-compatible address, which nobody uses
        ("unknown", False),
        ("", False),
        (None, False),
    ],
)
def test_an_address_is_in_a_list_or_not(address: str | None, is_in: bool) -> None:
    assert lets_in(["10.0.0.0/8", "2001:db8::/32"], address) is is_in


def test_an_empty_list_lets_nobody_in() -> None:
    assert not lets_in([], "10.0.0.1")
