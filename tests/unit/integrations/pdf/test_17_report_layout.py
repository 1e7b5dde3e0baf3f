"""Issue 17, number 6: a table of any width fits on pages, and no column is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.integrations.pdf.report_layout import ACROSS_PT, NUMBER_PT, UPRIGHT_PT, Layout, Measured, layout, measured


@st.composite
def columns(draw: st.DrawFn) -> list[Measured]:
    """A text first, as every report has, and then anything."""
    made = []
    for n in range(draw(st.integers(1, 40))):
        is_figure = n > 0 and draw(st.booleans())
        wanted = draw(st.floats(1, 60))
        made.append(Measured(wanted, wanted if is_figure else draw(st.floats(1, wanted)), is_figure))
    return made


@given(columns())
def test_every_column_is_in_one_part_and_the_first_ones_in_all(found: list[Measured]) -> None:
    made = layout(found)
    keys = {part.keys for part in made.parts}
    assert len(keys) == 1
    repeated = tuple(range(keys.pop()))
    others = [n for part in made.parts for n in part.columns[len(repeated) :]]
    assert [*repeated, *others] == list(range(len(found)))
    assert all(part.columns[: len(repeated)] == repeated for part in made.parts)


@given(columns())
def test_no_part_is_wider_than_its_page(found: list[Measured]) -> None:
    made = layout(found)
    page = (ACROSS_PT if made.across else UPRIGHT_PT) - (NUMBER_PT if len(made.parts) > 1 else 0)
    for part in made.parts:
        assert sum(part.widths) == pytest.approx(page)
        assert min(part.widths) > 0
        assert len(part.widths) == len(part.columns)


@given(columns())
def test_what_fits_upright_is_upright_and_whole(found: list[Measured]) -> None:
    made = layout(found)
    if sum(each.wanted for each in found) * 8 + 18 * len(found) <= UPRIGHT_PT:
        assert (made.across, made.size_pt, len(made.parts)) == (False, 8.0, 1)


def wide(count: int, em: float = 8.0) -> Layout:
    return layout([Measured(em, em, is_figure=n > 1) for n in range(count)])


def test_it_turns_the_page_before_it_breaks_the_table() -> None:
    assert [(made.across, len(made.parts)) for made in (wide(6), wide(10), wide(27))] == [
        (False, 1), (True, 1), (True, 3),
    ]  # fmt: skip


def test_parts_have_as_many_columns_each() -> None:
    """A last part of one column would look as if something were missing."""
    sizes = [len(part.columns) for part in wide(27).parts]
    assert max(sizes) - min(sizes) <= 2


def test_a_figure_is_never_broken_and_a_long_text_may_be() -> None:
    figure = measured("Net", ["€1,234,567,890.00"], ["€9,999,999,999.00"], is_figure=True)
    assert figure.least == figure.wanted > 8
    text = measured("Id", ["x" * 30 + " " + "y" * 30], [], is_figure=False)
    assert text.least < text.wanted == 17.0


def test_a_title_is_broken_between_its_words_alone() -> None:
    short, long = (measured(title, ["€1.00"], [], is_figure=True) for title in ("Of it", "Of it reversed to nothing"))
    assert short.wanted < long.wanted < 8 * 0.96 * 1.08
