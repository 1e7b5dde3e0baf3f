"""Reports as tenants print them: a trial balance in three currencies, a year of MRR, a quarter's taxes."""

from __future__ import annotations

from datetime import date

from billing.domain.kernel.money import Money
from billing.domain.ledger import Account
from billing.domain.reports.mrr_tables import MRR_COLUMNS
from billing.domain.reports.span import Month, Span
from billing.domain.reports.table import Cell, Row, Table
from billing.domain.reports.tax import COLUMNS as TAX_COLUMNS
from billing.domain.reports.tax import Key, Taxes, keyed
from billing.domain.reports.trial_balance import Balances
from billing.domain.reports.trial_balance import table as balance_table
from billing.services.invoicing.documents import Branding, Party
from billing.services.reports.printing import ReportDocument
from billing.services.reports.sources import Asked
from local.reference.document_samples import BERLIN, day, logo

_BRANDING = Branding(logo=logo("#1d6f5c"), color="#1d6f5c", legal_line="Amtsgericht Charlottenburg, HRB 123456 B")
_YEAR = Span(date(2025, 11, 1), date(2026, 11, 1), "Europe/Berlin")
_MOVED = (
    *("new", "reactivation", "expansion", "contraction", "paused", "resumed", "churnVoluntary", "churnInvoluntary"),
    *("currencyIn", "currencyOut", "opening"),
)


def printed(name: str, asked: Asked, table: Table, issuer: Party = BERLIN, locale: str = "en") -> ReportDocument:
    """A report as it is printed."""
    table = Table(table.columns, tuple(table.rows))
    return ReportDocument(name, asked, table, issuer, _BRANDING, locale, day("2026-11-01"), test_mode=False)


def trial_balance() -> ReportDocument:
    """The books at the end of October, in three currencies."""
    sums: dict[tuple[str, Account, str | None], tuple[int, int]] = {}
    for n, currency in enumerate(("CHF", "EUR", "JPY")):
        sold, vat, paid = ((n + 1) * each * 10**5 for each in (1_234_567, 234_568, 998_877))
        fees = paid // 34 // 100_000 * 100_000
        sums |= {
            (currency, Account.RECEIVABLE, None): (sold + vat, paid),
            (currency, Account.REVENUE, None): (0, sold),
            (currency, Account.TAX_PAYABLE, None): (0, vat),
            (currency, Account.CASH, None): (paid, fees),
            (currency, Account.PROCESSING_FEES, None): (fees, 0),
        }
    asked = Asked(day("2026-10-31"), "Europe/Berlin")
    return printed("trial-balance", asked, balance_table(Balances(sums, 41_218).at(asked.at)))


def mrr() -> ReportDocument:
    """A year of MRR in two currencies, for a finance person in German."""
    asked = Asked(day("2026-10-31"), "Europe/Berlin", _YEAR, options={"interval": "month"})
    rows = [_mrr_row(month, n, currency) for n, month in enumerate(_YEAR.months) for currency in ("EUR", "USD")]
    return printed("mrr", asked, Table(MRR_COLUMNS, rows), locale="de")


def _mrr_row(month: Month, n: int, currency: str) -> Row:
    moved = {name: (-1 if name[0] in "cp" else 1) * 1_230_000 * (n + 1) * (k % 4) for k, name in enumerate(_MOVED)}
    start = 1_000_000_000 + n * 20_000_000
    amounts = {**moved, "start": start, "end": start + sum(moved.values()), "trialMrr": 123_400_000}
    facts: dict[str, Cell] = {"from": month.first, "to": month.following.first, "currency": currency}
    row: list[Cell] = []
    for column in MRR_COLUMNS:
        is_count = column.name.startswith("customers")
        row.append(facts.get(column.name, n + 40 if is_count else Money(amounts.get(column.name, 0), currency)))
    return row


def taxes() -> ReportDocument:
    """A quarter's taxes of a seller in Berlin."""
    rows: dict[Key, tuple[int, int, int, int]] = {
        ("EUR", "DE", None, "country", None, "VAT", "19", "vat", "standard"): (164_729_000, 31_299_000, 0, 214),
        ("EUR", "FR", None, "country", None, "VAT", "20", "vat", "standard"): (82_500_000, 16_500_000, 0, 33),
        ("EUR", "AT", None, "country", None, None, None, "vat", "reverse_charge"): (0, 0, 71_200_000, 9),
        ("USD", "US", "NY", "state", None, "New York State Tax", "4", "sales_tax", "standard"): (
            30_000_000,
            1_200_000,
            0,
            12,
        ),
        ("USD", "US", "NY", "city", "New York City", "City Tax", "4.5", "sales_tax", "standard"): (
            30_000_000,
            1_350_000,
            0,
            12,
        ),
    }
    asked = Asked(day("2026-10-01"), "Europe/Berlin", Span(date(2026, 7, 1), date(2026, 10, 1), "Europe/Berlin"))
    return printed("tax", asked, Table(TAX_COLUMNS, tuple(row for _, row in keyed(Taxes(rows)))))


REPORTS = {"report-trial-balance": trial_balance, "report-mrr": mrr, "report-tax": taxes}
