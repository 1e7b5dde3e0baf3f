"""Issue 11, item 9: every state has a way out. The law over the state machines of invoices, subscriptions, payments."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from billing.domain.customers.balance import Balance
from billing.domain.invoicing import settlement
from billing.domain.invoicing.credit_note import CreditNoteSequence, CreditRequest, issue
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import BillingError
from billing.domain.kernel.money import Money
from billing.domain.subscriptions import lifecycle
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from tests.support.engine import on, plan, seats, started
from tests.support.invoices import AT, opened

FINAL = {InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}
SEQUENCE = CreditNoteSequence("ten_1", "ACME")


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def credit_all(of: Invoice) -> Invoice:
    after = issue(of, CreditRequest(of.creditable.micros), "cn_1", SEQUENCE, AT).invoice
    empty = Balance("cus_1", "ten_1", usd(0))
    return settlement.carried(after, empty, AT)[0] if after.status is InvoiceStatus.OPEN else after


ACTS: list[Callable[[Invoice], Invoice]] = [
    lambda of: settlement.void(of, AT).invoice,
    lambda of: settlement.uncollectible(of, AT)[0],
    credit_all,
]


def ways_out(of: Invoice) -> list[Invoice]:
    found = []
    for act in ACTS:
        try:
            found.append(act(of))
        except BillingError:
            continue
    return [each for each in found if each.status in FINAL]


@pytest.mark.parametrize(
    ("total", "credited", "paid", "applied"),
    list(product((1000, 120_000_000), (0, 300), (0, 200), (0, 100, -30, -60))),
)
def test_every_open_invoice_has_a_way_out(total: int, credited: int, paid: int, applied: int) -> None:
    """Credited, paid or used in part, too large for a card, or collecting an old debt: something ends it, and its time.

    Without giving it up as a bad debt, too, for an invoice of a subscription that has not begun is none.
    """
    found = replace(
        opened(total),
        amount_paid=usd(paid),
        balance_applied=usd(applied),
    )
    if credited:
        found = issue(found, CreditRequest(credited * 1000), "cn_0", SEQUENCE, AT).invoice
    found = settlement.waiting(found)
    ends = ways_out(found)
    assert {each.status for each in ends} - {InvoiceStatus.UNCOLLECTIBLE}
    for end in ends:
        assert end.due is None
        assert end.status is InvoiceStatus.UNCOLLECTIBLE or end.amount_due.is_zero


def states() -> list[Subscription]:
    """A subscription in each state and kind of pause, with and without unpaid invoices."""
    new = started(plan(seats(1000)), on("2027-01-01"), {"seats": 1})
    found = [replace(new, state=state) for state in SubscriptionState if state is not SubscriptionState.PAUSED]
    found += [replace(new, state=SubscriptionState.PAUSED, paused_by=by, paused_at=on("2027-01-02")) for by in PausedBy]
    return [*found, *(replace(each, unpaid_invoice_ids=("in_1",)) for each in found)]


@pytest.mark.parametrize("subscription", states(), ids=lambda each: f"{each.state}-{each.paused_by}")
def test_every_subscription_can_be_ended_or_has_a_time(subscription: Subscription) -> None:
    """One that runs or has not begun wakes by itself; all but the final state can be canceled at once."""
    if subscription.state is SubscriptionState.CANCELED:
        return
    woken = lifecycle.with_alarm(subscription, "00")
    assert (woken.due is not None) is (subscription.state is not SubscriptionState.PAUSED)
    ended = lifecycle.cancel(subscription, on("2027-01-03"), at_period_end=False)
    assert (ended.state, ended.due) == (SubscriptionState.CANCELED, None)
