"""Issue 11, item 1: what comes back of a line is never more than what was billed for it, whatever takes it back.

Changes, ends, credit notes, refunds, disputes, refunds made at Stripe and voids, in any order, of invoices that are
paid, partly paid, unpaid or disputed. And the order of the steps makes no difference to what they sum to.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, permutations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.domain.catalog.plan import Plan
from billing.domain.invoicing.credit_note import CreditLine, CreditRequest
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.errors import InvalidState, RefundExceedsAvailable, ValidationFailed
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account as Books
from billing.domain.lines.crediting import gross
from billing.domain.subscriptions.changes import ProrationBehavior, Step
from billing.domain.subscriptions.subscription import RENEWING
from billing.domain.usage.event import span_at
from billing.domain.usage.period import invoiced
from tests.support.account import VAT, ZERO, Account, Rates, usd
from tests.support.engine import flat, metered, on, plan, seats
from tests.support.usage import UsageBook, reading

B = ProrationBehavior
PLANS = (plan(flat(10_000), seats(1_000)), plan(flat(3_333), seats(777), name="Other"), plan(flat(0), name="Free"))
JUNE, HALF_WAY = on("2026-06-01"), on("2026-06-16")
RATES: tuple[Rates, ...] = ({}, {"base": (VAT,)}, {"base": (VAT,), "seats": (VAT,)})


def billed(account: Account, invoice: Invoice) -> dict[str, Money]:
    """What each line that is no credit was billed for, less what the same invoice gave back of it."""
    own = account.own_credits(invoice.id)
    return {line.id: gross(line) - own.get(line.id, ZERO) for line in invoice.lines if not line.amount.is_negative}


def by_line(account: Account, invoice_id: str) -> dict[str, Money]:
    """What came back of each line in particular: by its subscription, and by credit notes of lines."""
    found = account.given_back(invoice_id)
    for note in (each for each in account.notes if each.invoice_id == invoice_id):
        for line in note.lines:
            if line.invoice_line_id is not None:
                found[line.invoice_line_id] = found.get(line.invoice_line_id, ZERO) + line.amount
    return found


def came_back(account: Account, invoice_id: str) -> Money:
    """All that came back of an invoice's lines by what we do; a bank asks nobody."""
    return sum_money(account.given_back(invoice_id).values(), "USD") + account.noted(invoice_id)


