"""What a payout's statement says, in the words and the look of its locale: the one JSON value for the template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import AccountLine, Figures
from billing.domain.marketplace.payout import PayoutStatus
from billing.domain.marketplace.statement import Total, by_day
from billing.integrations.pdf import letterhead
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.text import breakable, isolated, one_line
from billing.integrations.pdf.words import Words
from billing.services.marketplace.statements import StatementDocument

_TONES = {PayoutStatus.PAID: "good", PayoutStatus.FAILED: "bad", PayoutStatus.CANCELED: "muted"}
MOST_LINES = 1_000
"""A statement of more lines is printed by day and type; its JSON and CSV have every line. 1,000 lines are 1.4 MB and
three seconds; 5,000 would be 7 MB, more than a Lambda can answer with, 18 seconds, and 700 MB of memory."""
_FIGURES = {
    "gross": "gross",
    "discount": "discount",
    "commission": "commission",
    "commission_tax": "commission_tax",
    "tax": "collected_tax",
    "fee": "fee",
}
"""The figures beside a line's amount, each with the key of its word."""


class StatementContents:
    """Gathers what one statement says. Nothing is added up here.

    Raises:
        ZoneInfoNotFoundError: the document's time zone does not exist.
    """

    def __init__(self, document: StatementDocument) -> None:
        self.document = document
        self.formats = Formats(document.locale, document.timezone)
        self.words = Words(self.formats.locale.language)
        self._shown = _shown(document.statement.lines)

    def gathered(self) -> dict[str, Any]:
        """Everything, but the logo and attachments."""
        document, words = self.document, self.words
        number = one_line(document.statement.payout.number)
        return {
            **letterhead.language(document.locale, self.formats, words),
            "title": words["statement"],
            "file_title": f"{words['statement']} {number}",
            "author": one_line(document.issuer.name),
            "color": letterhead.color(document.branding),
            "logo_alt": words["logo"].format(name=one_line(document.issuer.name)),
            "stamps": self._stamps(),
            "facts": [[label, breakable(value)] for label, value in self._facts() if value],
            "parties": [
                letterhead.party("from", document.issuer, self.formats, words),
                letterhead.party("to_provider", document.provider, self.formats, words),
            ],
            "headline": self._headline(),
            "receipt": None,
            "lines": self._lines(),
            "totals": self._totals(),
            "summary": self._summary(),
            "note": words["statement_note"],
            "beside": self._beside(),
            **letterhead.feet(number, document.issuer, document.branding, document.test_mode, words),
        }

    def _stamps(self) -> list[dict[str, str]]:
        status = self.document.statement.payout.status
        stamps = []
        if self.document.test_mode:
            stamps.append({"text": self.words["test"], "tone": "warn"})
        text = self.words.get(f"status_{status.value}")
        if text is not None and status is not PayoutStatus.PAID:  # that one is said by the headline
            stamps.append({"text": text, "tone": _TONES.get(status, "muted")})
        return stamps

    def _facts(self) -> list[tuple[str, str | None]]:
        stated, words, formats = self.document.statement, self.words, self.formats
        payout = stated.payout
        first, last = formats.date(stated.begins_at), formats.date(payout.created_at)
        period = isolated(first) if first == last else f"{isolated(first)} \u2013 {isolated(last)}"
        last4 = one_line(payout.destination) if payout.destination else None
        return [
            (words["statement_number"], one_line(payout.number)),
            (words["payout_id"], payout.id),
            (words["issued"], formats.date(payout.created_at)),
            (words["statement_period"], period),
            (words["destination"], words["account_ending"].format(last4=isolated(last4)) if last4 else None),
            (words["currency"], stated.currency),
        ]

    def _headline(self) -> str:
        payout = self.document.statement.payout
        key, at = "headline_payout", payout.paid_at or payout.created_at
        if payout.status in (PayoutStatus.FAILED, PayoutStatus.CANCELED):
            key = "headline_payout_back" if payout.returned_seq is not None else "headline_payout_failed"
            at = payout.created_at
        return self.words[key].format(
            amount=isolated(self.formats.money(payout.amount)), date=isolated(self.formats.date(at))
        )

    def _lines(self) -> dict[str, Any]:
        stated, words = self.document.statement, self.words
        long = len(stated.lines) > MOST_LINES
        rows = self._days() if long else [self._row(each) for each in stated.lines]
        headers = [words["description"], *(words[_FIGURES[name]] for name in self._shown)]
        cells = [row["cells"] for row in rows]
        count = self.formats.whole(len(stated.lines))
        return {
            "heading": words["by_day"].format(count=count) if long else words["account_lines"],
            "headers": [*headers, words["amount"], words["balance"]],
            "widest": [max(map(len, column)) for column in zip(*cells, strict=True)],
            "rows": rows,
        }

    def _row(self, line: AccountLine) -> dict[str, Any]:
        return {"description": self._named(line), "cells": self._cells(line.figures, line.amount, line.balance_after)}

    def _days(self) -> list[dict[str, Any]]:
        return [
            {
                "description": [self._counted(each.total), self.formats.date(each.at)],
                "cells": self._cells(each.total.figures, each.total.amount, each.balance_after),
            }
            for each in by_day(self.document.statement, self.formats.zone)
        ]

    def _named(self, line: AccountLine) -> list[str]:
        """What a line is, and below: when, and of which order."""
        note = one_line(line.note) if line.note else ""
        what = self.words[f"line_{line.type.value}"]
        about = line.order_id or line.source_id
        return [
            breakable(f"{what}: {note}" if note else what),
            breakable(
                " \u00b7 ".join(isolated(part) for part in (self.formats.date(line.at), one_line(about)) if part)
            ),
        ]

    def _cells(self, figures: Figures | None, *amounts: Money) -> list[str]:
        shown = [getattr(figures, name) if figures is not None else None for name in self._shown]
        return ["" if each is None or each.is_zero else self._money(each) for each in shown] + [
            self._money(each) for each in amounts
        ]

    def _totals(self) -> list[list[str]]:
        """From the opening balance to the closing one, and the payout that leads there."""
        stated, words = self.document.statement, self.words
        rows = [[words["opening_balance"], self._money(stated.opening), "plain"]]
        rows += [[self._counted(each), self._money(each.amount), "plain"] for each in stated.totals]
        rows.append([words["closing_balance"], self._money(stated.closing), "strong"])
        paid = words["paid_out"].format(currency=stated.currency)
        return [*rows, [paid, self._money(stated.payout.amount), "grand"]]

    def _summary(self) -> dict[str, Any]:
        stated, words = self.document.statement, self.words
        headers = [words["type"], *(words[_FIGURES[name]] for name in self._shown), words["amount"]]
        rows = [[self._counted(each), *self._cells(each.figures, each.amount)] for each in stated.totals]
        return {"heading": words["totals_by_type"], "headers": headers, "rows": rows}

    def _counted(self, total: Total) -> str:
        name = self.words[f"line_{total.type.value}"]
        return self.words["counted"].format(name=name, count=self.formats.whole(total.count))

    def _beside(self) -> dict[str, Any]:
        stated, words = self.document.statement, self.words
        return {
            "heading": words["beside"].format(date=isolated(self.formats.date(stated.made_at))),
            "rows": [
                [words["pending"], self._money(stated.pending)],
                [words["held"], self._money(stated.held)],
            ],
        }

    def _money(self, amount: Money) -> str:
        return isolated(self.formats.money(amount))


def _shown(lines: Sequence[AccountLine]) -> list[str]:
    """The figures that any line has: a column of nothing is left out."""
    said = [each.figures for each in lines if each.figures is not None]
    return [name for name in _FIGURES if any(not getattr(each, name).is_zero for each in said)]
