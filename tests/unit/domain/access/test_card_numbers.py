"""Card numbers: every one of them is found however it is written, and what only has many digits is let pass."""

import json
import random
import re
import string
from datetime import datetime
from decimal import Decimal
from hashlib import md5, sha1, sha256
from itertools import pairwise
from typing import Any
from urllib.parse import quote, quote_plus
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

Json = dict[str, Any]

# docs.stripe.com/testing, and one of each issuer that is not there (Troy, Napas, Uzcard, Humo, UATP the last five).
CARDS = [
    "4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222", "2720990000000007",
    "5200828282828210", "5105105105105100", "378282246310005", "371449635398431", "6011111111111117",
    "6011000990139424", "6011981111111113", "3056930009020004", "36227206271667", "6555900000604105",
    "3566002020360505", "6200000000000005", "6200000000000047", "6205500000000000004", "5018000000000009",
    "6759649826438453", "8171999927660000", "2200000000000053", "30569309025904", "38520000023237",
    "9792030394440796", "9704198526191432198", "8600123412341239", "9860123412341232", "135410014004955",
]  # fmt: skip
_AT_LEAST_16 = ("35", "8600", "9860", "9792", "9704")
LENGTHS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(
        ("4", *map(str, range(50, 59)), "2221", "2229", "2230", "2300", "2699", "2700", "2719", "2720", "34", "37",
         "30", "36", "38", "39", "6", "81", "82", "2200", "2204"), (13, 19)),
    **dict.fromkeys(_AT_LEAST_16, (16, 19)),
    "1": (15, 15),
}  # fmt: skip
NOBODYS = ["1", "0", "7", "9", "2", "20", "2199", "2205", "2220", "2721", "28", "3", "31", "32", "33", "59", "80", "83",
           "8599", "8601", "9703", "9705", "9791", "9793", "9859", "9861", *_AT_LEAST_16]  # fmt: skip
SEPARATORS = [" ", "-", ".", ",", "/", "_", "\t", "\n", "\\", '"', "\u00a0", "\u2009", "\u202f", "\u2010", "\u2011",
              "\u2013", "\u2212", "\u200b", "\ufeff", "\u00ad", "·", "\U0001f4b3"]  # fmt: skip
BEFORE = ["", "card ", "Karte:", "pan=", "(", "nr", "x", "#", "№ ", "\n", "+ ", "2026: ", "no. ", "evt_", "北京", "é-"]
AFTER = ["", " exp 12/29", ", 123", ")", " 1", ".", "\t", "-x", "_b", "z", "; call me", "京", " cvc"]
SCRIPTS = [chr(zero) for zero in (0x30, 0x0660, 0x06F0, 0x0966, 0x0E50, 0xFF10, 0x1D7CE)]


def checked(payload: str) -> str:
    """A number with the digit after it that makes it right."""
    return next(payload + digit for digit in string.digits if luhn_remainder(payload + digit) == 0)


def _is_known(number: str) -> bool:
    """Whether a number has an issuer's prefix and a length that it may have with that."""
    if "2221" <= number[:4] <= "2720":
        return True
    return any(number.startswith(prefix) and a <= len(number) <= b for prefix, (a, b) in LENGTHS.items()) or (
        "2200" <= number[:4] <= "2204"
    )


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A number with an issuer's prefix and the right check digit."""
    prefix = draw(st.sampled_from(list(LENGTHS)))
    length = draw(st.integers(*LENGTHS[prefix]))
    return checked(prefix + draw(st.text(string.digits, min_size=length - 1, max_size=length - 1))[len(prefix) :])


@st.composite
def groupings(draw: st.DrawFn, length: int) -> list[int]:
    """The sizes of one to five groups: four digits or more in each but the last."""
    sizes: list[int] = []
    while length > 4 and len(sizes) < 4 and draw(st.integers(0, 4)):
        sizes.append(draw(st.integers(4, min(length - 1, 12))))
        length -= sizes[-1]
    return [*sizes, length]


