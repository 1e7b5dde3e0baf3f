"""The blocks of an invoice or credit note, from the title down to the footers."""

from __future__ import annotations

from billing.domain.kernel.money import Money
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.layout import (
    AMBER,
    BODY,
    BOTTOM_PT,
    GREEN,
    HAIRLINE,
    LEFT_PT,
    MUTED,
    QUIET,
    RED,
    RIGHT_PT,
    SMALL,
    STRONG,
    TOP_PT,
    WIDTH_PT,
    Flow,
    Style,
)
from billing.integrations.pdf.table import draw_lines
from billing.integrations.pdf.text import ShapedLine, Typesetter
from billing.integrations.pdf.writer import Color
from billing.services.invoicing.documents import InvoiceDocument, Party, TaxLine

_TITLE = Style(22, bold=True, leading_pt=30)
_HEADLINE = Style(13, bold=True, leading_pt=20)
_NAME = Style(9.5, bold=True, leading_pt=14)
_STAMP = Style(10, bold=True)
_TOTAL = Style(10.5, bold=True)
_COLUMN_GAP_PT = 24.0
_LABEL_PT = 92.0
_TOTALS_X_PT = LEFT_PT + WIDTH_PT * 0.5
_STATUS_COLORS: dict[str, Color] = {"paid": GREEN, "void": RED, "uncollectible": RED, "draft": MUTED}
_TEST_NOTICE = "TEST \u2013 made in test mode, not a demand for payment"


def lay_out(document: InvoiceDocument, formats: Formats, typesetter: Typesetter) -> Flow:
    """Lay the whole document out; the flow holds its pages."""
    flow = Flow(typesetter)
    _title(flow, document)
    _facts(flow, document, formats)
    _parties(flow, document.seller, document.buyer)
    _headline(flow, document, formats)
    draw_lines(flow, formats, document.lines)
    _totals(flow, document, formats)
    _notes(flow, document)
    _footers(flow, document)
    return flow


def _title(flow: Flow, document: InvoiceDocument) -> None:
    stamp = document.status.upper()
    x = RIGHT_PT
    if stamp not in ("", "OPEN"):  # An open invoice is the normal case; its due date says what is to do.
        x = _badge(flow, stamp, x, _STATUS_COLORS.get(document.status.lower(), MUTED))
    if document.test_mode:
        x = _badge(flow, "TEST", x, AMBER)
    style = flow.fitted(document.title, x - LEFT_PT, _TITLE)
    flow.left(document.title, LEFT_PT, flow.y, style)
    flow.y += _TITLE.line_height_pt + 8


def _badge(flow: Flow, text: str, right: float, color: Color) -> float:
    """Draw a filled stamp that ends at `right`, and return where the next one may end."""
    width = flow.width(text, _STAMP) + 18
    flow.page.box(right - width, flow.y + 1, width, 20, color)
    flow.left(text, right - width + 9, flow.y + 5, Style(_STAMP.size_pt, (1.0, 1.0, 1.0), bold=True))
    return right - width - 8


def _facts(flow: Flow, document: InvoiceDocument, formats: Formats) -> None:
    facts = [
        (f"{document.title} number", document.number or "Not yet numbered (draft)"),
        ("For invoice", document.about_invoice),
        ("Date of issue", formats.date(document.issued_at) if document.issued_at else None),
        ("Date due", formats.date(document.due_at) if document.due_at else None),
        ("Date paid", formats.date(document.paid_at) if document.paid_at else None),
        ("Currency", document.currency),
    ]
    for label, value in facts:
        if value is None:
            continue
        parts = flow.wrap(value, WIDTH_PT - _LABEL_PT - 10, BODY)
        flow.left(label, LEFT_PT, flow.y, flow.fitted(label, _LABEL_PT, QUIET))
        for part in parts:
            flow.draw(part, LEFT_PT + _LABEL_PT + 10, flow.y, BODY)
            flow.y += BODY.line_height_pt + 1
    flow.y += 16


def _parties(flow: Flow, seller: Party, buyer: Party) -> None:
    width = (WIDTH_PT - _COLUMN_GAP_PT) / 2
    columns = (_party(flow, "From", seller, width), _party(flow, "Bill to", buyer, width))
    for index in range(max(map(len, columns))):
        pair = [column[index] if index < len(column) else None for column in columns]
        height = max(part[1].line_height_pt for part in pair if part)
        flow.need(height)
        for position, part in enumerate(pair):
            if part:
                flow.draw(part[0], LEFT_PT + position * (width + _COLUMN_GAP_PT), flow.y, part[1])
        flow.y += height
    flow.y += 20


def _party(flow: Flow, heading: str, party: Party, width: float) -> list[tuple[ShapedLine, Style]]:
    texts = [(heading, SMALL), (party.name, _NAME)]
    texts += [(line, BODY) for line in party.address_lines]
    texts += [(party.email, BODY)] if party.email else []
    texts += [(f"Tax ID: {party.tax_id}", BODY)] if party.tax_id else []
    return [(part, style) for text, style in texts for part in flow.wrap(text, width, style)]


