"""Issue 11, item 9: a subscription that never began ends, whatever became of its first invoice meanwhile."""

import json
from typing import Any

import pytest

from tests.integration.invoicing.test_invoices import balance_of, read
from tests.integration.steps import event_types
from tests.integration.subscriptions.test_changes import newest
from tests.integration.subscriptions.test_proration_vectors import advance, flat
from tests.integration.world import Json, Tenant, World

START, NEXT_DAY = "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"
METHODS = [None, "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"]


def incomplete(tenant: Tenant, method: str | None) -> tuple[str, Json, Json]:
    """A subscription of 10.00 whose first invoice is open: nobody paid, the card was declined, or the bank asks."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(method, planId=flat(tenant, "monthly", 1000), quantities={}, customerId=customer)
    invoice = newest(tenant, made["id"])
    assert (made["state"], invoice["status"]) == ("incomplete", "open")
    return clock, made, invoice


def credit(tenant: Tenant, invoice: Json, minor: int) -> None:
    assert tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": minor * 1000}).status == 201


def require_ended(world: World, tenant: Tenant, subscription: Json, invoice: Json) -> None:
    """Canceled for good; nobody owes anything, nobody has anything, and nothing was sold."""
    after = tenant.get(f"/v1/subscriptions/{subscription['id']}").data
    assert after["state"] == "canceled"
    ended = read(tenant, invoice)
    assert (ended["status"] in ("paid", "void"), ended["amountDue"], ended["amountPaid"]) == (True, 0, 0)
    assert balance_of(tenant, subscription["customerId"]) == 0
    sums: dict[str, int] = {}
    for row in world.rows_of("ledger", tenant.id):
        for posting in json.loads(row["body"]["S"])["postings"]:
            sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]["micros"]
    assert set(sums.values()) <= {0}
    (row,) = world.rows_of("subscriptions", tenant.id)
    assert "due_at" not in row  # tried never again
    assert world.charges(tenant) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("credited", [0, 300, 975])
def test_its_time_ends_it(world: World, tenant: Tenant, method: str | None, credited: int) -> None:
    """After 23 hours, once; 9.75 of 10.00 credited leave less than a card can be charged, so that is carried."""
    clock, subscription, invoice = incomplete(tenant, method)
    if credited:
        credit(tenant, invoice, credited)
    if credited == 975:
        assert tenant.get(f"/v1/subscriptions/{subscription['id']}").data["state"] == "active"
        return
    advance(world, tenant, clock, NEXT_DAY)
    require_ended(world, tenant, subscription, invoice)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("credited", [0, 300])
def test_a_cancellation_ends_it(world: World, tenant: Tenant, method: str | None, credited: int) -> None:
    _, subscription, invoice = incomplete(tenant, method)
    if credited:
        credit(tenant, invoice, credited)
    answer = tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel")
    assert (answer.status, answer.data["state"]) == (200, "canceled")
    require_ended(world, tenant, subscription, invoice)


def test_the_rest_is_credited_and_both_notes_are_there(world: World, tenant: Tenant) -> None:
    """10.00 = 3.00 + 7.00: the invoice stays a document, and its credit notes make up for it."""
    _, subscription, invoice = incomplete(tenant, None)
    credit(tenant, invoice, 300)
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel")
    notes: Any = tenant.get(f"/v1/invoices/{invoice['id']}/credit-notes").data
    assert sorted(note["total"] for note in notes) == [300_000, 700_000]
    assert [note["toInvoice"] for note in notes] == [note["total"] for note in notes]


@pytest.mark.parametrize("credited", [0, 300])
def test_an_invoice_that_nothing_is_left_of_is_told_once(world: World, tenant: Tenant, credited: int) -> None:
    """Void, or paid by its credit notes: each status has its one event (found by the random walk)."""
    clock, _, invoice = incomplete(tenant, None)
    if credited:
        credit(tenant, invoice, credited)
    advance(world, tenant, clock, NEXT_DAY)
    status = read(tenant, invoice)["status"]
    told = {"paid": "invoice.paid", "void": "invoice.voided"}[status]
    assert (status, event_types(world, tenant).count(told)) == ("paid" if credited else "void", 1)


def test_what_it_was_to_collect_for_another_is_owed_again(world: World, tenant: Tenant) -> None:
    """A first invoice that brings 0.30 forward, credited in part and given up: the 0.30 are back on the balance."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    customer = tenant.customer(testClockId=clock)
    small = {"customerId": customer, "lines": [{"description": "Small", "amount": 30_000}], "autoFinalize": True}
    assert tenant.post("/v1/invoices", small).data["status"] == "paid"
    made = tenant.subscribe(None, planId=flat(tenant, "monthly", 1000), quantities={}, customerId=customer)
    invoice = newest(tenant, made["id"])
    assert invoice["amountDue"] == 1_030_000
    credit(tenant, invoice, 300)
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel").data["state"] == "canceled"
    assert (read(tenant, invoice)["amountDue"], balance_of(tenant, customer)) == (0, -30_000)
