"""Invoices until they are open: totals that add up, numbers that are taken once, the balance used, books that balance.

What is paid, void or given up is in ``test_settlement``.
"""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.money import CurrencyMismatch, Money, sum_money
from billing.domain.ledger import Account
from billing.domain.subscriptions import changes
from billing.domain.tenant import InvoiceSequence
from billing.schemas.invoicing.invoices import InvoiceOut
from tests.support.engine import CUSTOMER, TENANT, flat, plan, running, seats, started
from tests.support.invoices import (
    AT,
    SEQUENCE,
    accounts,
    balance_of,
    draft,
    draft_of,
    finalized,
    line,
    no_balance,
    opened,
)  # fmt: skip

LAW = settings(max_examples=100, deadline=None)
MINOR = st.integers(-(10**7), 10**7)
BALANCES = st.integers(0, 10**7)
PLAN = plan(flat(1000), seats(333))


@st.composite
def drafts(draw: st.DrawFn) -> Invoice:
    """Charges and credits with discounts, and with taxes on top or in them."""
    lines = []
    for _ in range(draw(st.integers(0, 5))):
        amount, inclusive = draw(MINOR), draw(st.booleans())
        off = draw(st.integers(0, amount)) if amount > 0 else 0
        tax = (amount - off) // draw(st.integers(4, 25))
        lines.append(line(amount, off, tax, inclusive))
    return draft(lines)


# Drafts


def test_a_line_shows_of_which_usage_it_is() -> None:
    made = draft([replace(line(1000), dimensions={"region": "eu"}), line(500)])
    shown = InvoiceOut.of(made).model_dump(mode="json", by_alias=True)["lines"]
    assert [each["dimensions"] for each in shown] == [{"region": "eu"}, {}]


@LAW
@given(drafts())
def test_totals_add_up(made: Invoice) -> None:
    assert made.subtotal == sum_money((each.amount for each in made.lines), "USD")
    assert made.total == sum_money((each.taxable + each.tax - each.tax_included for each in made.lines), "USD")
    assert made.amount_due == made.total
    assert made.total.is_whole_minor


@pytest.mark.parametrize(
    ("inclusive", "total"),
    [pytest.param(False, 960, id="tax-on-top"), pytest.param(True, 800, id="tax-in-the-price")],
)
def test_discount_comes_before_tax(inclusive: bool, total: int) -> None:
    """10.00 less 2.00 at 20 %: 1.60 on top makes 9.60; in the price it changes nothing."""
    made = draft([line(1000, off=200, tax=160, inclusive=inclusive)])
    figures = made.subtotal, made.discount, made.tax, made.total
    assert [each.minor for each in figures] == [1000, 200, 160, total]
    assert made.tax_included.minor == (160 if inclusive else 0)


def test_totals_that_do_not_add_up_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="is not"):
        replace(draft_of(1), total=Money(2000, "USD"))


def test_lines_get_ids_of_their_invoice() -> None:
    assert [each.id for each in draft([line(1), line(2)], "in_7").lines] == ["in_7-1", "in_7-2"]


def test_500_lines_are_one_invoice() -> None:
    made = finalized(draft_of(*range(500))).invoice
    assert (len(made.lines), len({each.id for each in made.lines}), made.total.minor) == (500, 500, 124_750)


def test_an_invoice_of_a_step_bills_what_the_step_does() -> None:
    step = changes.first_period(started(PLAN, AT, {"seats": 3}), PLAN)
    made = issuing.draft(
        TENANT, CUSTOMER, "in_1", step.invoiced, BillingReason.SUBSCRIPTION_CREATE, AT, step.subscription
    )
    assert (made.total.minor, made.subscription_id, made.period) == (1999, "sub_1", step.subscription.current_period)
    assert (made.status, made.currency, made.created_at) == (InvoiceStatus.DRAFT, "USD", AT)