def _headline(flow: Flow, document: InvoiceDocument, formats: Formats) -> None:
    parts: tuple[str, ...]
    if document.about_invoice is not None and document.issued_at is not None:
        parts = (formats.money(document.total), " credited on ", formats.date(document.issued_at))
    elif document.paid_at is not None and document.amount_due.micros == 0:
        # Settled by balance or credit notes alone, nothing was paid that day.
        what = (formats.money(document.amount_paid), " paid on ") if document.amount_paid.micros else ("Settled on ",)
        parts = (*what, formats.date(document.paid_at))
    elif document.due_at is not None and document.status.lower() == "open":
        parts = (formats.money(document.amount_due), " due ", formats.date(document.due_at))
    else:
        return
    flow.need(_HEADLINE.line_height_pt + 12)
    line = flow.joined(parts, _HEADLINE)
    flow.draw(line, LEFT_PT, flow.y, flow.fitted_line(line, WIDTH_PT, _HEADLINE))
    flow.y += _HEADLINE.line_height_pt + 12


def _totals(flow: Flow, document: InvoiceDocument, formats: Formats) -> None:
    rows = _total_rows(document, formats)
    # The block stays whole: a total on another page than its taxes is how totals get misread.
    flow.need(min(sum(style.line_height_pt + 8 for _, _, style in rows) + 8, BOTTOM_PT - TOP_PT - 1))
    flow.y += 8
    for index, (label, value, style) in enumerate(rows):
        if index:
            flow.rule(_TOTALS_X_PT)
        _total_row(flow, label, value, style)


def _total_row(flow: Flow, label: str, value: str, style: Style) -> None:
    value_style = flow.fitted(value, (RIGHT_PT - _TOTALS_X_PT) * 0.65, style)
    room = RIGHT_PT - _TOTALS_X_PT - flow.width(value, value_style) - 12
    parts = flow.wrap(label, room, style)
    flow.need(style.line_height_pt * len(parts) + 8)
    flow.y += 4
    for index, part in enumerate(parts):
        flow.draw(part, _TOTALS_X_PT, flow.y, style)
        if index == 0:
            flow.right(value, RIGHT_PT, flow.y, value_style)
        flow.y += style.line_height_pt
    flow.y += 4


def _total_rows(document: InvoiceDocument, formats: Formats) -> list[tuple[str, str, Style]]:
    rows = [("Subtotal", formats.money(document.subtotal), BODY)]
    if document.discount.micros:
        # Shown as what it takes off, whichever sign the caller keeps it with.
        rows.append(("Discount", formats.money(-abs(document.discount)), BODY))
    rows += [(_tax_label(tax, formats), formats.money(tax.amount), BODY) for tax in document.taxes]
    if len(document.taxes) != 1:
        label = "Total tax" if document.taxes else "Tax"
        rows.append((label, formats.money(document.tax), BODY))
    if document.about_invoice is not None:
        rows.append((f"Total credited ({document.currency})", formats.money(document.total), _TOTAL))
        return rows + [(each.label, formats.money(each.amount), BODY) for each in document.credited_to]
    rows.append(("Total", formats.money(document.total), STRONG))
    rows += _deductions(document, formats)
    rows.append(("Amount paid", formats.money(document.amount_paid), BODY))
    rows.append((f"Amount due ({document.currency})", formats.money(document.amount_due), _TOTAL))
    return rows


def _tax_label(tax: TaxLine, formats: Formats) -> str:
    """ "VAT (20%)" on top of the subtotal; "VAT (20%, included)" where the prices contain it."""
    return f"{tax.name} ({formats.rate(tax.rate_percent)}{', included' if tax.inclusive else ''})"


def _deductions(document: InvoiceDocument, formats: Formats) -> list[tuple[str, str, Style]]:
    """What of the total nobody has to pay by card, and what was paid too much or is owed to the buyer."""
    rows = []
    carried = document.carried or Money.zero(document.currency)
    if document.balance_applied is not None and document.balance_applied != carried:
        applied = document.balance_applied - carried
        label = "Credit balance applied"
        if applied.is_negative:
            label = "Added to credit balance" if document.total.is_negative else "Brought forward"
        rows.append((label, formats.money(-applied), BODY))
    if not carried.is_zero:
        rows.append(("Carried to your next invoice", formats.money(-carried), BODY))
    if document.amount_credited is not None and document.amount_credited.micros:
        rows.append(("Credit notes", formats.money(-document.amount_credited), BODY))
    return rows


def _notes(flow: Flow, document: InvoiceDocument) -> None:
    if not document.notes or not document.notes.strip():
        return
    flow.need(SMALL.line_height_pt + 2 * BODY.line_height_pt + 24)
    flow.y += 24
    flow.left("Notes", LEFT_PT, flow.y, SMALL)
    flow.y += SMALL.line_height_pt + 2
    flow.paragraph(document.notes.strip(), WIDTH_PT * 0.8, BODY)


def _footers(flow: Flow, document: InvoiceDocument) -> None:
    """Written last, when the number of pages is known."""
    everything = list(flow.pages)
    y = BOTTOM_PT + 20
    about = " \u00b7 ".join(part for part in (document.number, document.seller.name) if part)
    for index, page in enumerate(everything, start=1):
        flow.pages.append(page)
        flow.page.rule(LEFT_PT, RIGHT_PT, y - 6, 0.5, HAIRLINE)
        count = f"Page {index} of {len(everything)}"
        room = WIDTH_PT - flow.width(count, SMALL) - 16
        flow.draw(flow.wrap(about, room, SMALL)[0], LEFT_PT, y, SMALL)
        flow.right(count, RIGHT_PT, y, SMALL)
        if document.test_mode:
            flow.left(_TEST_NOTICE, LEFT_PT, y + 12, Style(7.5, AMBER, bold=True))
        flow.pages.pop()
