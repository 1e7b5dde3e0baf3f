"""Credit notes: vectors, where the money goes, and what is refused."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from billing.domain.invoicing import credit_note, settlement
from billing.domain.invoicing.credit_note import CreditLine, CreditRequest
from billing.domain.invoicing.invoice import InvoiceStatus
from billing.domain.kernel.errors import InvalidState, RefundExceedsAvailable, ValidationFailed
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account
from billing.domain.lines.line import TaxRate
from tests.support.credited import AT, SEQUENCE, VAT, issue, line, opened, paid, parts, refund, usd

# Vectors


def test_500_of_1000_that_includes_200_tax_is_400_and_100() -> None:
    """Polar's example of a refund with tax (docs/vectors.md): on top of the price, and within it."""
    for each in (
        line(usd(80_000), TaxRate("VAT", Decimal(25))),
        line(usd(100_000), TaxRate("VAT", Decimal(25)), inclusive=True),
    ):
        invoice = paid(each)
        assert (invoice.total, invoice.tax) == (usd(100_000), usd(20_000))
        note = issue(invoice, usd(50_000)).credit_note
        assert (note.net, note.tax, note.total) == (usd(40_000), usd(10_000), usd(50_000))


def test_small_credits_split_as_one_large_one_does() -> None:
    """$12.00 with $2.00 tax in twelve parts of $1.00: 16.67 cents of tax in each, so 17, 16, 17 ..."""
    invoice, notes = paid(line(usd(1000), VAT)), []
    for _ in range(12):
        issued = issue(invoice, usd(100))
        invoice, notes = issued.invoice, [*notes, issued.credit_note]
    assert [note.tax.minor for note in notes] == [17, 16, 17] * 4
    assert parts(notes) == (1000, {"VAT 20": 200})