class GivenBackOnce(RuleBasedStateMachine):
    """A customer who wants as much back as can be had."""

    def __init__(self) -> None:
        super().__init__()
        self.account: Account
        self.before: dict[str, tuple[Money, Money]] = {}

    @initialize(
        paid=st.booleans(),
        number=st.integers(0, 5),
        rates=st.sampled_from(RATES),
        credit=st.integers(0, 20_000),
    )
    def subscribe(self, paid: bool, number: int, rates: Rates, credit: int) -> None:
        self.account = Account.opened(PLANS[0], JUNE, {"seats": number}, rates)
        first = next(iter(self.account.invoices.values()))
        if paid:
            self.account.pay(first.id)
        elif credit and first.amount_due > usd(credit):
            part = replace(first, balance_applied=usd(credit))  # partly paid, by what the customer had
            self.account.invoices[first.id] = part
            self.account.paid_in += usd(credit)

    @property
    def subscription_runs(self) -> bool:
        return self.account.subscription.state in RENEWING

    # The subscription

    @precondition(lambda self: self.subscription_runs)
    @rule(days=st.integers(0, 12), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        later = self.account.now + timedelta(days=days, hours=hours)
        self.account.now = min(later, self.account.subscription.current_period.end - timedelta(seconds=1))

    @precondition(lambda self: self.subscription_runs)
    @rule(to=st.sampled_from(PLANS), number=st.integers(0, 6), behavior=st.sampled_from(B))
    def change(self, to: Plan, number: int, behavior: B) -> None:
        self.account.change(to, {"seats": number} if "seats" in to.licensed_keys else {}, behavior)

    @precondition(lambda self: self.subscription_runs)
    @rule(really=st.integers(0, 3))
    def renew(self, really: int) -> None:
        if not really:  # else it would hardly be June when something comes back of June
            self.account.renew()

    @precondition(lambda self: self.subscription_runs and len(self.account.invoices) > 1)
    @rule()
    def cancel(self) -> None:
        self.account.cancel()

    # Its invoices

    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        found = [each.id for each in self.account.live if each.status is InvoiceStatus.OPEN]
        if found:
            self.account.pay(data.draw(st.sampled_from(found)))

    @rule(
        data=st.data(), share=st.integers(1, 100), refund=st.booleans(), kind=st.sampled_from(["amount", "line", "all"])
    )
    def credit(self, data: st.DataObject, share: int, refund: bool, kind: str) -> None:
        invoice = data.draw(st.sampled_from(list(self.account.invoices.values())))
        if kind == "line":
            line = data.draw(st.sampled_from(invoice.lines))
            request = CreditRequest(None, (CreditLine(line.id),), refund=refund)
        elif kind == "all":
            request = CreditRequest(None, refund=refund, up_to=max(invoice.refundable, usd(1)).micros)
        else:
            request = CreditRequest(usd(max(1, invoice.total.minor * share // 100)).micros, refund=refund)
        try:
            self.account.credit(invoice.id, request)
        except (InvalidState, RefundExceedsAvailable, ValidationFailed):
            return

    @rule(data=st.data(), share=st.integers(1, 100), name=st.sampled_from(["dispute", "dashboard"]))
    def take_back(self, data: st.DataObject, share: int, name: str) -> None:
        """A bank, or a colleague at Stripe: of what cards paid and was not refunded."""
        paid = [each for each in self.account.live if each.refundable > sum_money(each.taken_back.values(), "USD")]
        if not paid:
            return
        invoice = data.draw(st.sampled_from(paid))
        rest = invoice.refundable - sum_money(invoice.taken_back.values(), "USD")
        self.account.take_back(invoice.id, name, usd(max(1, rest.minor * share // 100)))

    @rule(data=st.data())
    def dispute_is_won(self, data: st.DataObject) -> None:
        found = [each.id for each in self.account.live if "dispute" in each.taken_back]
        if found:
            self.account.take_back(data.draw(st.sampled_from(found)), "dispute", None)

    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        found = [each.id for each in self.account.live if each.status is InvoiceStatus.OPEN]
        if not found:
            return
        try:
            self.account.void(data.draw(st.sampled_from(found)))
        except InvalidState:
            return

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        found = [each.id for each in self.account.live if each.status is InvoiceStatus.OPEN]
        if found:
            self.account.give_up(data.draw(st.sampled_from(found)))

    # The laws

    @invariant()
    def no_line_comes_back_beyond_itself(self) -> None:
        for invoice in self.account.live:
            whole, back = billed(self.account, invoice), by_line(self.account, invoice.id)
            assert all(back[each] <= whole[each] for each in back), invoice.id
            assert came_back(self.account, invoice.id) <= sum_money(whole.values(), "USD"), invoice.id

    @invariant()
    def nothing_gives_back_what_nobody_has_to_pay(self) -> None:
        void = {each.id for each in self.account.invoices.values() if each.status is InvoiceStatus.VOID}
        lines = [line for each in self.account.live for line in each.lines]
        found = [line for line in (*lines, *self.account.subscription.pending) if line.credited_invoice_id in void]
        assert found == []

    @invariant()
    def after_a_bank_took_something_we_give_no_more_than_the_rest(self) -> None:
        """What was given before the bank took it is gone; nothing more goes that makes both more than was paid."""
        for invoice in self.account.live:
            back, taken = came_back(self.account, invoice.id), sum_money(invoice.taken_back.values(), "USD")
            was = self.before.get(invoice.id, (ZERO, ZERO))
            whole = sum_money(billed(self.account, invoice).values(), "USD")
            if back > was[0]:
                assert back + taken <= whole, invoice.id
            self.before[invoice.id] = (back, taken)

    @invariant()
    def no_tax_comes_back_beyond_itself(self) -> None:
        for invoice in self.account.live:
            charged = sum_money((line.tax for line in invoice.lines if not line.amount.is_negative), "USD")
            lines = [line for each in self.account.live for line in each.lines]
            waiting = self.account.subscription.pending
            mine = [line for line in (*lines, *waiting) if line.credited_invoice_id == invoice.id]
            given = sum_money((-line.tax for line in mine), "USD")
            noted = sum_money((note.tax for note in self.account.notes if note.invoice_id == invoice.id), "USD")
            mixed = any(line.amount.is_negative and line.credits for line in invoice.lines)
            cents = len(mine)  # each was rounded
            assert mixed or (given + noted - charged).minor <= cents, invoice.id

    @invariant()
    def what_was_billed_is_paid_or_due_or_came_back(self) -> None:
        """And so it is in the books; nobody has more than was ever paid."""
        live, account = self.account.live, self.account
        used = sum_money((each.total for each in live), "USD") - sum_money((n.total for n in account.notes), "USD")
        due = sum_money((each.amount_due for each in live), "USD")
        assert used == account.paid_in - account.paid_out + due - account.balance.amount
        kept = sum_money((gross(line) for line in account.subscription.pending), "USD")
        assert not (used + kept).is_negative

    @invariant()
    def what_is_owed_to_the_customer_is_in_the_books(self) -> None:
        found = ZERO
        for entry in self.account.entries:
            found += sum_money((p.amount for p in entry.postings if p.account is Books.CUSTOMER_BALANCE), "USD")
        assert found == -self.account.balance.amount


GivenBackOnce.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestGivenBackOnce = GivenBackOnce.TestCase


# The order


def refunded(account: Account, invoice_id: str) -> None:
    request = CreditRequest(None, refund=True, up_to=account.invoices[invoice_id].refundable.micros)
    account.credit(invoice_id, request)


TWENTY = usd(2_000)
STEPS: dict[str, Callable[[Account], object]] = {
    "note of 30.00": lambda a: a.credit("in_1", CreditRequest(usd(3_000).micros)),
    "note of 20.00 of the seats": lambda a: a.credit(
        "in_1", CreditRequest(None, (CreditLine("in_1-2", TWENTY.micros),))
    ),
    "refund of all that can be": lambda a: refunded(a, "in_1"),
    "downgrade, waiting": lambda a: a.change(PLANS[2], {}, B.CREATE_PRORATIONS),
    "downgrade, billed": lambda a: a.change(PLANS[2], {}, B.INVOICE_NOW),
    "fewer seats": lambda a: a.change(PLANS[0], {"seats": 0}, B.CREATE_PRORATIONS),
    "dispute": lambda a: a.take_back("in_1", "dispute", usd(4_000)),
    "cancel": Account.cancel,
}


CHANGES = {"downgrade, waiting", "downgrade, billed", "fewer seats", "cancel"}
OURS = [each for each in STEPS if each != "dispute"]
PAIRS = [pair for pair in combinations(OURS, 2) if not CHANGES.issuperset(pair)]
"""One change after another is what the engine's own model is about."""


def june(at: str) -> Account:
    """June, paid: 100.00 and five seats for 50.00."""
    account = Account.opened(PLANS[0], JUNE, {"seats": 5})
    account.pay("in_1")
    account.now = on(at)
    return account


def total_back(order: Iterable[str], at: str) -> int | None:
    """What all steps together gave back of June, in cents; None where one of them was refused."""
    account = june(at)
    for step in order:
        try:
            STEPS[step](account)
        except RefundExceedsAvailable:
            return None
    taken = sum_money(account.invoices["in_1"].taken_back.values(), "USD")
    return (came_back(account, "in_1") + taken).minor


@pytest.mark.parametrize("at", ["2026-06-01", "2026-06-16", "2026-06-30T12:00"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_11_1_the_order_of_two_steps_does_not_change_the_sum(first: str, second: str, at: str) -> None:
    """June for 150.00: whichever comes first, together they give back the same, and never more than 150.00."""
    sums = {order: total_back(order, at) for order in ((first, second), (second, first))}
    found = {each for each in sums.values() if each is not None}
    assert len(found) <= 1, sums
    assert all(each <= 15_000 for each in found)


def test_11_1_three_steps_in_any_order_come_to_the_same() -> None:
    """30.00 by a note, 75.00 of unused time, 40.00 by the bank: 145.00 of 150.00, in each of six orders."""
    orders = list(permutations(("note of 30.00", "cancel", "dispute")))
    assert [total_back(order, "2026-06-16") for order in orders] == [3_000 + 7_500 + 4_000] * 6


@pytest.mark.parametrize("second", OURS)
def test_11_1_after_a_bank_took_its_part_there_is_only_the_rest(second: str) -> None:
    """Of 150.00 the bank has 40.00: whatever comes then takes 110.00 at most. It asks nobody when it comes later."""
    assert (total_back(("dispute", second), "2026-06-01") or 0) <= 15_000
    account = june("2026-06-01")
    account.take_back("in_1", "dispute", usd(15_000))
    account.change(PLANS[2], {}, B.INVOICE_NOW)
    assert (came_back(account, "in_1"), account.balance.amount) == (ZERO, ZERO)


def test_11_1_what_a_credit_note_covers_after_all_is_no_more_to_be_had() -> None:
    """The dashboard gave 60.00 back, and a note over 80.00 stands for 60.00 of them: less what it covers, not more."""
    account = june("2026-06-01")
    account.credit("in_1", CreditRequest(usd(8_000).micros))
    account.take_back("in_1", "dashboard", usd(6_000))
    account.take_back("in_1", "note", usd(-8_000))
    assert account.invoices["in_1"].creditable == usd(7_000)
    account.cancel()
    assert account.balance.amount == usd(8_000 + 7_000)


# Taxes, and invoices that carry credits


def test_11_1_a_line_with_tax_and_one_without_give_back_no_more_tax_than_was_billed() -> None:
    """100.00 + 20.00 and 50.00 without tax; 85.00 credited, 10.00 of it tax. All that is left are 85.00 and 10.00."""
    account = Account.opened(PLANS[0], JUNE, {"seats": 5}, {"base": (VAT,)})
    account.pay("in_1")
    note = account.credit("in_1", CreditRequest(usd(8_500).micros))
    assert (note.net, note.tax) == (usd(7_500), usd(1_000))
    account.cancel()
    credit = account.invoices["in_2"]
    assert (credit.total, credit.tax) == (usd(-8_500), usd(-1_000))
    assert account.balance.amount == usd(17_000)


def test_11_1_what_another_credit_paid_can_be_given_back_in_either_order() -> None:
    """July for 100.00, of which the rest of June paid 50.00 and the card 50.00: all of July comes back, once."""

    def july() -> Account:
        account = Account.opened(PLANS[0], JUNE, {"seats": 0})
        account.pay("in_1")
        account.now = HALF_WAY
        account.change(PLANS[2], {}, B.CREATE_PRORATIONS)
        account.change(PLANS[0], {"seats": 0}, B.NONE)
        account.renew()
        account.pay("in_2")
        return account

    sums = []
    for steps in permutations([lambda a: refunded(a, "in_2"), Account.cancel]):
        account = july()
        for step in steps:
            try:
                step(account)
            except RefundExceedsAvailable:
                continue
        sums.append((came_back(account, "in_2"), account.balance.amount + account.paid_out))
    assert sums == [(usd(10_000), usd(10_000))] * 2


def test_11_1_what_was_changed_twice_before_it_was_billed_is_known_on_its_invoice() -> None:
    """Nine seats more at noon, nine fewer at once: on July's invoice they are +45.00 and -45.00 of that line."""
    account = june("2026-06-16")
    account.change(PLANS[0], {"seats": 14}, B.CREATE_PRORATIONS)
    account.change(PLANS[0], {"seats": 5}, B.CREATE_PRORATIONS)
    account.renew()
    lines = account.invoices["in_2"].lines
    assert [(line.amount.minor, line.gives_back) for line in lines[:4]] == [
        (-2_500, "in_1-2"),
        (7_000, None),
        (-7_000, "in_2-2"),
        (2_500, None),
    ]
    account.pay("in_2")
    with pytest.raises(RefundExceedsAvailable):
        account.credit("in_2", CreditRequest(None, (CreditLine("in_2-2"),)))


def test_11_1_usage_that_is_corrected_is_not_credited_again() -> None:
    """100 calls for 1.00, of which 60 never were: -0.60 waits, and 0.40 are left for a note."""
    sold = plan(metered(1))
    account = Account.opened(sold, JUNE, {})
    book, span = UsageBook.of(), span_at(account.subscription, JUNE)
    counted = book.close(account.subscription, sold, HALF_WAY, reading(span, 100))
    account.take(Step(account.subscription, counted.lines, counted.lines))
    (invoice,) = account.invoices.values()
    account.pay(invoice.id)
    book.periods = {each: invoiced(period, invoice.lines) for each, period in book.periods.items()}
    corrected = book.close(account.subscription, sold, HALF_WAY, reading(span, -60))
    waiting = replace(account.subscription, pending=corrected.lines)
    account.take(Step(waiting, corrected.lines))
    assert account.invoices[invoice.id].creditable == usd(40)
    with pytest.raises(RefundExceedsAvailable):
        account.credit(invoice.id, CreditRequest(usd(41).micros))
    account.credit(invoice.id, CreditRequest(usd(40).micros))
    assert account.invoices[invoice.id].creditable == ZERO


# Item 12


def test_11_12_a_void_renewal_owes_again_what_it_gave_back() -> None:
    """June for 150.00, half of it given back on July's invoice, which is void: August's gives it back."""
    account = june("2026-06-16")
    account.change(PLANS[2], {}, B.CREATE_PRORATIONS)
    account.change(PLANS[0], {"seats": 5}, B.NONE)
    account.renew()
    assert account.invoices["in_2"].total == usd(7_500)
    account.void("in_2")
    assert [(line.amount, line.gives_back) for line in account.subscription.pending] == [
        (usd(-5_000), "in_1-1"),
        (usd(-2_500), "in_1-2"),
    ]
    assert account.invoices["in_1"].creditable == usd(7_500)
    account.renew()
    assert account.invoices["in_3"].total == usd(7_500)


def test_11_12_of_a_subscription_that_has_ended_it_is_billed_at_once() -> None:
    account = june("2026-06-16")
    account.change(PLANS[0], {"seats": 0}, B.CREATE_PRORATIONS)
    account.renew()
    account.cancel()  # at July's first instant: all of it comes off the invoice that billed it
    assert account.invoices["in_2"].status is InvoiceStatus.PAID
    assert account.balance.amount == usd(2_500)


def test_11_12_an_invoice_of_which_another_gave_something_back_is_not_voided() -> None:
    """June unpaid, half of it given back on July's invoice: void, it would be a gift of 75.00."""
    account = Account.opened(PLANS[0], JUNE, {"seats": 5})
    account.now = HALF_WAY
    account.change(PLANS[2], {}, B.CREATE_PRORATIONS)
    account.change(PLANS[0], {"seats": 5}, B.NONE)
    account.renew()
    with pytest.raises(InvalidState):
        account.void("in_1")
    account.void("in_2")  # its credits wait again
    account.void("in_1")  # and go with what they gave back
    assert account.subscription.pending == ()
