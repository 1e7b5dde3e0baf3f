"""Credits that a dispute holds back: given as far as the money comes back, and never beyond what is left (0023)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.invoicing.giving_back import Limited, credits_of, limited, released
from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.crediting import gross, left_of
from billing.domain.lines.line import CreditStep
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import SubscriptionState
from tests.support.account import VAT, Account, Rates, usd
from tests.support.cadences import LAW
from tests.support.engine import flat, on, plan, running, seats

JUNE, HALF_WAY = on("2026-06-01"), on("2026-06-16")
SOLD = plan(flat(7_000), seats(1_000))
ZERO = Money.zero("USD")


def disputed(invoice: Invoice, **cents: int) -> Invoice:
    """The invoice, of which disputes hold something; their names say how they stand."""
    return replace(
        invoice,
        taken_back={name: usd(amount) for name, amount in cents.items() if not name.startswith("won")},
        disputes={name: name.split("_")[0] if name[:3] in ("won", "los") else "needs_response" for name in cents},
    )


def june(rates: Rates | None = None) -> tuple[Account, Invoice]:
    """70.00 and three seats at 10.00 for June, paid."""
    account = Account.opened(SOLD, JUNE, {"seats": 3}, rates)
    (invoice,) = account.invoices.values()
    account.pay(invoice.id)
    return account, account.invoices[invoice.id]


def paused(account: Account, invoice: Invoice) -> Limited:
    """Half of June is to come back."""
    step = changes.pause(account.subscription, SOLD, HALF_WAY, None, ProrationBehavior.CREATE_PRORATIONS)
    return limited(step, credits_of(step, account.subscription), {invoice.id: invoice})


def came(limited_: Limited) -> tuple[int, int]:
    """What is given, and what is withheld."""
    (invoice,) = limited_.invoices
    return -sum(gross(line).minor for line in limited_.step.lines), withheld(invoice)


def withheld(invoice: Invoice) -> int:
    return -sum(gross(line).minor for line in invoice.withheld)


@pytest.mark.parametrize(
    ("held", "given_", "waits"), [(10_000, 0, 5000), (8_000, 2000, 3000), (6_000, 4000, 1000), (4_000, 5000, 0)]
)
def test_what_a_dispute_holds_is_withheld(held: int, given_: int, waits: int) -> None:
    account, invoice = june()
    assert came(paused(account, disputed(invoice, open_1=held))) == (given_, waits)


def test_what_is_lost_or_was_refunded_at_stripe_is_not() -> None:
    account, invoice = june()
    gone = disputed(invoice, lost_1=8_000)
    assert came(paused(account, gone)) == (2000, 0)
    at_stripe = replace(invoice, taken_back={"re_1": usd(8_000)})
    assert came(paused(account, at_stripe)) == (2000, 0)


def test_of_two_disputes_each_gives_what_it_held() -> None:
    """60.00 lost, 40.00 won: 40.00 of the 50.00."""
    account, invoice = june()
    (both,) = paused(account, disputed(invoice, open_1=6_000, open_2=4_000)).invoices
    one_lost, lines = released(disputed(both, lost_1=6_000, open_2=4_000))
    assert lines == ()
    one_won, lines = released(disputed(one_lost, lost_1=6_000, won_2=4_000))
    assert (-sum(gross(line).minor for line in lines), one_won.withheld) == (4000, ())


def test_of_a_void_invoice_nothing_is_given() -> None:
    account, invoice = june()
    (held,) = paused(account, disputed(invoice, open_1=10_000)).invoices
    after, lines = released(replace(held, status=InvoiceStatus.VOID, taken_back={}))
    assert (after.withheld, lines) == ((), ())


def test_without_a_dispute_nothing_is_withheld() -> None:
    account, invoice = june()
    assert came(paused(account, invoice)) == (5000, 0)
    assert released(invoice) == (invoice, ())


@LAW
@given(
    st.sampled_from([{}, {"base": (VAT,)}, {"base": (VAT,), "seats": (VAT,)}]),
    st.integers(0, 12_000),
    st.integers(0, 12_000),
    st.integers(0, 29),
    st.booleans(),
)
def test_given_and_withheld_are_together_what_would_have_been_given(
    rates: Rates, held: int, credited: int, days: int, is_won: bool
) -> None:
    """Won, it comes to what it had come to without a dispute, to the cent; lost, no more than was left comes back."""
    account, invoice = june(rates)
    most = invoice.total.minor
    held, credited = min(held, most), min(credited, most - min(held, most))
    if credited:
        invoice = replace(invoice, credits=(CreditStep(None, usd(credited)),))
    at = JUNE + timedelta(days=days)
    step = changes.pause(account.subscription, SOLD, at, None, ProrationBehavior.CREATE_PRORATIONS)
    credits_ = credits_of(step, account.subscription)

    def given_of(before: Invoice) -> tuple[int, Invoice]:
        found = limited(step, credits_, {before.id: before})
        return -sum(gross(line).minor for line in found.step.lines), next(iter(found.invoices), before)

    plainly, _ = given_of(invoice)
    now, after = given_of(disputed(invoice, open_1=held))
    decided, lines = released(disputed(after, won_1=held) if is_won else disputed(after, lost_1=held))
    later = -sum(gross(line).minor for line in lines)
    assert decided.withheld == ()
    assert (now + later == plainly) if is_won else (later == 0)
    back = sum_money((each.amount for each in decided.credits), "USD")
    assert (back + decided.got_back).minor <= most
    assert all(left.billed >= 0 for left in left_of(decided.lines, decided.credits).lines)


# The subscription that it is owed to


def test_it_waits_for_the_next_invoice() -> None:
    before = running(SOLD, JUNE, {"seats": 3})
    after = lifecycle.owed(before, before.billed, HALF_WAY, "07")
    assert (after.pending, after.due) == (before.billed, before.due)


def test_of_what_has_ended_the_alarm_bills_it_and_then_late_usage_as_before() -> None:
    until = on("2026-08-01")
    ended = replace(running(SOLD, JUNE, {"seats": 3}), usage_until=until, canceled_at=JUNE)
    ended = lifecycle.with_alarm(replace(ended, state=SubscriptionState.CANCELED), "07")
    owed = lifecycle.owed(ended, ended.billed, HALF_WAY, "07")
    assert owed.due == lifecycle.with_alarm(owed, "07").due == Due("07", HALF_WAY)
    assert lifecycle.with_alarm(replace(owed, pending=(), due=None), "07").due == Due("07", until)
