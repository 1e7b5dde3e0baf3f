"""Card numbers in a request: bodies, queries and headers, and the fields that are named."""

import json
import random
import string
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from billing.domain.access.card_numbers import (
    REDACTED,
    carries,
    is_card_number,
)
from billing.edge.http import card_numbers as edge
from tests.support.card_numbers import AFTER, BEFORE, cards, checked, escaped, is_decimal, written_cards

Json = dict[str, Any]
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


@example("400000000%0006", 1)  # a card number until its "%00" is decoded as well
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
