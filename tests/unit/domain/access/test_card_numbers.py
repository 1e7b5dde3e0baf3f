"""Card numbers: every one of them is found however it is written, and what only has many digits is let pass."""

import json
import random
import re
import string
from datetime import datetime
from decimal import Decimal
from hashlib import md5, sha1, sha256
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from billing.domain.access.card_numbers import (
    REDACTED,
    carries,
    is_card_number,
    luhn_remainder,
    may_carry,
    number_carries,
    shown,
)
from billing.domain.kernel.ids import derived, fresh
from billing.domain.kernel.times import parse_time
from billing.edge.http import card_numbers as edge
from tests.support.card_numbers import (
    AFTER,
    AT_LEAST_16,
    BEFORE,
    LENGTHS,
    SEPARATORS,
    cards,
    checked,
    in_groups,
    written_cards,
)

# docs.stripe.com/testing, and one of each issuer that is not there (Troy, Napas, Uzcard, Humo, UATP the last five).
CARDS = [
    "4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222", "2720990000000007",
    "5200828282828210", "5105105105105100", "378282246310005", "371449635398431", "6011111111111117",
    "6011000990139424", "6011981111111113", "3056930009020004", "36227206271667", "6555900000604105",
    "3566002020360505", "6200000000000005", "6200000000000047", "6205500000000000004", "5018000000000009",
    "6759649826438453", "8171999927660000", "2200000000000053", "30569309025904", "38520000023237",
    "9792030394440796", "9704198526191432198", "8600123412341239", "9860123412341232", "135410014004955",
]  # fmt: skip
NOBODYS = ["1", "0", "7", "9", "2", "20", "2199", "2205", "2220", "2721", "28", "3", "31", "32", "33", "59", "80", "83",
           "8599", "8601", "9703", "9705", "9791", "9793", "9859", "9861", *AT_LEAST_16]  # fmt: skip


def _is_known(number: str) -> bool:
    """Whether a number has an issuer's prefix and a length that it may have with that."""
    if "2221" <= number[:4] <= "2720":
        return True
    return any(number.startswith(prefix) and a <= len(number) <= b for prefix, (a, b) in LENGTHS.items()) or (
        "2200" <= number[:4] <= "2204"
    )


def by_definition(text: str) -> bool:
    """The definition of a card number, word by word, in texts where nothing is known by its form."""
    groups = list(re.finditer(r"[0-9]+", text))
    for first in range(len(groups)):
        for last in range(first, min(first + 5, len(groups))):
            taken = groups[first : last + 1]
            gaps = [text[a.end() : b.start()] for a, b in pairwise(taken)]
            joined = "".join(group[0] for group in taken)
            if (
                all(1 <= len(gap) <= 3 and not any(c.isalnum() or c in ":+" for c in gap) for gap in gaps)
                and all(len(group[0]) >= 4 for group in taken[:-1])
                and 13 <= len(joined) <= 19
                and _is_known(joined)
                and luhn_remainder(joined) == 0
            ):
                return True
    return False


@pytest.mark.parametrize("number", CARDS)
def test_every_issuers_numbers_are_found(number: str) -> None:
    assert is_card_number(number)
    assert carries(number)
    assert carries(f"my card is {number[:4]}{number[4:]}, thanks")


@given(written_cards(), st.sampled_from(BEFORE), st.sampled_from(AFTER))
@example("4242 4242 4242 4242", "", " 12 29 123")
@example("4242424242424242", "cc", "")
def test_a_card_number_is_found_in_whatever_style_and_wherever_it_stands(text: str, before: str, after: str) -> None:
    assert carries(before + text + after)
    assert shown(before + text + after) == REDACTED
    assert may_carry((before + text + after).encode())


@given(
    st.lists(
        st.sampled_from(
            [
                "4242",
                "42424242",
                "424242",
                "4",
                "242",
                "9860",
                "1354",
                "55555555",
                "0000",
                "5105105",
                " ",
                "-",
                "  ",
                ", ",
                "/",
                "\n",
                "_",
                "\u200b",
                ":",
                "u",
                "é",
                "京",
            ]
        )
        | cards()
        | st.text(string.digits, min_size=1, max_size=5),
        max_size=14,
    )
)
@example(["4242", " ", "4242", " ", "4242", " ", "4242", " ", "12"])
@example(["4242", "  ", ", ", "4242", " ", "4242", " ", "4242"])
@example(["4242", "4242", "-", "4242", ":", "4242"])
def test_what_one_is_follows_the_definition(parts: list[str]) -> None:  # fmt: skip
    assert carries("".join(parts)) == by_definition("".join(parts))


