"""Issue 19: whatever colour a tenant has, its pages can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.colors import BLACK, TEXT, WHITE, contrast, ink_on, is_color

_COLORS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(_COLORS)
def test_text_on_any_colour_has_the_contrast_that_text_needs(color: str) -> None:
    assert contrast(ink_on(color), color) >= TEXT


@given(_COLORS, _COLORS)
def test_contrast_is_the_same_both_ways(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one) >= 1


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.478),
        ("#0b4f9e", "#ffffff", 7.996),
        ("#ff0000", "#ffffff", 3.998),
    ],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.02)


def test_light_colours_get_dark_text() -> None:
    assert (ink_on("#ffe680"), ink_on("#0b4f9e")) == (BLACK, WHITE)
    assert [is_color(each) for each in ("#0B4f9e", "#abc", "red", None)] == [True, False, False, False]
