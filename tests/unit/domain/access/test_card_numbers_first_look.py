"""The first look for card numbers misses nothing that the close look finds."""

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.domain.access.card_numbers import (
    carries,
    may_carry,
    number_carries,
)
from billing.edge.http import card_numbers as edge
from tests.support.card_numbers import cards, escaped, is_decimal

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
