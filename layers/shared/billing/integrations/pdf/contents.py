"""What a document says, in the words and the look of its locale: the one JSON value that the template lays out.

Nothing is added up here. Every string is printable text, none of it markup.
"""

from __future__ import annotations

from typing import Any

from billing.domain.kernel.bank import BankDetails
from billing.domain.tax.rules import EXEMPT_NOTE, REVERSE_CHARGE_NOTE
from billing.integrations.pdf import letterhead
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.payment_codes import link_code, transfer_code
from billing.integrations.pdf.tables import lines_table, tax_remarks, tax_table
from billing.integrations.pdf.text import breakable, isolated, one_line, printable
from billing.integrations.pdf.totals import credited_rows, total_rows
from billing.integrations.pdf.words import Words
from billing.services.invoicing.documents import InvoiceDocument

_TONES = {"paid": "good", "void": "bad", "uncollectible": "bad", "draft": "muted"}
_CARDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
}


class Contents:
    """Gathers what one document says.

    Raises:
        ZoneInfoNotFoundError: the document's time zone does not exist.
    """

    def __init__(self, document: InvoiceDocument) -> None:
        self.document = document
        self.formats = Formats(document.locale, document.timezone)
        self.words = Words(self.formats.locale.language)
        self.is_credit_note = document.about_invoice is not None

    @property
    def title(self) -> str:
        """The document's kind in its language; a title of its own is kept."""
        if not self.words.is_default(self.document.title):
            return one_line(self.document.title)
        return self.words["credit_note" if self.is_credit_note else "invoice"]

    def gathered(self) -> dict[str, Any]:
        """Everything, but the logo and attachments."""
        document, words = self.document, self.words
        rows = credited_rows if self.is_credit_note else total_rows
        number = one_line(document.number) if document.number else ""
        return {
            **letterhead.language(document.locale, self.formats, words),
            "title": breakable(self.title),
            "file_title": " ".join(part for part in (self.title, number) if part),
            "author": one_line(document.seller.name),
            "color": letterhead.color(document.branding),
            "logo_alt": words["logo"].format(name=one_line(document.seller.name)),
            "stamps": self._stamps(),
            "facts": [[label, breakable(value)] for label, value in self._facts() if value],
            "parties": [
                letterhead.party("from", document.seller, self.formats, words),
                letterhead.party(
                    "credit_to" if self.is_credit_note else "bill_to", document.buyer, self.formats, words
                ),
            ],
            **self._headline(),
            "lines": lines_table(document, self.formats, words),
            "totals": rows(document, self.formats, words),
            "taxes": tax_table(document, self.formats, words),
            "remarks": tax_remarks(document, words),
            "pay": self._how_to_pay(),
            "notes": self._notes(),
            **letterhead.feet(number, document.seller, document.branding, document.test_mode, words),
        }

    def _stamps(self) -> list[dict[str, str]]:
        status = self.document.status.lower()
        stamps = []
        if self.document.test_mode:
            stamps.append({"text": self.words["test"], "tone": "warn"})
        if status not in ("", "open"):  # An open invoice is the normal case; its due date says what is to do.
            text = self.words.get(f"status_{status}") or one_line(self.document.status).upper()
            stamps.append({"text": text, "tone": _TONES.get(status, "muted")})
        return stamps

    def _facts(self) -> list[tuple[str, str | None]]:
        document, words, formats = self.document, self.words, self.formats
        number = words["credit_note_number" if self.is_credit_note else "invoice_number"]
        if not words.is_default(document.title):
            number = words["other_number"].format(title=self.title)
        supplied = formats.period(document.supplied_from, document.supplied_until)
        is_period = "\u2013" in supplied
        return [
            (number, one_line(document.number) if document.number else words["no_number"]),
            (words["about_invoice"], one_line(document.about_invoice) if document.about_invoice else None),
            (words["issued"], formats.date(document.issued_at) if document.issued_at else None),
            (words["due"], formats.date(document.due_at) if document.due_at else None),
            (words["paid"], formats.date(document.paid_at) if document.paid_at else None),
            (words["supply_period" if is_period else "supply_date"], supplied or None),
            (words["po_number"], one_line(document.po_number) if document.po_number else None),
            (words["payment_method"], self._card()),
            (words["currency"], document.currency),
            *((breakable(one_line(name)), one_line(value)) for name, value in document.custom_fields),
        ]

    def _card(self) -> str | None:
        card = self.document.paid_by
        if card is None:
            return None
        brand = _CARDS.get(card.brand.lower()) or one_line(card.brand).replace("_", " ").title()
        return f"{brand} \u2022\u2022\u2022\u2022 {one_line(card.last4)}"

    def _headline(self) -> dict[str, str | None]:
        """The one sentence that most readers look for, and the receipt's below it."""
        document = self.document
        key, amount, at, below = None, document.total, document.issued_at, None
        if self.is_credit_note:
            key = "headline_credited"
        elif document.paid_at is not None and document.amount_due.micros == 0:
            # Settled by balance or credit notes alone, nothing was paid that day.
            key = "headline_paid" if document.amount_paid.micros else "headline_settled"
            amount, at = document.amount_paid, document.paid_at
            below = self._receipt() if document.amount_paid.micros else None
        elif document.status.lower() == "open":
            key, amount, at = "headline_due", document.amount_due, document.due_at
        if key is None or at is None:
            return {"headline": None, "receipt": None}
        day = isolated(self.formats.date(at))
        return {
            "headline": self.words[key].format(amount=isolated(self.formats.money(amount)), date=day),
            "receipt": below,
        }

    def _receipt(self) -> str:
        card = self._card()
        return self.words["receipt_card"].format(card=card) if card else self.words["receipt"]

    def _how_to_pay(self) -> dict[str, Any] | None:
        document, words = self.document, self.words
        pay = document.how_to_pay
        if pay is None or (pay.bank is None and not pay.link):
            return None
        reference = one_line(pay.reference)
        codes = []
        transfer = transfer_code(pay.bank, reference, document.amount_due) if pay.bank else None
        if transfer:
            codes.append({"svg": transfer, "caption": words["scan_transfer"]})
        page = link_code(pay.link) if pay.link else None
        if page:
            codes.append({"svg": page, "caption": words["scan_link"]})
        details = [*(self._bank(pay.bank) if pay.bank else ()), (words["reference"], reference)]
        link = one_line(pay.link) if pay.link else None
        return {
            "heading": words["how_to_pay"],
            "details": [[label, breakable(value)] for label, value in details if value],
            "link_label": words["online"],
            "link": link if link and link.startswith(("https://", "http://")) else None,
            "link_text": breakable(link) if link else None,
            "codes": codes,
        }

    def _bank(self, bank: BankDetails) -> list[tuple[str, str]]:
        words = self.words
        iban = "".join((bank.iban or "").split()).upper()
        grouped = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
        return [
            (words["account_holder"], one_line(bank.holder)),
            ("IBAN", one_line(grouped)),
            ("BIC", one_line(bank.bic or "")),
            (words["account_number"], one_line(bank.account_number or "")),
            (words["routing"], one_line(bank.routing or "")),
            (words["bank"], one_line(bank.bank_name or "")),
        ]

    def _notes(self) -> dict[str, Any] | None:
        said = printable(self.document.notes or "").strip()
        # The tax engine's notes are remarks of their own, in the document's language.
        lines = [line for line in said.split("\n") if line.strip() not in (REVERSE_CHARGE_NOTE, EXEMPT_NOTE)]
        text = breakable("\n".join(lines).strip())
        return {"heading": self.words["notes"], "text": text} if text else None
