"""The tax report beside the ledger, day by day, for tests that let anything happen."""

from collections import Counter
from datetime import date

from billing.bootstrap import storage
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.reports.fold import Posted
from billing.domain.reports.span import local_day
from billing.domain.reports.tax import COLUMNS, TaxFold, filed, keyed
from billing.services.reports.journal import with_documents
from billing.storage.codec import decode
from tests.integration.world import Tenant, World


def posted(world: World, tenant: Tenant) -> list[Posted]:
    """All of a tenant's entries in the order of posting, whoever's time it was, with their documents."""
    rows = world.rows_of("ledger", tenant.id)
    vault = storage.vault()
    entries = [decode(LedgerEntry, row["body"]["S"], vault, tenant.id, row["id"]["S"]) for row in rows]
    entries.sort(key=lambda each: (each.posted_at, each.id))
    work = storage.units().begin(tenant.id)
    return list(with_documents(lambda: work, entries))


def disagreements(world: World, tenant: Tenant) -> list[str]:
    """Every day on which the report's taxes are not what was posted to tax payable, and what no document says.

    An entry's own tax that no record explains would be a row of its own, so that the first could not be seen; that is
    why such rows are told.
    """
    report: Counter[tuple[date, str]] = Counter()
    ledger: Counter[tuple[date, str]] = Counter()
    bad: list[str] = []
    fold, found = TaxFold(), TaxFold().empty()
    for each in posted(world, tenant):
        fold.add(found, each)
        day = local_day(each.entry.posted_at, "UTC")
        for one in filed(each):
            report[day, one.record.tax.currency] += one.record.tax.micros
            if one.record.facts is None:
                bad.append(f"{each.entry.kind} {each.entry.source_id}: nothing is known of {one.record}")
        for posting in each.entry.postings:
            if posting.account is Account.TAX_PAYABLE:
                ledger[day, posting.amount.currency] -= posting.amount.micros
    bad += [
        f"{key}: {report[key]} reported, {ledger[key]} posted" for key in ledger | report if report[key] != ledger[key]
    ]
    whole = sum(ledger.values())
    rows = [row for _, row in keyed(fold.read(fold.dump(found)))]
    place = [column.name for column in COLUMNS].index("tax")
    if sum(getattr(row[place], "micros", 0) for row in rows) != whole:
        bad.append(f"the table's taxes are not {whole}")
    return bad