@given(cards(), st.integers(1, 9), st.sampled_from(SEPARATORS), st.sampled_from(BEFORE))
def test_with_a_wrong_check_digit_it_is_none(number: str, off: int, separator: str, before: str) -> None:
    wrong = number[:-1] + str((int(number[-1]) + off) % 10)
    assert not carries(before + wrong)
    assert shown(wrong) == wrong
    in_three = [4, 4, len(wrong) - 8] if len(wrong) <= 16 else [8, 4, len(wrong) - 12]
    for sizes in ([7, len(wrong) - 7], [8, len(wrong) - 8], in_three):  # no shorter number in them
        assert not carries(before + in_groups(wrong, sizes, [separator] * 3))


@given(st.sampled_from(NOBODYS), st.integers(13, 19), st.text(string.digits, min_size=18, max_size=18))
@example("1", 14, "354100140049550000")
@example("8600", 15, "123412341234123400")
def test_without_an_issuers_prefix_it_is_none(prefix: str, length: int, digits: str) -> None:
    number = checked((prefix + digits)[: length - 1])
    assume(not _is_known(number))
    assert not carries(number)


@given(cards(), st.text(string.digits, min_size=1, max_size=8))
def test_a_run_is_taken_whole(number: str, more: str) -> None:
    assert carries(number + more) == is_card_number(number + more)
    assert carries(more + number) == is_card_number(more + number)


def test_an_imei_and_a_card_differ_in_length() -> None:
    for imei in ("356938035643809", checked("86001203456789")):
        assert not carries(imei)
    assert carries("3566002020360505")
    assert carries(checked("860012034567890"))


@pytest.mark.parametrize("separator", ["    ", " x ", ":", "+", " : ", "a", "京"])
def test_what_parts_numbers_does_not_join_groups(separator: str) -> None:
    assert not carries(separator.join(["4242"] * 4))


@pytest.mark.parametrize(
    ("number", "sizes"),
    [("4242424242424242", (8, 8)), ("4242424242424242", (6, 10)), ("4242424242424242", (4, 12)),
     ("6212345678901234569", (6, 13)), ("6212345678901234569", (4, 4, 4, 4, 3)), ("4222222222222", (12, 1)),
     ("378282246310005", (4, 6, 5)), ("30569309025904", (4, 6, 4)), ("135410014004955", (4, 5, 6))],
)  # fmt: skip
def test_groups_may_be_of_any_size(number: str, sizes: tuple[int, ...]) -> None:
    for separator in (" ", "-", " - ", ".", "\u200b"):
        assert carries(in_groups(number, list(sizes), [separator] * 4))
    assert not carries(in_groups(number[:-1] + str((int(number[-1]) + 1) % 10), list(sizes), [" "] * 4))


def test_a_group_before_the_last_has_four_digits() -> None:
    assert not carries("424 2424242424242")
    assert not carries("4242 42 4242424242")
    assert carries("424242424242424 2")
    assert not carries("4242 4242 42 42 42 42")


@given(st.uuids(), st.sampled_from(BEFORE[:6]))
@example(UUID("42424242-4242-4242-4242-424242424242"), "")
@example(UUID("abcd4242-4242-4242-4242-424242424242"), "evt_")
def test_a_uuid_is_none(value: UUID, before: str) -> None:
    assume(not before[-1:].isalnum())
    assert not carries(f"{before}{value}")
    if not value.hex.isdecimal():
        assert not carries(value.hex)
        assert not carries(value.hex.upper())


@given(st.lists(st.uuids(), min_size=2, max_size=5), st.sampled_from([",", ", ", " ", "\n", '","', " - ", "/", "_"]))
@example([UUID("abcdefab-cdef-abcd-efab-cdef42424242"), UUID("42424242-abcd-efab-cdef-abcdefabcdef")], ",")
def test_uuids_one_after_the_other_are_none(values: list[UUID], separator: str) -> None:
    assert not carries(separator.join(map(str, values)))
    assert not may_carry(json.dumps([str(value) for value in values], separators=(",", ":")).encode())


@st.composite
def timestamps(draw: st.DrawFn) -> str:
    """RFC 3339: any date and time, zero to nine decimals, any offset."""
    at = draw(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)))
    decimals = draw(st.text(string.digits, max_size=9))
    hours, minutes = draw(st.integers(0, 23)), draw(st.integers(0, 59))
    offset = draw(st.sampled_from(["Z", "z", f"+{hours:02}:{minutes:02}", f"-{hours:02}:{minutes:02}"]))
    between, point = draw(st.sampled_from("Tt ")), "." if decimals else ""
    second = draw(st.sampled_from([f"{at.second:02}", "60"]))
    day = f"{at.year:04}-{at.month:02}-{at.day:02}"
    return f"{day}{between}{at.hour:02}:{at.minute:02}:{second}{point}{decimals}{offset}"


