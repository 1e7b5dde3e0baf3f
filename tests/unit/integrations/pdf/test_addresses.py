"""Issue 13: addresses as their own country writes them, whatever is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customers.customer import Address
from billing.integrations.pdf.addresses import address_lines


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("DE", ("1 St", "c/o X", "12345 Town", "State")),
        ("US", ("1 St", "c/o X", "Town, State 12345")),
        ("CA", ("1 St", "c/o X", "Town State  12345")),
        ("GB", ("1 St", "c/o X", "Town", "State", "12345")),
        ("AU", ("1 St", "c/o X", "Town State 12345")),
        ("ES", ("1 St", "c/o X", "12345 Town (State)")),
        ("IT", ("1 St", "c/o X", "12345 Town State")),
        ("MX", ("1 St", "c/o X", "12345 Town, State")),
        ("BR", ("1 St", "c/o X", "Town-State", "12345")),
        ("HU", ("Town", "1 St", "c/o X", "12345", "State")),
        ("JP", ("1 St", "c/o X", "Town, State 12345")),
        ("AQ", ("1 St", "c/o X", "12345 Town", "State")),
    ],
)
def test_issue_13_an_address_has_the_order_of_its_country(country: str, expected: tuple[str, ...]) -> None:
    address = Address("1 St", "c/o X", "Town", "12345", "State", country)
    assert address_lines(address, "Country") == (*expected, "Country")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address(None, None, "Springfield", "12345", None, "US"), ("Springfield 12345",)),
        (Address(None, None, "Springfield", None, "IL", "US"), ("Springfield IL",)),
        (Address(None, None, "Madrid", "28014", None, "ES"), ("28014 Madrid",)),
        (Address(None, None, None, "28014", None, None), ("28014",)),
        (Address(), ()),
    ],
)
def test_issue_13_what_is_missing_leaves_no_trace(address: Address, expected: tuple[str, ...]) -> None:
    assert address_lines(address, None) == expected


def test_issue_13_an_address_in_its_own_letters_runs_from_the_largest() -> None:
    tokyo = Address("千代田区丸の内1-1", None, "千代田区", "100-0005", "東京都", "JP")
    assert address_lines(tokyo, "日本") == ("〒100-0005", "東京都千代田区", "千代田区丸の内1-1", "日本")


_PART = st.none() | st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


@given(_PART, _PART, _PART, _PART, _PART, st.sampled_from(["DE", "US", "GB", "ES", "JP", "KR", "HU", "BR", "ZZ", None]))
def test_issue_13_every_part_is_printed_once(
    line1: str | None, line2: str | None, city: str | None, code: str | None, state: str | None, country: str | None
) -> None:
    """No order loses a part, and none makes an empty line."""
    lines = address_lines(Address(line1, line2, city, code, state, country), None)
    shown = "".join("".join(lines).split()).strip("〒")
    parts = [part for part in (line1, line2, city, code, state) if part]
    assert all(part in shown for part in parts)
    assert all(line.strip() for line in lines)
    assert sum(map(len, parts)) <= len(shown) <= sum(map(len, parts)) + 3
