"""Issue 20: what a number is claimed for says which document it is, not when, nor how often it was tried."""

from dataclasses import replace

from billing.domain.invoicing import credit_note
from billing.domain.invoicing.numbers import next_credit_note_on, next_invoice_of
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import SubscriptionState
from tests.support.credited import VAT, issue, line, paid, usd
from tests.support.engine import flat, on, plan, running


def test_a_subscription_that_changed_otherwise_has_the_same_next_invoice() -> None:
    """A dunning step's charge is settled by the sweep first, and then the step is done again."""
    before = running(plan(flat(1000)), on("2026-01-01"))
    after = replace(before, version=before.version + 3, state=SubscriptionState.PAST_DUE, due=None)
    assert next_invoice_of(after) == next_invoice_of(before)


def test_after_each_invoice_there_is_another_next_one() -> None:
    before = running(plan(flat(1000)), on("2026-01-01"))
    names = {next_invoice_of(lifecycle.on_invoice(before, each)) for each in ("in_1", "in_2")}
    assert len(names | {next_invoice_of(before)}) == 3


def test_a_credit_note_is_another_one_once_something_was_credited_and_not_before() -> None:
    invoice = paid(line(usd(1000), VAT))
    issued = issue(invoice, usd(100)).invoice
    settled = credit_note.refund_settled(replace(issued, version=issued.version + 1), "re_1", usd(100))
    assert next_credit_note_on(replace(invoice, version=invoice.version + 1)) == next_credit_note_on(invoice)
    assert next_credit_note_on(issued) != next_credit_note_on(invoice)
    assert next_credit_note_on(settled) == next_credit_note_on(issued)