@given(st.lists(timestamps(), min_size=1, max_size=4), st.sampled_from([" ", ",", "/", "--", '","', "\n"]))
@example(["4242-12-31T23:59:60.424242424-04:24"], " ")
@example(["4242-12-31 23:59:42.424242424-04:24", "4242-12-31 23:59:42.424242424-04:24"], "-")
def test_no_timestamp_is_one(values: list[str], separator: str) -> None:
    text = separator.join(values)
    assert not carries(text)
    assert not may_carry(text.encode())


@given(
    st.lists(st.tuples(st.integers(0, 10**9 - 1), st.integers(1, 3), st.integers(0, 999)), min_size=1, max_size=6),
    st.sampled_from([" ", ", ", ",", "; ", " / ", "\n", " - "]),
    st.sampled_from(["", ","]),
)
def test_no_list_of_prices_is_one(
    prices: list[tuple[int, int, int]], separator: str, thousands: str
) -> None:  # 999,999,999 with one to three decimals
    texts = [f"{whole:{thousands}}.{decimals % 10**digits:0{digits}}" for whole, digits, decimals in prices]
    assert not carries(separator.join(texts))


@given(st.integers(1, 999), st.text(string.digits, min_size=4, max_size=11), st.data())
def test_no_phone_number_is_one(country: int, number: str, data: st.DataObject) -> None:
    """E.164 with its plus sign, as far as it is shorter than a card number of Amex."""
    sizes, left = [], len(number)
    while left:
        sizes.append(data.draw(st.integers(1, left)))
        left -= sizes[-1]
    marks = data.draw(
        st.lists(st.sampled_from([" ", "-", ".", "/", ") ", " ("]), min_size=len(sizes), max_size=len(sizes))
    )
    text = f"+{country}{marks[0]}{in_groups(number, sizes, marks)}"
    for phone in (text, f"tel:{text}", f"call {text}, or write", f"+{country}{number}"):
        assert not carries(phone)
        assert not may_carry(phone.encode())


_BBANS = {"DE": 18, "AT": 16, "BE": 12, "ES": 20, "PL": 24, "NO": 11, "CZ": 20, "PT": 21}


@given(
    st.sampled_from(sorted(_BBANS)),
    st.text(string.digits, min_size=24, max_size=24) | cards().map(lambda number: number.ljust(24, "7")),
    st.sampled_from(["", "IBAN: ", "to "]),
    st.sampled_from(["", " EUR", " 500.00 EUR", ", 2026-11-22", "; thanks"]),
    st.booleans(),
)
@example("DE", "370400440532013000", "", " 424242", True)
@example("AT", "4242424242424242", "", " EUR", True)
@example("BE", "424242424242", "IBAN: ", " 4242", True)
def test_no_iban_is_one(country: str, account: str, before: str, after: str, spaced: bool) -> None:
    bban = account[: _BBANS[country]]
    numbers = "".join(str(int(character, 36)) for character in bban + country + "00")
    iban = f"{country}{98 - int(numbers) % 97:02}{bban}"
    text = " ".join(iban[n : n + 4] for n in range(0, len(iban), 4)) if spaced else iban
    assert not carries(before + text + after)
    assert not may_carry((before + text + after).encode())


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25), st.sampled_from("01234567"))
def test_no_ulid_is_one(rest: str, first: str) -> None:
    for text in (first + rest, f"cus_{first}{rest}", f"{first}{rest}-{first}{rest}"):
        assert not carries(text)
        assert not may_carry(text.encode())


def test_twenty_thousand_digests_and_ids_are_none() -> None:
    """Their digits are random; without being known by their form, one in a thousand would be taken for a card."""
    entropy = random.Random(1)
    at = parse_time("2026-11-22T07:00:00Z")
    for n in range(20_000):
        seed = entropy.randbytes(12)
        texts = [sha256(seed).hexdigest(), sha1(seed).hexdigest(), md5(seed).hexdigest(), seed.hex()]
        texts += [fresh("evt", at, seed), derived("in", at, seed.hex()), seed[:10].hex()]
        for text in texts:
            assert not carries(text), text
        assert not may_carry(json.dumps(texts).encode()), n