def test_the_tax_of_500_lines_is_rounded_once() -> None:
    """A tenth of 500 lines of $1.00 and 16.67 cents of tax each (rounded to 17) is $8.50, not 500 times 2 cents."""
    invoice = paid(*[line(usd(100), TaxRate("VAT", Decimal("16.67")))] * 500)
    note = issue(invoice, Money(invoice.total.micros // 10, "USD")).credit_note
    assert (note.net, note.tax) == (usd(5000), usd(850))


def test_a_line_is_credited_with_its_tax_and_without_its_discount() -> None:
    """$10.00 less 2.00 at 20 % is $9.60; the other line has no tax."""
    invoice = paid(line(usd(1000), VAT, discount=usd(200)), line(usd(500)))
    first, second = invoice.lines
    note = issue(invoice, None, CreditLine(first.id)).credit_note
    assert (note.net, note.tax, note.total) == (usd(800), usd(160), usd(960))
    assert [(each.invoice_line_id, each.net, each.amount) for each in note.lines] == [(first.id, usd(800), usd(960))]
    note = issue(invoice, None, CreditLine(second.id, 100_000), CreditLine(first.id, 480_000)).credit_note
    assert (note.net, note.tax, [each.net.minor for each in note.lines]) == (usd(500), usd(80), [100, 400])


def test_after_a_line_an_amount_is_of_what_is_left() -> None:
    """The untaxed line is gone: what is credited of the rest is all taxed."""
    invoice = paid(line(usd(10_000), VAT), line(usd(12_000)))
    invoice = issue(invoice, None, CreditLine(invoice.lines[1].id)).invoice
    note = issue(invoice, usd(6000)).credit_note
    assert (note.net, note.tax) == (usd(5000), usd(1000))


def test_after_an_amount_a_line_is_what_is_left_of_it() -> None:
    invoice = paid(line(usd(10_000), VAT), line(usd(12_000)))
    invoice = issue(invoice, usd(12_000)).invoice
    note = issue(invoice, None, CreditLine(invoice.lines[0].id)).credit_note
    assert (note.net, note.tax, note.lines[0].quantity) == (usd(5000), usd(1000), None)


def test_three_units_of_twenty_dollars_one_by_one() -> None:
    invoice, amounts = paid(line(usd(2000), quantity=3)), []
    for _ in range(3):
        issued = issue(invoice, None, CreditLine(invoice.lines[0].id, quantity=Decimal(1)))
        invoice, amounts = issued.invoice, [*amounts, issued.credit_note.total.minor]
    assert amounts == [667, 667, 666]


def test_an_invoice_with_a_credit_line_is_credited_in_its_proportions() -> None:
    """$100.00 + 20.00 less $40.00 + 8.00 of an old plan: half of what is left is 30.00 + 6.00."""
    invoice = paid(line(usd(10_000), VAT), line(usd(-4000), VAT))
    note = issue(invoice, usd(3600)).credit_note
    assert (note.net, note.tax) == (usd(3000), usd(600))


# Where the money goes


def test_what_is_due_comes_first_and_the_rest_goes_to_the_balance() -> None:
    """$100.00, of which 30.00 came out of the balance."""
    invoice = opened(line(usd(10_000)), balance=usd(3000))
    one = issue(invoice, usd(2000))
    assert (one.credit_note.to_invoice, one.invoice.amount_due, one.invoice.status) == (
        usd(2000), usd(5000), InvoiceStatus.OPEN,
    )  # fmt: skip
    rest = issue(one.invoice, usd(8000))
    assert (rest.credit_note.to_invoice, rest.credit_note.to_balance) == (usd(5000), usd(3000))
    assert (rest.invoice.status, rest.invoice.amount_due, rest.invoice.paid_at) == (InvoiceStatus.PAID, usd(0), AT)
    assert [entry.kind for entry in rest.entries] == ["credit_noted", "balance_used"]


def test_a_refund_takes_no_more_than_was_paid() -> None:
    invoice = paid(line(usd(10_000)), balance=usd(3000))
    with pytest.raises(RefundExceedsAvailable) as refused:
        issue(invoice, usd(7001), refund=True)
    assert [(each.field, each.reason) for each in refused.value.details] == [("refund", "above_what_was_paid")]
    issued = issue(invoice, usd(7000), refund=True)
    issued = credit_note.refunding(issued, refund(usd(7000), issued.credit_note))
    assert (issued.credit_note.to_refund, issued.credit_note.refund_id) == (usd(7000), "re_1")
    assert [entry.kind for entry in issued.entries] == ["credit_noted"]
    with pytest.raises(RefundExceedsAvailable):  # while the first is under way
        issue(issued.invoice, usd(1), refund=True)
    gone = credit_note.refund_settled(issued.invoice, "re_1", usd(7000))
    assert (gone.amount_refunded, gone.refundable, gone.pending_refunds) == (usd(7000), usd(0), {})
    back = credit_note.refund_settled(gone, "re_1", -usd(7000))
    assert (back.amount_refunded, back.refundable) == (usd(0), usd(7000))


def test_a_refund_that_failed_goes_to_the_balance() -> None:
    issued = issue(paid(line(usd(10_000))), usd(7000), refund=True)
    failed = refund(usd(7000), issued.credit_note)
    note, entry = credit_note.refund_failed(issued.credit_note, failed, usd(7000), AT)
    assert (note.to_balance, note.to_refund, note.total) == (usd(7000), usd(0), usd(7000))
    assert [(p.account, p.amount) for p in entry.postings] == [
        (Account.CUSTOMER_BALANCE, -usd(7000)),
        (Account.RECEIVABLE, usd(7000)),
    ]


def test_what_was_written_off_is_no_bad_debt_once_it_is_credited() -> None:
    invoice, _ = settlement.uncollectible(opened(line(usd(1000), VAT)), AT)
    issued = issue(invoice, usd(1200))
    assert issued.invoice.status is InvoiceStatus.PAID
    postings = Counter[Account]()
    for entry in issued.entries:
        for posting in entry.postings:
            postings[posting.account] += posting.amount.minor
    assert postings == {
        Account.REVENUE: 1000, Account.TAX_PAYABLE: 200, Account.RECEIVABLE: 0, Account.BAD_DEBT: -1200,
    }  # fmt: skip


def test_numbers_have_no_gaps() -> None:
    issued = issue(paid(line(usd(1000))), usd(1))
    assert issued.credit_note.number == "ACME-CN-000001"


# What is refused


@pytest.mark.parametrize("status", [InvoiceStatus.DRAFT, InvoiceStatus.VOID])
def test_what_nobody_owes_is_not_credited(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        issue(replace(opened(line(usd(1000))), status=status), usd(100))
    assert refused.value.public_code == "invoice.invalid_state"


def test_more_than_the_invoice_is_refused() -> None:
    invoice = issue(paid(line(usd(1000))), usd(400)).invoice
    with pytest.raises(RefundExceedsAvailable) as refused:
        issue(invoice, usd(601))
    assert [(each.field, each.reason) for each in refused.value.details] == [("amount", "above_what_is_left")]
    assert issue(invoice, usd(600)).invoice.creditable.is_zero


def test_a_line_is_never_credited_beyond_itself() -> None:
    invoice = paid(line(usd(1000)), line(usd(1000)), line(usd(1000)))
    first, second, third = invoice.lines
    invoice = issue(invoice, None, CreditLine(first.id, 300_000)).invoice
    wanted = (CreditLine(first.id, 701_000), CreditLine(second.id, 1000_000), CreditLine(third.id, 1001_000))
    with pytest.raises(RefundExceedsAvailable) as refused:
        issue(invoice, None, *wanted)
    assert [each.field for each in refused.value.details] == ["lines.0.amount", "lines.2.amount"]
    invoice = issue(invoice, None, CreditLine(first.id)).invoice
    with pytest.raises(RefundExceedsAvailable) as refused:
        issue(invoice, None, CreditLine(first.id))
    assert [each.field for each in refused.value.details] == ["lines.0.lineId"]


def test_lines_above_what_an_invoice_with_a_credit_asked_for_are_refused() -> None:
    invoice = paid(line(usd(10_000)), line(usd(-4000)))
    with pytest.raises(RefundExceedsAvailable) as refused:
        issue(invoice, None, CreditLine(invoice.lines[0].id))
    assert [each.field for each in refused.value.details] == ["lines"]


def test_every_bad_line_is_named() -> None:
    invoice = paid(line(usd(10_000), quantity=2), line(usd(-100)), line(usd(500), quantity=None))
    one, credit_line, flat = (each.id for each in invoice.lines)
    wanted = (
        CreditLine("in_2-1"),
        CreditLine(one, quantity=Decimal(3)),
        CreditLine(one),
        CreditLine(credit_line),
        CreditLine(flat, quantity=Decimal(1)),
    )
    with pytest.raises(ValidationFailed) as refused:
        issue(invoice, None, *wanted)
    assert [(each.field, each.reason) for each in refused.value.details] == [
        ("lines.0.lineId", "unknown_line"),
        ("lines.1.quantity", "above_the_line"),
        ("lines.2.lineId", "duplicate"),
        ("lines.3.lineId", "nothing_to_credit"),
        ("lines.4.quantity", "line_has_no_quantity"),
    ]


@pytest.mark.parametrize(
    ("wanted", "field", "reason"),
    [
        (CreditRequest(None), "amount", "missing_required_field"),
        (CreditRequest(0), "amount", "not_positive"),
        (CreditRequest(1_003_000), "amount", "not_chargeable_in_currency"),
        (CreditRequest(None, (CreditLine("in_1-1", 3000),)), "lines.0.amount", "not_chargeable_in_currency"),
        (CreditRequest(None, (CreditLine("in_1-1", quantity=Decimal(0)),)), "lines.0.quantity", "not_positive"),
    ],
)
def test_an_amount_that_cannot_be_is_named(wanted: CreditRequest, field: str, reason: str) -> None:
    invoice = paid(line(Money(10_000_000, "KWD"), VAT))
    with pytest.raises(ValidationFailed) as refused:
        credit_note.issue(invoice, wanted, "cn_1", SEQUENCE, AT)
    assert [(each.field, each.reason) for each in refused.value.details] == [(field, reason)]


def test_what_is_not_where_it_went_cannot_be_made() -> None:
    note = issue(paid(line(usd(1000), VAT)), usd(600)).credit_note
    for change in ({"tax": usd(0)}, {"to_balance": usd(0)}, {"lines": ()}):
        with pytest.raises(ValueError, match="credit note cn_1"):
            replace(note, **change)
