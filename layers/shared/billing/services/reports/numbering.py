"""Whether invoice numbers have gaps: each number is taken in the commit that finalizes its invoice."""

from collections.abc import Iterator

from billing.domain.invoicing.invoice import Invoice
from billing.domain.tenant import INVOICE_SEQUENCE_ID, InvoiceSequence
from billing.services.kernel.work import Query, Ref, Work

_AT_ONCE = 100


def number_gaps(work: Work) -> list[str]:
    """What is wrong with the numbers of a tenant's own series, in words; nothing, as a rule.

    The series of test clocks are not looked at. ACME-000041 counts as 41, whatever the prefix was when it was taken.
    """
    ref = Ref(InvoiceSequence, work.tenant.id, INVOICE_SEQUENCE_ID)
    sequence = work.load(ref).get(ref)
    taken = [_number(each.number) for each in _invoices(work) if each.number is not None and each.test_clock_id is None]
    wanted = set(range(1, sequence.next_number)) if sequence is not None else set()
    found = [f"invoice number {each} is missing" for each in sorted(wanted - set(taken))]
    found += [f"invoice number {each} was never given" for each in sorted(set(taken) - wanted)]
    if len(taken) != len(set(taken)):
        found.append("an invoice number was given twice")
    return found


def _number(text: str) -> int:
    return int(text.rpartition("-")[2])


def _invoices(work: Work) -> Iterator[Invoice]:
    start = None
    while True:
        page = work.query(Query(Invoice, limit=_AT_ONCE, start=start))
        yield from page.items
        start = page.next_cursor
        if start is None:
            return
