"""Colours as people see them: which two can be told apart (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

WHITE, BLACK = "#ffffff", "#000000"
TEXT, PARTS = 4.5, 3.0
"""The least contrast: of text with what is behind it; of the edges of a button with what is around it."""

_COLOR = re.compile("#[0-9A-Fa-f]{6}")


def is_color(text: str | None) -> bool:
    """Whether it is one, as ``#RRGGBB``."""
    return text is not None and _COLOR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """The contrast of two colours: 1 for the same one, 21 for black on white.

    Args:
        one, other: as ``#RRGGBB``.

    Source: WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """What text on a colour is written in: black or white, whichever is read more easily; one of them always is."""
    return max((WHITE, BLACK), key=lambda each: contrast(each, color))


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