@pytest.mark.parametrize(
    "text",
    [
        "1795298460000", "1795298460123456", "1795298460123456789",  # Unix time in ms, us, ns
        "2026-11-22T07:23:00.123456789Z", "20261122072300123", "2026-11-22 07:23:00.123",
        "+4915112345676", "+62812345678908",  # phone numbers whose last digit is Luhn's
        "1.4385714285714283", "0.4242424242424242", "99.4242424242424242",
        "GB29NWBK60161331926819", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "NL91ABNA0417164300",
        "cus_01JD8ZK3V5W8XQ2N4R6T8Y0A2C", "pi_3MtwBwLkdIwHu7ix28a3tqPa", "pm_1MtwBwLkdIwHu7ix28a3tqPb",
        "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH", "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
        "42424242424242424242", "424242424242", "4242 4242 4242", "192.168.100.100", "1 000 000 000 000",
        "4 242 424 242 424 242", "4,242,424,242,424,242.00", "10.00 20.00 30.00", "4999.00, 5999.00, 6999.00",
        "2026-11-22 07:23:00.123456789 +0200", "Sun, 22 Nov 2026 07:23:00 GMT", "2026-11-22/2026-12-22",
        "+49 (1511) 2345-676", "+62 8123 4567 8908", "AT61 1904 3002 3457 3201 EUR", "DE89\u00a03704 0044 0532 0130 00",
        "52.52000659999999,13.404953999999975", "5.4242424242424,242",
    ],
)  # fmt: skip
def test_what_else_has_many_digits_is_none(text: str) -> None:
    assert not carries(text)
    assert not may_carry(text.encode())


def test_what_stands_after_a_point_is_no_fraction_if_it_is_in_groups_as_on_cards() -> None:
    assert carries("1.4242 4242 4242 4242")
    assert carries("v1.378282 246310005")
    assert not carries("1.4242424242424242")


def test_what_begins_like_an_iban_is_none_below_norways_fifteen_characters() -> None:
    begins = next(f"DE{n:02} 4242" for n in range(98) if int(f"42421314{n:02}") % 97 == 1)
    assert carries(f"{begins} 4242 4242 4242")


def test_an_iban_has_to_be_right_to_be_one() -> None:
    assert carries("GB30NWBK60161331926813") == is_card_number("60161331926813")
    right = "GB29NWBK60161331926819"
    digits = right[8:]
    assert not carries(right)
    number = checked("6016133192681")
    assert carries(f"GB29NWBK{number}") or number == digits


@pytest.mark.parametrize(
    "literal", ["4242424242424242", "-4242424242424242", "4242424242424242.0", "378282246310005.5"]
)
def test_a_json_number_may_be_one(literal: str) -> None:
    assert number_carries(literal)
    assert list(edge.in_body(f'{{"amount": {literal}}}'.encode())) == ["amount"]


@given(cards(), st.integers(-20, 20), st.integers(0, 3), st.sampled_from(["e", "E"]), st.booleans(), st.booleans())
@example("4242424242424242", 1, 0, "e", False, False)
@example("4242424242424242", 17, 1, "e", False, False)
def test_an_exponent_hides_nothing(
    number: str, point: int, zeros: int, sign: str, negative: bool, plus: bool
) -> None:  # the point after so many digits
    assume(not number.endswith("000"))
    digits = number + "0" * zeros
    if point <= 0:
        coefficient = "0." + "0" * -point + digits
    else:
        padded = digits.ljust(point, "0")
        coefficient = f"{padded[:point]}.{padded[point:]}".removesuffix(".")
    exponent = len(number) - point
    literal = f"{'-' * negative}{coefficient}{sign}{'+' * (plus and exponent >= 0)}{exponent}"
    assert Decimal(literal) == Decimal(number) * (-1 if negative else 1)
    assert number_carries(literal)
    for body, field in ((f"[1,{literal}]", "1"), (f'{{"amount":{literal}}}', "amount"), (f" {literal}\n", "body")):
        assert list(edge.in_body(body.encode())) == [field]


@pytest.mark.parametrize(
    "literal",
    ["1e999999999", "1e-999999999", "4.242424242424242e999999", "4e9999999999999999999999", "0e0", "-0.0e15",
     "4.242424242424242e11", "4242424242424242e3", "4242424242424242e4", "5.105105105105e15", "1.5e3"],
)  # fmt: skip
def test_an_exponent_is_expanded_as_far_as_a_card_number_reaches(literal: str) -> None:
    assert not number_carries(literal)
    assert list(edge.in_body(f'{{"amount": {literal}}}'.encode())) == []


@pytest.mark.parametrize(
    "literal", ["8171999927660000", "5105105105105000", "1795298460123", "4242424242424241", "0", "12.5", "-1", "NaN"]
)
def test_money_in_micro_units_and_other_numbers_are_none(literal: str) -> None:
    assert not number_carries(literal)
    assert list(edge.in_body(f'{{"amount": {literal}}}'.encode())) == []