_between = st.one_of(
    st.sampled_from([*SEPARATORS, " - ", ", ", "  ", "\r\n", " | ", "..."]),
    st.text(st.characters(codec="utf-8").filter(lambda c: not c.isalnum() and c not in ":+"), min_size=1, max_size=3),
)


def in_groups(number: str, sizes: list[int], separators: list[str]) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return "".join(part + separator for part, separator in zip(parts, [*separators[: len(parts) - 1], ""], strict=True))


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """The same as somebody may write it: in one run or in groups, in the digits of any script."""
    number = draw(cards())
    sizes = draw(groupings(len(number)))
    text = in_groups(number, sizes, draw(st.lists(_between, min_size=4, max_size=4)))
    zero = draw(st.sampled_from(SCRIPTS))
    return "".join(chr(ord(zero) + int(c)) if c in string.digits else c for c in text)


def is_decimal(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?", text) is not None


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


# --- the first look ------------------------------------------------------------------------------------------------


_fragments = st.lists(
    st.sampled_from(
        ["4242", "42424242", "424242", "4", "12", "4242424242424242", "4222222222222", "378282246310005", "٤٢٤٢",
         "-", " ", ", ", "\n", "\t", '"', "\\", "/", ".", "+", ":", "e", "E", "u", "ab", "GB29", "é", "京", "\u200b",
         "\u2011", "\U0001d7d2", "\U0001f4b3", "4242a242-4242-4242-8242-424242424242", "01JD8ZK3V5W8XQ2N4R6T8Y0A2C",
         "４２"]),
    max_size=9,
).map("".join)  # fmt: skip


@given(_fragments)
@example('"+1 ", 4222222222222')
def test_the_first_look_misses_nothing_in_a_text(text: str) -> None:
    assert may_carry(text.encode()) or not carries(text)


@st.composite
def literals(draw: st.DrawFn) -> str:
    """A JSON number, its digits those of a card number often."""
    digits = draw(cards() | st.integers(0, 10**20).map(str))
    point = draw(st.integers(0, len(digits)))
    fraction = digits[point:] + "0" * draw(st.integers(0, 2))
    exponent = draw(st.sampled_from(["", f"e{len(digits) - point}", f"E+{len(digits) - point}", "e-1", "e1", "e000"]))
    whole, sign = digits[:point].lstrip("0") or "0", draw(st.sampled_from(["", "-"]))
    return f"{sign}{whole}{'.' * bool(fraction)}{fraction}{exponent}"


@given(
    st.lists(st.tuples(_fragments, literals()), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.none() | st.randoms(use_true_random=False),
)
@example([("+1", "4222222222222"), ("+", "4222222222222")], False, True, None)
@example([("", "4242424242424242e000")], False, True, None)
@example([("\\u4242424242424242", "1")], True, True, None)
@example([("4242\n4242\t4242\ud8004242", "1")], True, True, None)
def test_the_first_look_misses_nothing_in_a_body(
    parts: list[tuple[str, str]], ascii_only: bool, compact: bool, chosen: random.Random | None
) -> None:
    """What is named is what carries one, value by value; a value is looked at only where the first look says so."""
    comma, colon = (",", ":") if compact else (", ", ": ")
    values = [f'{json.dumps(text, ensure_ascii=ascii_only)}{comma}{{"n"{colon}{number}}}' for text, number in parts]
    body = f"[{comma.join(values)}]"
    expected = []
    for n, (text, number) in enumerate(parts):
        expected += [str(2 * n)] * carries(text.partition(".")[0] if is_decimal(text) else text)
        expected += [f"{2 * n + 1}.n"] * number_carries(number)
    assert list(edge.in_body((escaped(body, chosen) if chosen else body).encode())) == expected


@pytest.mark.parametrize(
    "body",
    [b'["+1","4222222222222"]', b'["+1 ", 4222222222222]', b'["GB29", "4222222222222"]', b'["1.",4222222222222]'],
)
def test_the_value_before_does_not_make_it_something_else(body: bytes) -> None:
    assert list(edge.in_body(body)) == ["1"]


@given(_fragments, st.booleans())
def test_the_first_look_misses_nothing_in_what_is_no_json(text: str, ascii_only: bool) -> None:
    body = json.dumps({"a": text}, ensure_ascii=ascii_only)[:-1].encode()
    assert list(edge.in_body(body)) == ["body"] * carries(f'{{"a": "{text}"')


# --- in a request -------------------------------------------------------------------------------------------------


_names = st.text(string.ascii_lowercase + "é_ \u2013", min_size=1, max_size=6)
_leaves = st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.text(string.printable, max_size=12))
_documents = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4), max_leaves=12
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Any, str, str]:
    """A JSON value, the path of the one field in it that has a card number, and the number as it stands there."""
    text = draw(written_cards())
    value: Any = draw(st.sampled_from(BEFORE)) + text + draw(st.sampled_from(AFTER))
    assume(not is_decimal(value))
    path: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            items = [*draw(st.lists(_documents, max_size=2)), value]
            path.insert(0, str(len(items) - 1))
            value = items
        else:
            name = draw(_names)
            value = {**{n: v for n, v in draw(st.dictionaries(_names, _documents, max_size=2)).items() if n != name},
                     name: value}  # fmt: skip
            path.insert(0, name)
    return value, ".".join(path) or "body", text


