"""Request bodies: strict JSON (RFC 8259), of bounded size and depth."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.errors import BodyTooLarge, ValidationFailed
from billing.edge.http.body import fingerprint, parse, raw_body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def refusal(body: bytes, max_depth: int = 32) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as refused:
        parse(body, 10**6, max_depth)
    return {detail.field: detail.reason for detail in refused.value.details}


@given(JSON)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert parse(json.dumps(value).encode(), 10**6, 32) == value


@given(JSON)
def test_the_limit_is_of_bytes_and_inclusive(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    assert parse(body, len(body), 32) == value
    with pytest.raises(BodyTooLarge):
        parse(body, len(body) - 1, 32)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [1, 31, 32, 33, 34])
def test_32_levels_are_the_most(opening: str, depth: int) -> None:
    closing = "]" if opening == "[" else "}"
    body = (opening * depth + "1" + closing * depth).encode()
    if depth <= 32:
        parse(body, 10**6, 32)
    else:
        assert refusal(body) == {"body": "nested_too_deep"}


def test_brackets_in_a_text_are_no_depth() -> None:
    assert parse(json.dumps(["[" * 100]).encode(), 10**6, 32) == ["[" * 100]


def test_many_siblings_are_no_depth() -> None:
    assert parse(b"[" + b"[]," * 999 + b"[]]", 10**6, 2) == [[]] * 1000


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"nul", b"NaN", b"[Infinity]", b"-Infinity", b"01", b"1.", b".5", b"'a'", b"{a:1}", b"[1,]",
     b'"\x00"', b"\xff", b"\xef\xbb\xbf1", "1".encode("utf-16"), "1".encode("utf-32"), b"9" * 5000, b"1 2"],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert refusal(body) == {"body": "invalid_json"}


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"c":2,"a":3}}]'])
def test_a_field_named_twice_is_refused_by_name(body: bytes) -> None:
    assert refusal(body) == {"a": "duplicate_field"}


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_no_bytes(body: str | None) -> None:
    assert raw_body({"body": body}) == b""


def test_a_body_may_come_in_base64() -> None:
    assert raw_body({"body": "eyJhIjoxfQ==", "isBase64Encoded": True}) == b'{"a":1}'
    with pytest.raises(ValidationFailed):
        raw_body({"body": "{!}", "isBase64Encoded": True})


ASKED = ("POST", "/v1/customers", "", {"a": 1, "b": [1, 2]})


@pytest.mark.parametrize(
    "other",
    [
        ("PATCH", "/v1/customers", "", {"a": 1, "b": [1, 2]}),
        ("POST", "/v1/plans", "", {"a": 1, "b": [1, 2]}),
        ("POST", "/v1/customers", "a=1", {"a": 1, "b": [1, 2]}),
        ("POST", "/v1/customers", "", {"a": 1, "b": [2, 1]}),
        ("POST", "/v1/customers", "", {"a": "1", "b": [1, 2]}),
        ("POST", "/v1/customers", "", {"a": True, "b": [1, 2]}),
        ("POST", "/v1/customers", "", None),
    ],
)
def test_another_request_has_another_fingerprint(other: tuple[str, str, str, Any]) -> None:
    assert fingerprint(*other) != fingerprint(*ASKED)


def test_the_order_of_fields_is_no_difference() -> None:
    assert fingerprint("POST", "/v1/customers", "", {"b": [1, 2], "a": 1}) == fingerprint(*ASKED)
