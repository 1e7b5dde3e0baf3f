"""Issue 13: until when an invoice is to be paid, and what it tells: tenant < customer < invoice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customers.customer import CustomField
from billing.domain.invoicing import issuing, settlement
from billing.domain.invoicing.invoice import BillingReason, Invoice, InvoiceStatus
from billing.domain.invoicing.terms import OwnTerms, Terms, due_date, terms_of
from billing.domain.kernel.bank import BankDetails
from billing.domain.tenant import Branding
from tests.support.engine import CUSTOMER, TENANT, on
from tests.support.invoices import AT, SEQUENCE, line, no_balance

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "Africa/Casablanca"]
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def finalized(
    *minor: int, net: int = 0, charged: bool = False, auto_charge: bool = True, timezone: str = "UTC"
) -> Invoice:
    customer = replace(CUSTOMER, net_terms_days=net, timezone=timezone)
    made = issuing.draft(TENANT, customer, "in_1", [line(each) for each in minor], BillingReason.MANUAL, AT)
    made = replace(made, auto_charge=auto_charge)
    return issuing.finalize(made, SEQUENCE, no_balance(), AT, charged=charged).invoice


@given(MOMENTS, st.integers(0, 365), ZONES)
def test_it_is_due_at_the_same_time_of_day_so_many_calendar_days_later(at: datetime, days: int, zone: str) -> None:
    """The law of dueAt; only where the clocks were set over that very time is it moved by the gap."""
    due = due_date(Terms(net_days=days), at, zone)
    local, due_local = at.astimezone(ZoneInfo(zone)), due.astimezone(ZoneInfo(zone))
    assert (due == at) if days == 0 else (due > at)
    assert due.tzinfo is UTC
    assert abs(due_local.replace(tzinfo=None) - local.replace(tzinfo=None) - timedelta(days=days)) <= timedelta(hours=1)


def test_clocks_that_are_set_forward_meanwhile_take_no_hour_from_the_payer() -> None:
    berlin = due_date(Terms(net_days=30), on("2026-03-01T11:00"), "Europe/Berlin")
    assert berlin == on("2026-03-31T10:00")  # noon on both days there


def test_the_invoice_comes_before_its_customer_and_that_before_its_tenant() -> None:
    bank = BankDetails("Acme", "DE89370400440532013000")
    tenant = replace(TENANT, net_terms_days=30, locale="de", bank_details=bank, branding=Branding(legal_line="HRB 1"))
    plain = terms_of(tenant, CUSTOMER, OwnTerms())
    assert (plain.net_days, plain.locale, plain.bank, plain.legal_line) == (30, "de", bank, "HRB 1")
    field = CustomField("Cost center", "4711")
    customer = replace(CUSTOMER, net_terms_days=14, locale="fr-CA", po_number="PO-1", custom_fields=(field,))
    theirs = terms_of(tenant, customer, OwnTerms())
    assert (theirs.net_days, theirs.locale, theirs.po_number, theirs.custom_fields) == (14, "fr-CA", "PO-1", (field,))
    own = terms_of(tenant, customer, OwnTerms(0, "PO-2", ()))
    assert (own.net_days, own.po_number, own.custom_fields) == (0, "PO-2", ())


@pytest.mark.parametrize(
    ("charged", "auto_charge", "minor", "waits"),
    [
        (False, True, 100_00, True),
        (True, False, 100_00, True),  # it waits to be paid by hand, whatever card there is
        (True, True, 100_00, False),
        (True, True, 1_200_000_00, True),  # more than a card can be charged: by transfer, and that takes time
        (False, True, 0, False),
    ],
)
def test_who_is_charged_at_once_owes_at_once(charged: bool, auto_charge: bool, minor: int, waits: bool) -> None:
    made = finalized(minor, net=30, charged=charged, auto_charge=auto_charge)
    assert made.due_at == (AT + timedelta(days=30) if waits else AT)
    assert made.grants_time is waits
    assert made.is_early(AT) is waits
    assert not made.is_early(AT + timedelta(days=30))


def test_without_terms_it_is_due_when_it_is_finalized() -> None:
    made = finalized(100_00)
    assert (made.due_at, made.payable_by, made.grants_time, made.is_early(AT)) == (AT, AT, False, False)


def test_what_was_stored_before_is_due_when_it_was_finalized() -> None:
    made = replace(finalized(100_00, net=30), due_at=None, terms=None)
    assert (made.payable_by, made.grants_time) == (AT, False)


def test_a_draft_follows_its_customer_and_a_finalized_invoice_nobody() -> None:
    made = issuing.draft(TENANT, CUSTOMER, "in_1", [line(1)], BillingReason.MANUAL, AT, own=OwnTerms(po_number="PO-9"))
    moved = replace(CUSTOMER, locale="es", po_number="PO-1", net_terms_days=7)
    after = issuing.as_of_now(made, replace(TENANT, legal_name="New Inc."), moved)
    assert after.terms is not None
    assert (after.terms.locale, after.terms.po_number, after.terms.net_days) == ("es", "PO-9", 7)
    assert after.seller.name == "New Inc."
    final = issuing.finalize(after, SEQUENCE, no_balance(), AT).invoice
    assert final.terms == after.terms


def test_only_what_is_to_be_collected_has_an_alarm_at_its_due_date() -> None:
    collected = settlement.in_time(finalized(100_00, net=30), "shard")
    assert collected.due is not None
    assert (collected.due.at, collected.dunning) == (AT + timedelta(days=30), None)
    assert settlement.in_time(finalized(100_00, net=30, auto_charge=False), "shard").due is None
    assert settlement.in_time(finalized(1_200_000_00, net=30), "shard").due is None
    assert collected.status is InvoiceStatus.OPEN
