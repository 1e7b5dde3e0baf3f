"""Card numbers: every one of them is found however it is written, and what only has many digits is let pass."""

import json
import random
import string
from hashlib import md5, sha1, sha256
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from billing.domain.card_numbers import (
    REDACTED,
    carries,
    is_card_number,
    luhn_remainder,
    may_carry,
    number_carries,
    shown,
)
from billing.domain.ids import derived, fresh
from billing.domain.times import parse_time
from billing.edge import card_numbers as edge

Json = dict[str, Any]

# docs.stripe.com/testing, and one of each issuer that is not there.
CARDS = [
    "4242424242424242", "4000056655665556", "4222222222222", "5555555555554444", "2223003122003222", "2720990000000007",
    "5200828282828210", "5105105105105100", "378282246310005", "371449635398431", "6011111111111117",
    "6011000990139424", "6011981111111113", "3056930009020004", "36227206271667", "6555900000604105",
    "3566002020360505", "6200000000000005", "6200000000000047", "6205500000000000004", "5018000000000009",
    "6759649826438453", "8171999927660000", "2200000000000053", "30569309025904", "38520000023237", ]  # fmt: skip
PREFIXES = [
    "4", *map(str, range(50, 59)), "2221", "2229", "2230", "2300", "2699", "2700", "2719", "2720", "34", "37", "30",
    "36", "38", "39", "35", "6", "81", "82", "2200", "2204",
]  # fmt: skip
NOBODYS = ["1", "0", "7", "9", "2", "20", "2199", "2205", "2220", "2721", "28", "3", "31", "32", "33", "59", "80", "83"]
PRINTED: dict[int, list[tuple[int, ...]]] = {
    13: [(4, 4, 4, 1)],
    14: [(4, 4, 4, 2), (4, 6, 4)],
    15: [(4, 4, 4, 3), (4, 6, 5)],
    16: [(4, 4, 4, 4)],
    17: [(4, 4, 4, 4, 1)],
    18: [(4, 4, 4, 4, 2)],
    19: [(4, 4, 4, 4, 3)],
}
SEPARATORS = [" ", "-", "\u00a0", "\u2009", "\u202f", "\u2010", "\u2011", "\u2013", "\u2212"]
BEFORE = ["", "card ", "Karte:", "pan=", "(", "nr", "x", "#", "№ ", "\n", "+ ", "2026: ", "no. ", "evt_", "北京", "é-"]
AFTER = ["", " exp 12/29", ", 123", ")", " 1", ".", "\t", "-x", "_b", "z", "; call me", "京", " cvc"]
SCRIPTS = [chr(zero) for zero in (0x30, 0x0660, 0x06F0, 0x0966, 0x0E50, 0xFF10, 0x1D7CE)]


def checked(payload: str) -> str:
    """A number with the digit after it that makes it right."""
    return next(payload + digit for digit in string.digits if luhn_remainder(payload + digit) == 0)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A number with an issuer's prefix and the right check digit."""
    prefix = draw(st.sampled_from(PREFIXES))
    length = draw(st.integers(16 if prefix == "35" else 13, 19))
    return checked(prefix + draw(st.text(string.digits, min_size=length - 1, max_size=length - 1))[len(prefix) :])


def in_groups(number: str, sizes: tuple[int, ...], separators: list[str]) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return "".join(part + separator for part, separator in zip(parts, [*separators[: len(parts) - 1], ""], strict=True))


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """The same as somebody may write it: in one run or in groups, in the digits of any script."""
    number = draw(cards())
    text = number
    if draw(st.booleans()):
        sizes = draw(st.sampled_from(PRINTED[len(number)]))
        text = in_groups(number, sizes, draw(st.lists(st.sampled_from(SEPARATORS), min_size=4, max_size=4)))
    zero = draw(st.sampled_from(SCRIPTS))
    return "".join(chr(ord(zero) + int(c)) if c in string.digits else c for c in text)


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


@given(cards(), st.integers(1, 9), st.sampled_from(SEPARATORS), st.sampled_from(BEFORE))
def test_with_a_wrong_check_digit_it_is_none(number: str, off: int, separator: str, before: str) -> None:
    wrong = number[:-1] + str((int(number[-1]) + off) % 10)
    assert not carries(before + wrong)
    assert shown(wrong) == wrong
    if len(number) <= 16:  # longer ones have a shorter number in their first groups, which may be right
        for sizes in PRINTED[len(number)]:
            assert not carries(before + in_groups(wrong, sizes, [separator] * 3))


@given(st.sampled_from(NOBODYS), st.integers(13, 19), st.text(string.digits, min_size=18, max_size=18))
def test_without_an_issuers_prefix_it_is_none(prefix: str, length: int, digits: str) -> None:
    number = checked((prefix + digits)[: length - 1])
    assume(not any(number.startswith(known) for known in PREFIXES))
    assume(not "2221" <= number[:4] <= "2720")
    assert not carries(number)


@given(cards(), st.text(string.digits, min_size=1, max_size=8))
def test_a_run_is_taken_whole(number: str, more: str) -> None:
    assert carries(number + more) == is_card_number(number + more)
    assert carries(more + number) == is_card_number(more + number)


def test_an_imei_and_a_jcb_card_differ_in_length() -> None:
    assert not carries("356938035643809")
    assert carries("3566002020360505")


@given(st.uuids(), st.sampled_from(BEFORE[:6]))
@example(UUID("42424242-4242-4242-4242-424242424242"), "")
@example(UUID("abcd4242-4242-4242-4242-424242424242"), "evt_")
def test_a_uuid_is_none(value: UUID, before: str) -> None:
    assume(not before[-1:].isalnum())
    assert not carries(f"{before}{value}")
    if not value.hex.isdecimal():
        assert not carries(value.hex)
        assert not carries(value.hex.upper())


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
        "42424242424242424242", "424242424242", "4242 4242 4242", "4242  4242  4242  4242", "4242.4242.4242.4242",
        "4242,4242,4242,4242", "4242/4242/4242/4242", "192.168.100.100", "1 000 000 000 000", "4 242 424 242 424 242",
    ],
)  # fmt: skip
def test_what_else_has_many_digits_is_none(text: str) -> None:
    assert not carries(text)
    assert not may_carry(text.encode())


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


@pytest.mark.parametrize(
    "literal", ["8171999927660000", "5105105105105000", "1795298460123", "4242424242424241", "0", "12.5", "-1", "NaN"]
)
def test_money_in_micro_units_and_other_numbers_are_none(literal: str) -> None:
    assert not number_carries(literal)
    assert list(edge.in_body(f'{{"amount": {literal}}}'.encode())) == []


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


def asked(
    path: str = "/v1/customers", query: str = "", body: bytes = b"", headers: dict[str, str] | None = None
) -> list[str]:
    return list(edge.in_request({"rawPath": path, "rawQueryString": query}, headers or {}, body))


@given(written_cards(), st.integers(0, 2))
def test_percent_encoding_hides_nothing(text: str, times: int) -> None:
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
