"""Folds a year of invoices in this fresh interpreter; prints what it took and what is kept of it, as JSON.

    python -m benchmarks.recognition.one LINES MONTHS

LINES lines are billed evenly over the twelve months of a year, each for so many MONTHS, by invoices of two lines. The
invoices are made as they are read, as a report reads them; making them is measured apart, and taken off.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from billing.domain.customers.customer import Customer
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Period
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.lines.line import InvoiceLine
from billing.domain.reports.fold import Posted
from billing.domain.reports.recognised_months import RecognitionFold, grouped
from billing.domain.reports.recognition import month_rows
from billing.domain.reports.span import Month
from billing.domain.tenant import Mode, Tenant, TenantStatus, Tier

YEAR = 2027
_BEGIN = datetime(YEAR, 1, 1, tzinfo=UTC)


def _line(n: int, key: str, begin: datetime, end: datetime) -> InvoiceLine:
    return InvoiceLine(
        f"in_{n:026}-{key}", "Team", key, None, None, Money(4_999_000, "EUR"), Period(begin, end), plan_id="team"
    )


def _template() -> Invoice:
    tenant = Tenant(
        "ten_1", "Acme", Tier.STANDARD, Mode.TEST, TenantStatus.ACTIVE, "EUR", "UTC", "ACME", "k", created_at=_BEGIN
    )
    customer = Customer("cus_1", "ten_1", "Ada", "EUR", "UTC", _BEGIN)
    return issuing.draft(tenant, customer, "in_1", (), BillingReason.MANUAL, _BEGIN, currency="EUR")


def posted(invoices: int, of: Month, months: int) -> Iterator[Posted]:
    """The entries of a month, evenly over it, each with its invoice."""
    begin, length = of.begin("UTC"), of.following.begin("UTC") - of.begin("UTC")
    last = Month(of.year + (of.number + months - 1) // 12, (of.number + months - 1) % 12 + 1)
    end, template = last.begin("UTC") - of.begin("UTC"), _template()
    for n in range(invoices):
        at = begin + length * n / invoices
        at -= timedelta(microseconds=at.microsecond)
        number = of.number * 10**7 + n
        lines = tuple(_line(number, key, at, at + end) for key in ("base", "seats"))
        invoice = replace(template, id=f"in_{number:026}", customer_id=f"cus_{n:026}", finalized_at=at)
        object.__setattr__(invoice, "lines", lines)  # its totals are of no interest here
        amount = Money(9_998_000, "EUR")
        postings = (Posting(Account.RECEIVABLE, amount, invoice.customer_id), Posting(Account.REVENUE, -amount))
        yield Posted(LedgerEntry(f"le_{number}", "invoice_finalized", invoice.id, at, postings), invoice)


def main() -> None:
    """Fold, report, dump and read."""
    lines, months = (int(each) for each in sys.argv[1:])
    year = [Month(YEAR, n) for n in range(1, 13)]
    invoices = lines // 2 // 12
    began = time.process_time()
    for each in year:
        for _ in posted(invoices, each, months):
            pass
    made = time.process_time() - began
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    fold = RecognitionFold("UTC")
    state = fold.empty()
    began = time.process_time()
    recognised, rows = 0, 0
    for each in year:
        for record in posted(invoices, each, months):
            fold.add(state, record)
    for each, found in fold.until(state, year[-1].following.begin("UTC")):
        of_plan = grouped(found, "plan")
        rows += len(list(month_rows(each, of_plan)))
        recognised += sum(figures.amounts[2] for figures in of_plan.values())
    taken = time.process_time() - began - made
    began = time.process_time()
    dumped = json.dumps(fold.dump(state))
    read = fold.read(json.loads(dumped))
    kept = time.process_time() - began
    rest = sum(each[2] for each in read.deferrals.deferred())
    billed = invoices * 12 * 9_998_000
    if recognised + rest != billed:
        raise RuntimeError(f"{recognised} recognised and {rest} deferred are not {billed}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "lines": invoices * 24,
                "open": len(state.deferrals.open),
                "report_s": taken,
                "keep_s": kept,
                "kept_mb": len(dumped) / 2**20,
                "before_mb": before_mb,
                "rss_mb": peak,
                "rows": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
