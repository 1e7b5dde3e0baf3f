"""Flowing text down A4 pages: a cursor that opens the next page when the present one is full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from billing.integrations.pdf.embedding import EmbeddedFonts
from billing.integrations.pdf.text import ShapedLine, Typesetter
from billing.integrations.pdf.writer import A4_HEIGHT_PT, A4_WIDTH_PT, Color, Page

MARGIN_PT = 48.0
TOP_PT = 54.0
BOTTOM_PT = A4_HEIGHT_PT - 64.0
LEFT_PT = MARGIN_PT
RIGHT_PT = A4_WIDTH_PT - MARGIN_PT
WIDTH_PT = RIGHT_PT - LEFT_PT

INK: Color = (0.11, 0.13, 0.16)
MUTED: Color = (0.42, 0.45, 0.5)
HAIRLINE: Color = (0.86, 0.87, 0.89)
GREEN: Color = (0.05, 0.46, 0.28)
RED: Color = (0.72, 0.15, 0.13)
AMBER: Color = (0.72, 0.38, 0.02)


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks; `leading_pt` is the distance to the next baseline."""

    size_pt: float
    color: Color = INK
    bold: bool = False
    leading_pt: float = 0.0

    @property
    def line_height_pt(self) -> float:
        """The height one line takes."""
        return self.leading_pt or self.size_pt * 1.45


BODY = Style(9)
STRONG = Style(9, bold=True)
QUIET = Style(9, MUTED)
SMALL = Style(7.5, MUTED)


class Flow:
    """Pages under construction and the cursor on the last of them.

    `on_new_page`, where set, is called at the top of each page but the first: a table repeats its header
    there.
    """

    def __init__(self, typesetter: Typesetter) -> None:
        self.fonts = EmbeddedFonts()
        self.pages: list[Page] = []
        self.y = TOP_PT
        self._typesetter = typesetter
        self.on_new_page: Callable[[], None] | None = None
        self.new_page()

    @property
    def page(self) -> Page:
        """The page being filled."""
        return self.pages[-1]

    def new_page(self) -> None:
        """Open a page and put the cursor at its top."""
        self.pages.append(Page(self.fonts))
        self.y = TOP_PT
        if self.on_new_page is not None and len(self.pages) > 1:
            self.on_new_page()

    def need(self, height_pt: float) -> None:
        """Open the next page unless this much fits on the present one."""
        if self.y + height_pt > BOTTOM_PT and self.y > TOP_PT:
            self.new_page()

    def shape(self, text: str, style: Style) -> ShapedLine:
        """Shape one line."""
        return self._typesetter.line(text, style.bold)

    def wrap(self, text: str, width_pt: float, style: Style) -> list[ShapedLine]:
        """Break text into lines of at most this width."""
        return self._typesetter.wrap(text, width_pt * 1000 / style.size_pt, style.bold)

    def joined(self, parts: Sequence[str], style: Style) -> ShapedLine:
        """Shape one line of parts that keep their order whatever their direction."""
        return self._typesetter.joined(parts, style.bold)

    def width(self, text: str, style: Style) -> float:
        """Width of one line in points."""
        return self.shape(text, style).width * style.size_pt / 1000

    def fitted(self, text: str, width_pt: float, style: Style) -> Style:
        """The style, made smaller where the text would not fit in the width: an amount is never cut."""
        return self.fitted_line(self.shape(text, style), width_pt, style)

    def fitted_line(self, line: ShapedLine, width_pt: float, style: Style) -> Style:
        """The same for a shaped line."""
        width = line.width * style.size_pt / 1000
        if width <= width_pt:
            return style
        return Style(style.size_pt * width_pt / width, style.color, style.bold, style.line_height_pt)

    def left(self, text: str, x: float, y: float, style: Style) -> None:
        """Draw one line that starts at x."""
        self.draw(self.shape(text, style), x, y, style)

    def right(self, text: str, x: float, y: float, style: Style) -> None:
        """Draw one line that ends at x."""
        line = self.shape(text, style)
        self.draw(line, x - line.width * style.size_pt / 1000, y, style)

    def draw(self, line: ShapedLine, x: float, y: float, style: Style) -> None:
        """Draw a shaped line with its top at y."""
        x += line.offset * style.size_pt / 1000
        self.page.text(line, x, y + style.size_pt, style.size_pt, style.color)

    def paragraph(self, text: str, width_pt: float, style: Style) -> None:
        """Draw wrapped text at the left margin, over as many pages as it takes."""
        for line in self.wrap(text, width_pt, style):
            self.need(style.line_height_pt)
            self.draw(line, LEFT_PT, self.y, style)
            self.y += style.line_height_pt

    def rule(self, x1: float = LEFT_PT, width_pt: float = 0.5, color: Color = HAIRLINE) -> None:
        """Draw a horizontal line from x1 to the right margin at the cursor."""
        self.page.rule(x1, RIGHT_PT, self.y, width_pt, color)