def escaped(text: str, chosen: random.Random) -> str:
    """JSON text with some characters of its strings written as escapes."""
    out, in_string, at = "", False, 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            width = 6 if text[at + 1] == "u" else 2
            out, at = out + text[at : at + width], at + width
            continue
        in_string ^= character == '"'
        units = character.encode("utf-16-be")
        codes = [units[n : n + 2].hex() for n in range(0, len(units), 2)]
        change = in_string and character != '"' and chosen.random() < 0.3
        out += "".join(f"\\u{code}" for code in codes) if change else character
        at += 1
    return out


@given(bodies(), st.booleans(), st.randoms(use_true_random=False))
def test_any_field_of_a_body_is_named_with_its_path(
    case: tuple[Any, str, str], ascii_only: bool, chosen: random.Random
) -> None:
    value, path, _ = case
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert list(edge.in_body(text.encode())) == [path]
    assert list(edge.in_body(escaped(text, chosen).encode())) == [path]


@given(_documents, st.booleans())
def test_a_body_without_one_is_let_pass(value: Any, ascii_only: bool) -> None:
    assert list(edge.in_body(json.dumps(value, ensure_ascii=ascii_only).encode())) == []


@given(written_cards())
def test_a_name_that_is_one_is_not_repeated(text: str) -> None:
    assume(not is_decimal(text))
    body: Json = {"metadata": {text: {"inner": 1, "card": text}}}
    found = list(edge.in_body(json.dumps(body).encode()))
    assert found == [f"metadata.{REDACTED}", f"metadata.{REDACTED}.card"]


def test_a_field_that_is_there_twice_does_not_hide_the_first() -> None:
    body = b'{"metadata": {"note": "4242424242424242", "note": "harmless"}}'
    assert list(edge.in_body(body)) == ["metadata.note"]


@pytest.mark.parametrize(
    "body", [b"card=4242424242424242", b'{"a": "4242 4242 4242 4242"', b"[" * 5000 + b'"4242424242424242"']
)
def test_what_is_no_json_is_looked_at_as_text(body: bytes) -> None:
    assert list(edge.in_body(body)) == ["body"]


