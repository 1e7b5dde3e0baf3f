"""How a table of any width fits on pages: upright, across, or in several parts that repeat its first columns.

Widths are estimated, and rather too large than too small: Typst lays out what it is told to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

MARGIN_PT = 48
UPRIGHT_PT, ACROSS_PT = 595 - 2 * MARGIN_PT, 842 - 2 * MARGIN_PT
GUTTER_PT, _BEHIND_FIGURE_PT = 9, 9
NUMBER_PT = 24
"""The numbers of rows, by which the parts of a row are found."""
_SIZES_PT = (8.0, 7.0)
_WIDEST_TEXT_EM = 17.0
"""A text of more is broken into lines: an id of thirty letters takes two."""
_LONGEST_WORD = 24
"""``text.breakable`` lets longer words break anywhere."""
_BOLD = 1.08
_KEYS_SHARE = 0.42
"""So much of a page the columns that all parts repeat may take."""
_NARROW, _DIGITS, _WIDE = frozenset(" .,:;'’|!iljtf\u00a0\u202f"), frozenset("0123456789€$£¥"), frozenset("MWmw@%—")
_NARROW_EM, _DIGIT_EM, _LETTER_EM, _WIDE_EM, _HAN_EM = 0.37, 0.575, 0.66, 0.96, 1.02


@dataclass(frozen=True, slots=True)
class Measured:
    """A column's widths, in the size of its letters.

    Args:
        wanted: on which no cell is broken, but texts that are very long.
        least: on which no word is.
        is_figure: set to the right, and never broken.
    """

    wanted: float
    least: float
    is_figure: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table: which of its columns, and how wide each is, in points.

    Args:
        keys: so many of them are repeated in each part.
    """

    columns: tuple[int, ...]
    widths: tuple[float, ...]
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is laid out: across the page or upright, in which size, and in how many parts."""

    across: bool
    size_pt: float
    parts: tuple[Part, ...]


def measured(title: str, cells: Sequence[str], totals: Sequence[str], *, is_figure: bool) -> Measured:
    """A column's widths.

    Args:
        title: set in bold, as its totals are; it is broken between words.
    """
    bold = [_BOLD * _width(each) for each in totals]
    head = max((_BOLD * _width(each) for each in title.split(" ")), default=0.0)
    if is_figure:
        widest = max([head, *bold, *map(_width, cells)])
        return Measured(widest, widest, True)
    words = (_width(word) for cell in cells for word in cell.split(" ") if len(word) < _LONGEST_WORD)
    least = max([head, *words, 3.0])
    widest = max([*bold, *map(_width, cells)], default=0.0)
    return Measured(max(least, min(widest, _WIDEST_TEXT_EM)), least, False)


def layout(columns: Sequence[Measured]) -> Layout:
    """The first of these that fits: upright, across, across with its texts broken, across in parts."""
    whole = tuple(range(len(columns)))
    for across, room in ((False, UPRIGHT_PT), (True, ACROSS_PT)):
        for size in _SIZES_PT:
            wanted = _in_points(columns, [each.wanted for each in columns], size)
            if sum(wanted) <= room:
                return Layout(across, size, (Part(whole, _spread(wanted, room)),))
    size = _SIZES_PT[-1]
    wanted, least = (
        _in_points(columns, widths, size)
        for widths in ([each.wanted for each in columns], [each.least for each in columns])
    )
    if sum(least) <= ACROSS_PT:
        # What room there is goes to the texts by what each of them lacks.
        share = (ACROSS_PT - sum(least)) / (sum(wanted) - sum(least))
        return Layout(
            True, size, (Part(whole, tuple(a + (b - a) * share for a, b in zip(least, wanted, strict=True))),)
        )
    return Layout(True, size, tuple(_parts(columns, wanted)))


def _in_points(columns: Sequence[Measured], widths: Sequence[float], size: float) -> list[float]:
    """Widths with what is left free beside each: more where a text stands behind a figure, as the two would meet."""
    behind = [False, *(each.is_figure for each in columns)]
    return [
        width * size + GUTTER_PT + (_BEHIND_FIGURE_PT if is_behind and not each.is_figure else 0)
        for each, width, is_behind in zip(columns, widths, behind, strict=False)
    ]


def _parts(columns: Sequence[Measured], wanted: Sequence[float]) -> Iterator[Part]:
    """Parts that begin with the same columns and have the others in turn; each has one of these at least."""
    page = ACROSS_PT - NUMBER_PT
    widest = page * _KEYS_SHARE
    wide = [min(each, widest) for each in wanted]
    keys = _keys(columns, wide, widest)
    others = range(keys, len(columns))
    divided = _divided(wide, others, page - sum(wide[:keys]), len(columns))
    # As many to each, where that takes no part more: a last part of one column looks like a mistake.
    evenly = _divided(wide, others, page - sum(wide[:keys]), -(-len(others) // len(divided)))
    for taken in evenly if len(evenly) == len(divided) else divided:
        shown = (*range(keys), *taken)
        yield Part(shown, _spread([wide[n] for n in shown], page), keys)


def _divided(wide: Sequence[float], columns: Sequence[int], room: float, most: int) -> list[list[int]]:
    """Columns in groups, each as wide as there is room, or one alone, and of so many at most."""
    groups: list[list[int]] = []
    for n in columns:
        if groups and len(groups[-1]) < most and sum(wide[each] for each in groups[-1]) + wide[n] <= room:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def _keys(columns: Sequence[Measured], wide: Sequence[float], most: float) -> int:
    """How many columns say whose a row is: texts before its first figure, as far as there is room for them."""
    count, taken = 1, wide[0]
    while count < len(columns) - 1 and not columns[count].is_figure:
        taken += wide[count]
        if taken > most:
            break
        count += 1
    return count


def _spread(widths: Sequence[float], room: float) -> tuple[float, ...]:
    """The same and what is left of the page, a like part to each; less to each where it is too much."""
    rest = room - sum(widths)
    if rest < 0:
        return tuple(each * room / sum(widths) for each in widths)
    return tuple(each + rest / len(widths) for each in widths)


def _width(text: str) -> float:
    return sum(map(_em, text))


def _em(char: str) -> float:
    if char in _DIGITS:
        return _DIGIT_EM
    if char in _NARROW:
        return _NARROW_EM
    if char in _WIDE:
        return _WIDE_EM
    if east_asian_width(char) in "WF":
        return _HAN_EM
    return _LETTER_EM if char >= " " else 0.0