def test_an_invoices_id_is_that_of_its_subscription_and_period() -> None:
    """Prices may change between two runs; the period is billed once all the same."""
    first = running(PLAN, AT, {"seats": 3})
    other_price = replace(first, billed=(), quantities={"seats": 9})
    later = changes.begin_period(first, PLAN, first.current_period.end).subscription
    other = replace(first, id="sub_2")
    ids = [issuing.period_invoice_id(each, each.current_period) for each in (first, other_price, later, other)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_period_that_goes_on_after_a_pause_has_an_invoice_of_its_own() -> None:
    before = running(PLAN, AT, {"seats": 3})
    paused = changes.pause(before, PLAN, AT.replace(day=31, hour=12), None, changes.ProrationBehavior.INVOICE_NOW)
    after = changes.resume(paused.subscription, PLAN, AT.replace(hour=13)).subscription
    ids = {issuing.period_invoice_id(each, each.current_period) for each in (before, after)}
    assert len(ids) == 2


def test_parties_are_copied_as_they_are_today() -> None:
    made = draft_of(1)
    assert (made.seller.name, made.buyer.name, made.buyer.email) == ("Acme", "Ada", "ada@example.com")
    legal = replace(TENANT, legal_name="Acme Ltd")
    made = issuing.draft(legal, CUSTOMER, "in_1", made.lines, BillingReason.MANUAL, AT)
    assert made.seller.name == "Acme Ltd"


def test_an_empty_draft_is_in_the_customers_currency_or_in_the_one_that_is_named() -> None:
    assert draft([]).currency == "USD"
    assert issuing.draft(TENANT, CUSTOMER, "in_1", [], BillingReason.MANUAL, AT, currency="EUR").currency == "EUR"


def test_a_draft_has_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        draft([line(1), line(1, currency="EUR")])


def test_other_lines_make_other_totals_and_tax_waits_no_more() -> None:
    waiting = replace(draft_of(100), tax_waits=True)
    taxed = issuing.with_lines(waiting, [line(100, tax=20)], notes=("Reverse charge",))
    assert (taxed.total.minor, taxed.tax_waits, taxed.notes) == (120, False, ("Reverse charge",))


@pytest.mark.parametrize("status", [s for s in InvoiceStatus if s is not InvoiceStatus.DRAFT])
def test_the_lines_of_what_is_no_draft_are_frozen(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        issuing.with_lines(replace(draft_of(1), status=status), [line(2)])
    assert refused.value.public_code == "invoice.invalid_state"
    assert status in refused.value.message


# Finalizing


@LAW
@given(st.integers(1, 999_998))
def test_finalizing_gives_the_number_of_the_sequence(next_number: int) -> None:
    sequence = InvoiceSequence("ten_1", "ACME", next_number)
    final = issuing.finalize(draft_of(1), sequence, no_balance(), AT)
    assert final.invoice.number == f"ACME-{next_number:06d}"


@LAW
@given(drafts(), BALANCES)
def test_finalizing_posts_what_is_owed_and_what_the_balance_paid(made: Invoice, held: int) -> None:
    final = finalized(made, held)
    invoice = final.invoice
    used = invoice.balance_applied.minor
    net = made.total - made.tax
    expected = {
        Account.RECEIVABLE: made.total.minor - used,
        Account.REVENUE: -net.minor,
        Account.TAX_PAYABLE: -made.tax.minor,
        Account.CUSTOMER_BALANCE: used,
    }
    assert accounts(final.entries) == {account: amount for account, amount in expected.items() if amount}
    assert final.balance.amount.minor == held - used
    assert len({entry.id for entry in final.entries}) == len(final.entries)


@LAW
@given(MINOR, BALANCES)
@example(1, 0)
@example(1049, 1000)
@example(50, 0)
def test_the_balance_pays_first_and_what_is_below_zero_goes_into_it(total: int, held: int) -> None:
    """A rest below the 0.50 that a card can be charged is paid by the balance as well, which then owes it."""
    final = finalized(draft_of(total), held)
    invoice = final.invoice
    rest = max(0, total - held)
    carried = rest if rest < 50 else 0
    assert invoice.balance_applied.minor == (min(total, held) + carried if total > 0 else total)
    assert invoice.amount_due.minor == rest - carried
    assert invoice.carried is not None
    assert invoice.carried.minor == carried
    assert final.balance.amount.minor == held - invoice.balance_applied.minor
    assert final.balance.amount.is_negative is (carried > 0)
    assert (invoice.status is InvoiceStatus.PAID) is invoice.amount_due.is_zero


@pytest.mark.parametrize(
    ("total", "held", "applied", "due", "left"),
    [
        pytest.param(5000, 0, 0, 5000, 0, id="no-balance"),
        pytest.param(5000, 2000, 2000, 3000, 0, id="all-of-it-used"),
        pytest.param(5000, 5000, 5000, 0, 0, id="just-enough"),
        pytest.param(5000, 8000, 5000, 0, 3000, id="more-than-enough"),
        pytest.param(-5000, 1000, -5000, 0, 6000, id="below-zero"),
        pytest.param(0, 1000, 0, 0, 1000, id="nothing"),
    ],
)
def test_the_balance_by_example(total: int, held: int, applied: int, due: int, left: int) -> None:
    final = finalized(draft_of(total), held)
    assert (final.invoice.balance_applied.minor, final.invoice.amount_due.minor) == (applied, due)
    assert final.balance.amount.minor == left


def test_what_has_nothing_left_to_collect_is_paid_at_once() -> None:
    for made in (draft_of(0), draft_of(-500), draft([line(1000, off=1000)])):
        invoice = finalized(made).invoice
        assert (invoice.status, invoice.finalized_at, invoice.paid_at) == (InvoiceStatus.PAID, AT, AT)
        assert not invoice.to_charge
    invoice = opened(50)  # the least that a card can be charged; less is carried (test_11_07_balance)
    assert (invoice.status, invoice.finalized_at, invoice.paid_at) == (InvoiceStatus.OPEN, AT, None)


def test_an_invoice_of_nothing_posts_nothing() -> None:
    assert finalized(draft_of(0), 500).entries == ()


def test_tax_is_owed_though_a_credit_makes_the_total_nothing() -> None:
    final = finalized(draft([line(1000, tax=200), line(-1200)]))
    assert accounts(final.entries) == {Account.REVENUE: 200, Account.TAX_PAYABLE: -200}
    assert final.invoice.status is InvoiceStatus.PAID


def test_a_draft_that_waited_has_no_alarm_any_more() -> None:
    waiting = replace(draft_of(100), due=Due("07", AT))
    assert finalized(waiting).invoice.due is None


def test_an_open_invoice_is_charged_by_itself_unless_it_waits_to_be_paid() -> None:
    assert opened(100).to_charge
    assert not finalized(replace(draft_of(100), auto_charge=False)).invoice.to_charge
    assert not draft_of(100).to_charge


@pytest.mark.parametrize("status", [s for s in InvoiceStatus if s is not InvoiceStatus.DRAFT])
def test_only_a_draft_is_finalized(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        finalized(replace(draft_of(1), status=status))
    assert refused.value.public_code == "invoice.invalid_state"
    assert status in refused.value.message


def test_the_ledger_entry_of_a_fact_has_one_id() -> None:
    """A second run cannot post twice: the id exists already."""
    assert finalized(draft_of(100), 50).entries == finalized(draft_of(100), 50).entries
    other = draft([line(100)], "in_2")
    ids = {entry.id for made in (draft_of(100), other) for entry in finalized(made, 50).entries}
    assert len(ids) == 4


def test_a_balance_of_another_currency_pays_nothing() -> None:
    made = draft([line(100, currency="EUR")])
    with pytest.raises(CurrencyMismatch):
        issuing.finalize(made, SEQUENCE, balance_of(100), AT)


# The balance


def test_a_balance_goes_below_zero_by_what_no_card_can_be_charged() -> None:
    """It was refused before: 0.30 stayed open for ever (issue 11, item 7)."""
    carried = finalized(draft_of(30))
    assert (carried.invoice.status, carried.balance.amount.minor) == (InvoiceStatus.PAID, -30)
    assert accounts(carried.entries) == {Account.REVENUE: -30, Account.CUSTOMER_BALANCE: 30}


@LAW
@given(BALANCES, MINOR)
def test_what_a_balance_can_pay_it_has(held: int, owed: int) -> None:
    before = balance_of(held)
    usable = before.usable_for(Money.from_minor(owed, "USD"))
    assert usable.minor <= max(owed, 0)
    assert before.used(usable).amount.minor == held - usable.minor
