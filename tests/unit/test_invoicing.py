"""Invoices: totals that add up, numbers that are taken once, books that balance."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain import invoicing
from billing.domain import subscription as lifecycle
from billing.domain.customer import Customer
from billing.domain.errors import InvalidState
from billing.domain.invoicing import Invoice, InvoiceStatus
from billing.domain.money import Money, sum_money
from billing.domain.payment import Payment, PaymentError, PaymentStatus
from billing.domain.periods import Interval
from billing.domain.plan import Plan
from billing.domain.pricing import Component, ComponentType, PricingModel
from billing.domain.tenant import InvoiceSequence, Mode, Tenant, TenantStatus, Tier

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
TENANT = Tenant(
    id="ten_1",
    name="Acme",
    tier=Tier.STANDARD,
    mode=Mode.TEST,
    status=TenantStatus.ACTIVE,
    currency="USD",
    timezone="UTC",
    invoice_prefix="ACME",
    data_key="k",
    created_at=AT,
)
CUSTOMER = Customer("cus_1", "ten_1", "Ada", "USD", "UTC", AT, email="ada@example.com")
PRICES = st.lists(st.integers(0, 10**9), min_size=1, max_size=5)


def plan(*unit_amounts: int) -> Plan:
    components = tuple(
        Component(f"c{n}", ComponentType.LICENSED, PricingModel.PER_UNIT, unit_amount=amount)
        for n, amount in enumerate(unit_amounts)
    )
    return Plan("p", "ten_1", 1, "Business", "USD", Interval.MONTH, 1, components, AT)


def draft(*unit_amounts: int, quantity: int = 1) -> Invoice:
    sold = plan(*unit_amounts)
    quantities = {component.key: quantity for component in sold.components}
    subscription = lifecycle.start("sub_1", CUSTOMER, sold, quantities, AT, 0, {})
    return invoicing.period_invoice(TENANT, CUSTOMER, subscription, sold, AT)


def finalized(*unit_amounts: int) -> Invoice:
    return invoicing.finalize(draft(*unit_amounts), InvoiceSequence("ten_1", "ACME"), AT)[0]


def payment(amount: Money, status: PaymentStatus = PaymentStatus.SUCCEEDED) -> Payment:
    return Payment(
        id="pay_1",
        tenant_id="ten_1",
        customer_id="cus_1",
        amount=amount,
        status=status,
        attempt=1,
        idempotency_key="k",
        stripe_customer_id="c",
        payment_method_id="pm",
        off_session=False,
        created_at=AT,
        submitted_at=AT,
        invoice_id="in_1",
        error=PaymentError("payment.declined", "Declined.") if status is PaymentStatus.FAILED else None,
    )


@given(PRICES, st.integers(0, 1000))
def test_lines_are_whole_minor_units_and_sum_to_the_total(prices: list[int], quantity: int) -> None:
    made = draft(*prices, quantity=quantity)
    assert all(line.amount.is_whole_minor for line in made.lines)
    assert made.total == made.subtotal == sum_money((line.amount for line in made.lines), "USD")
    assert made.amount_due == made.total


def test_totals_that_do_not_add_up_cannot_be_made() -> None:
    made = draft(1000)
    with pytest.raises(ValueError, match="is not"):
        replace(made, total=Money(2000, "USD"))


def test_an_invoices_id_is_that_of_its_subscription_and_period() -> None:
    """Prices may change between two runs; the period is billed once all the same."""
    assert draft(1000).id == draft(2000).id
    later = lifecycle.renew(lifecycle.start("sub_1", CUSTOMER, plan(1000), {"c0": 1}, AT, 0, {}))
    other = lifecycle.start("sub_2", CUSTOMER, plan(1000), {"c0": 1}, AT, 0, {})
    ids = {invoicing.period_invoice_id(s, s.current_period) for s in (later, other)}
    assert len(ids | {draft(1000).id}) == 3


def test_parties_are_copied_as_they_are_today() -> None:
    made = draft(1000)
    assert (made.seller.name, made.buyer.name, made.buyer.email) == ("Acme", "Ada", "ada@example.com")
    legal = replace(TENANT, legal_name="Acme Ltd")
    subscription = lifecycle.start("sub_1", CUSTOMER, plan(1000), {"c0": 1}, AT, 0, {})
    assert invoicing.period_invoice(legal, CUSTOMER, subscription, plan(1000), AT).seller.name == "Acme Ltd"


@given(st.integers(1, 999_998))
def test_finalizing_takes_the_next_number_and_leaves_no_gap(next_number: int) -> None:
    sequence = InvoiceSequence("ten_1", "ACME", next_number, version=7)
    final, following, _ = invoicing.finalize(draft(1000), sequence, AT)
    assert final.number == f"ACME-{next_number:06d}"
    assert following == replace(sequence, next_number=next_number + 1)


@given(PRICES)
def test_finalizing_posts_what_is_owed(prices: list[int]) -> None:
    final, _, entry = invoicing.finalize(draft(*prices), InvoiceSequence("ten_1", "ACME"), AT)
    if final.total.is_zero:
        assert (entry, final.status, final.paid_at) == (None, InvoiceStatus.PAID, AT)
    else:
        assert entry is not None
        assert {p.account: p.amount for p in entry.postings} == {"receivable": final.total, "revenue": -final.total}
        assert (final.status, final.finalized_at, final.paid_at) == (InvoiceStatus.OPEN, AT, None)


@pytest.mark.parametrize("status", [s for s in InvoiceStatus if s is not InvoiceStatus.DRAFT])
def test_only_a_draft_is_finalized(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState) as refused:
        invoicing.finalize(replace(draft(1000), status=status), InvoiceSequence("ten_1", "ACME"), AT)
    assert refused.value.public_code == "invoice.invalid_state"


@pytest.mark.parametrize("status", [s for s in InvoiceStatus if s is not InvoiceStatus.OPEN])
def test_only_an_open_invoice_is_charged(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState):
        invoicing.attempted(replace(finalized(1000), status=status), payment(Money(1000, "USD")))


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_an_invoice_is_paid_when_all_of_it_is(owed: int, received: int) -> None:
    before = finalized(owed * 1000)
    after, entry = invoicing.paid(before, payment(Money.from_minor(received, "USD")), AT)
    assert after.amount_paid == Money.from_minor(received, "USD")
    assert (after.status is InvoiceStatus.PAID) is (received >= owed)  # who pays too much has a credit
    assert after.amount_due == before.total - after.amount_paid
    assert {p.account: p.amount.minor for p in entry.postings} == {"cash": received, "receivable": -received}


def test_nothing_but_the_payment_changes_on_a_finalized_invoice() -> None:
    before = finalized(1000)
    after, _ = invoicing.paid(before, payment(before.total), AT)
    unpaid = replace(after, status=before.status, amount_paid=before.amount_paid, paid_at=None)
    assert unpaid == before


def test_a_failed_charge_leaves_its_reason_and_success_takes_it_away() -> None:
    failed = invoicing.payment_failed(finalized(1000), payment(Money(1000, "USD"), PaymentStatus.FAILED))
    assert (failed.status, failed.payment_error and failed.payment_error.code) == ("open", "payment.declined")
    assert invoicing.paid(failed, payment(failed.total), AT)[0].payment_error is None


def test_the_ledger_entry_of_a_fact_has_one_id() -> None:
    """A second run cannot post twice: the id exists already."""
    entries = [invoicing.finalize(draft(1000), InvoiceSequence("ten_1", "ACME"), AT)[2] for _ in range(2)]
    assert entries[0] is not None
    assert entries[0] == entries[1]


def test_voiding_takes_the_amount_out_of_the_books_again() -> None:
    final, _, posted = invoicing.finalize(draft(5000), InvoiceSequence("ten_1", "ACME"), AT)
    void, reversal = invoicing.void(final, AT)
    assert void.status is InvoiceStatus.VOID
    assert posted is not None
    assert reversal is not None
    assert {(p.account, p.amount) for p in reversal.postings} == {(p.account, -p.amount) for p in posted.postings}
    assert reversal.id != posted.id


@pytest.mark.parametrize("status", [s for s in InvoiceStatus if s is not InvoiceStatus.OPEN])
def test_only_an_open_invoice_is_voided(status: InvoiceStatus) -> None:
    with pytest.raises(InvalidState):
        invoicing.void(replace(finalized(1000), status=status), AT)


def test_an_invoice_with_money_on_it_is_not_voided() -> None:
    part, _ = invoicing.paid(finalized(2000), payment(Money(1000, "USD")), AT)
    with pytest.raises(InvalidState):
        invoicing.void(part, AT)