def test_a_tax_id_of_thirteen_digits_is_none_where_tax_ids_are() -> None:
    japanese, romanian = "4878877879697", "6020328396140"
    assert is_card_number(japanese)
    assert is_card_number(romanian)
    for tax_id in (japanese, f"T{japanese}", romanian, f"RO{romanian}"):
        for body in ({"taxId": tax_id}, {"tax_id": tax_id}, {"customer": {"buyerTaxId": tax_id}}):
            assert list(edge.in_body(json.dumps(body).encode())) == []
        assert list(edge.in_body(json.dumps({"note": tax_id}).encode())) == ["note"]
    assert list(edge.in_body(b'{"taxId": "4242424242424242"}')) == ["taxId"]


def test_a_tax_id_of_the_emirates_has_the_form_of_uatps_cards() -> None:
    number = checked("10012345678900")
    for tax_id in (number, f"AE{number}", f"AE {number}", f"100-{number[3:7]}-{number[7:11]}-{number[11:]}"):
        assert list(edge.in_body(json.dumps({"taxId": tax_id}).encode())) == []
    assert list(edge.in_body(json.dumps({"note": number, "taxId": "135410014004955"}).encode())) == ["note", "taxId"]


@given(cards(), st.integers(4, 9), st.sampled_from(["", "-"]))
def test_a_decimal_is_no_card_number_where_a_value_is_nothing_else(number: str, point: int, sign: str) -> None:
    decimal = f"{sign}{number[:point]}.{number[point:]}"
    assert list(edge.in_body(json.dumps({"quantity": decimal}).encode())) == []
    assert list(edge.in_body(json.dumps({"note": f"paid {decimal}"}).encode())) == ["note"]
    assert list(edge.in_body(json.dumps({"quantity": f"{number}.50"}).encode())) == ["quantity"]


def asked(
    path: str = "/v1/customers", query: str = "", body: bytes = b"", headers: dict[str, str] | None = None
) -> list[str]:
    return list(edge.in_request({"rawPath": path, "rawQueryString": query}, headers or {}, body))


@given(written_cards(), st.integers(0, 2))
def test_percent_encoding_hides_nothing(text: str, times: int) -> None:
    assume(times or not set("&=;%") & set(text))  # what a query's text is made of is encoded in it
    path, value, name = text, text, text
    for _ in range(times):
        path, value, name = quote(path), quote_plus(value), quote_plus(name)
    assert asked(path=f"/v1/customers/{path}") == ["path"]
    assert asked(query=f"limit=5&email={value}&x=1") == ["email"]
    assert asked(query=f"limit=5&{name}=1") == [REDACTED]


@given(written_cards())
def test_every_digit_may_be_encoded(text: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in text.encode())
    assert asked(path=f"/v1/{encoded}", query=f"q={encoded}") == ["path", "q"]


@pytest.mark.parametrize(
    ("header", "field"),
    [("idempotency-key", "Idempotency-Key"), ("x-user-id", "X-User-Id"), ("x-tenant-id", "X-Tenant-Id"),
     ("x-api-version", "X-API-Version")],
)  # fmt: skip
def test_headers_are_looked_at(header: str, field: str) -> None:
    assert asked(headers={header: "4242-4242-4242-4242"}) == [field]
    assert asked(headers={header: "order-4242"}) == []


def test_query_parameters_without_their_text_are_looked_at() -> None:
    event = {"rawPath": "/v1/x", "queryStringParameters": {"a": "4242424242424242", "4000056655665556": "b"}}
    assert list(edge.in_request(event, {}, b"")) == ["a", REDACTED]


def test_everything_is_named_at_once() -> None:
    body = json.dumps({"name": "4242424242424242", "metadata": {"n": "378282246310005"}, "amount": 5555555555554444})
    found = asked("/v1/4242424242424242", "c=5555555555554444", body.encode(), {"idempotency-key": "4242424242424242"})
    assert found == ["Idempotency-Key", "path", "c", "name", "metadata.n", "amount"]
    refusal = edge.refusal(found)
    assert refusal is not None
    assert [each.field for each in refusal.details] == found
    assert {each.reason for each in refusal.details} == {edge.REASON}
    assert not carries(refusal.message)
    assert edge.refusal([]) is None
