"""Laws of credit notes: whatever is credited in whatever order, parts sum to the whole."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import credit_note
from billing.domain.invoicing.credit_note import CreditLine, CreditRequest, Issued
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.errors import RefundExceedsAvailable
from billing.domain.kernel.money import sum_money
from billing.domain.ledger import Account
from billing.domain.lines.crediting import gross, with_steps
from billing.domain.lines.line import CreditStep
from tests.support.credited import AT, GST, QST, SEQUENCE, VAT, issue, line, paid, parts, parts_of_invoice, usd

# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=80, deadline=None)
AMOUNTS = st.integers(1, 10**6)
RATES = st.sampled_from([(), (VAT,), (GST, QST), (GST,)])


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        amount = draw(AMOUNTS)
        discount = draw(st.integers(0, amount - 1))
        rates, inclusive = draw(RATES), draw(st.booleans())
        lines.append(line(usd(amount), *rates, inclusive=inclusive, discount=usd(discount)))
    return paid(*lines)


def wishes(invoice: Invoice, draw: st.DrawFn) -> list[CreditRequest]:
    """Credits that take the whole: of amounts or of a line each, then the rest."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            found.append(CreditRequest(usd(draw(st.integers(1, invoice.total.minor))).micros))
        else:
            each = draw(st.sampled_from(invoice.lines))
            found.append(
                CreditRequest(None, (CreditLine(each.id, usd(draw(st.integers(1, gross(each).minor))).micros),))
            )
    return found


def credit(invoice: Invoice, all_wishes: Sequence[CreditRequest]) -> tuple[Invoice, list[Issued]]:
    """What of them fits, one after the other, and then the rest."""
    issued = []
    for wish in [*all_wishes, None]:
        if invoice.creditable.is_zero:
            break
        try:
            one = credit_note.issue(invoice, wish or CreditRequest(invoice.creditable.micros), "cn_1", SEQUENCE, AT)
        except RefundExceedsAvailable:
            continue
        invoice, issued = one.invoice, [*issued, one]
    return invoice, issued


@LAW
@given(invoices(), st.data())
def test_whatever_the_order_all_credits_sum_to_the_invoices_net_and_taxes(
    invoice: Invoice, data: st.DataObject
) -> None:
    wanted = data.draw(st.composite(lambda draw: wishes(invoice, draw))())
    after, issued = credit(invoice, wanted)
    notes = [each.credit_note for each in issued]
    assert after.creditable.is_zero
    assert sum_money((note.total for note in notes), "USD") == invoice.total
    assert parts(notes) == parts_of_invoice(invoice)


@LAW
@given(invoices(), st.data())
def test_amounts_in_another_order_leave_the_same(invoice: Invoice, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, max(1, invoice.total.minor // 5)), min_size=1, max_size=5))
    sizes = sizes if sum(sizes) <= invoice.total.minor else [1]
    ends = []
    for order in (sizes, data.draw(st.permutations(sizes))):
        after, notes = invoice, []
        for size in order:
            one = issue(after, usd(size))
            after, notes = one.invoice, [*notes, one.credit_note]
        ends.append((after.credits, parts(notes)))
    assert ends[0] == ends[1]


@LAW
@given(invoices(), st.data())
def test_a_credit_note_is_its_parts_and_its_lines(invoice: Invoice, data: st.DataObject) -> None:
    _, issued = credit(invoice, data.draw(st.composite(lambda draw: wishes(invoice, draw))()))
    for each in issued:
        note = each.credit_note
        assert note.net + note.tax == note.total == sum_money((one.amount for one in note.lines), "USD")
        assert sum_money((one.net for one in note.lines), "USD") == note.net
        assert all(not tax.amount.is_negative for tax in note.taxes)
        assert note.to_invoice + note.to_balance + note.to_refund == note.total


@LAW
@given(invoices(), st.data())
def test_the_books_of_an_invoice_that_was_credited_whole_are_empty(invoice: Invoice, data: st.DataObject) -> None:
    """Revenue and tax are as if it had never been; the customer's money is in its balance."""
    _, issued = credit(invoice, data.draw(st.composite(lambda draw: wishes(invoice, draw))()))
    sums: Counter[Account] = Counter()
    for entry in (entry for each in issued for entry in each.entries):
        assert sum(posting.amount.micros for posting in entry.postings) == 0
        for posting in entry.postings:
            sums[posting.account] += posting.amount.micros
    assert sums[Account.REVENUE] == (invoice.total - invoice.tax).micros
    assert sums[Account.TAX_PAYABLE] == invoice.tax.micros
    assert (sums[Account.RECEIVABLE], sums[Account.CUSTOMER_BALANCE]) == (0, -invoice.total.micros)


@LAW
@given(st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.integers(1, 9)), max_size=12))
def test_steps_are_kept_short_and_lose_nothing(steps: list[tuple[str | None, int]]) -> None:
    made = [CreditStep(where, usd(n)) for where, n in steps]
    short = with_steps((), made)
    for where in (None, "a", "b"):
        assert sum(s.amount.minor for s in short if s.line_id == where) == sum(n for w, n in steps if w == where)
    assert all(not (a.line_id is None and b.line_id is None) for a, b in pairwise(short))
    assert len(short) <= 3 * (1 + sum(where is None for where, _ in steps))
