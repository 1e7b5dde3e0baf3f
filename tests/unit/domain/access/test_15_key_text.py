"""Issue 15, item 1: a key is known as one by its text alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.access.key_text import ENTROPY_BYTES, PATTERN, compose, hint, is_possible

ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
KINDS = st.sampled_from(["live", "test", "platform"])


@given(KINDS, ENTROPY)
def test_every_key_is_one_and_scanners_know_its_pattern(kind: str, entropy: bytes) -> None:
    key = compose(kind, entropy)
    assert is_possible(key)
    assert re.fullmatch(PATTERN, key)


@given(KINDS, ENTROPY, st.integers(0, 10**6), st.sampled_from("0aZ-_ ~é"))
def test_a_slip_of_one_character_is_noticed(kind: str, entropy: bytes, place: int, other: str) -> None:
    key = compose(kind, entropy)
    n = place % len(key)
    slipped = key[:n] + other + key[n + 1 :]
    assert is_possible(slipped) == (slipped == key)


@given(ENTROPY, ENTROPY)
def test_all_256_bits_are_in_it(one: bytes, other: bytes) -> None:
    assert (compose("live", one) == compose("live", other)) == (one == other)


@pytest.mark.parametrize("old", ["llk_" + "a" * 43, "llk_" + "_-9Z" * 10 + "abc"])
def test_a_key_from_before_there_was_a_checksum_is_still_one(old: str) -> None:
    assert is_possible(old)
    assert hint(old) == f"llk_...{old[-4:]}"


@pytest.mark.parametrize(
    "text", ["", "llk_", "llk_nobody", "sk_live_1", "llk_" + "a" * 42, "llk_" + "a" * 44, "\ud800"]
)
def test_what_is_no_key(text: str) -> None:
    assert not is_possible(text)


def test_the_hint_is_not_enough() -> None:
    key = compose("live", bytes(range(32)))
    assert hint(key) == f"llk_live_...{key[-4:]}"
