"""Issue 11, item 8: credits over more unpaid invoices than one commit takes, and what the largest commits hold."""

import json
from typing import Any

import pytest

from billing.services.invoicing import offsets
from billing.services.kernel.recovery import CreditsPending, RecoveryPoint
from billing.storage.refusals import MOST_ITEMS
from billing.storage.unit_of_work import UnitOfWork
from tests.faults.laws_journal import journal
from tests.integration.cash import cash_lines, lines_at_stripe
from tests.integration.subscriptions.test_changes import patch
from tests.integration.subscriptions.test_proration_vectors import advance
from tests.integration.walk.stand import own
from tests.integration.world import Json, Tenant, World

SEAT = 1000_000  # 10.00 a seat and day, in micro-units
DAILY: Json = {
    "id": "daily",
    "name": "Daily",
    "currency": "USD",
    "interval": "day",
    "components": [{"key": "seats", "type": "licensed", "unitAmount": SEAT}],
}


@pytest.fixture
def tenant(world: World) -> Tenant:
    """A tenant who tries nothing again, and leaves who does not pay."""
    return world.tenant(dunning={"scheduleDays": [], "action": "left"})


def unpaid_days(world: World, tenant: Tenant, days: int) -> tuple[str, str]:
    """A day paid, ``days`` days that nobody paid, and then 99 seats more, paid for the last of them: 990.00.

    So a cancellation gives back 1,000.00, which first comes off the unpaid days.
    """
    tenant.post("/v1/plans", DAILY)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId="daily", quantities={"seats": 1}, customerId=customer)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    for day in range(1, days + 1):
        if day == days or day % 20 == 0:
            advance(world, tenant, clock, f"2027-{1 + day // 31:02d}-{1 + day % 31:02d}T00:00:00Z")
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline=None)
    grown = patch(tenant, made["id"], quantities={"seats": 100}, prorationBehavior="invoice_now")
    assert (grown["state"], len(grown["unpaidInvoiceIds"])) == ("past_due", days)
    return clock, str(made["id"])


def cancel(tenant: Tenant, subscription: str, **more: Any) -> Any:
    body = {"prorationBehavior": "create_prorations"}
    return tenant.post(f"/v1/subscriptions/{subscription}/cancel", body, **more)


def require_settled(world: World, tenant: Tenant, subscription: str, days: int) -> None:
    """Every day is paid by the credits; the balance has the rest of 1,000.00; the books agree with all of it."""
    after = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (after["state"], after["unpaidInvoiceIds"]) == ("canceled", [])
    invoices = tenant.get("/v1/invoices", subscription=subscription, limit=100).data
    assert {each["status"] for each in invoices} == {"paid"}
    assert {each["amountDue"] for each in invoices} == {0}
    last = next(each for each in invoices if each["total"] < 0)
    rest = 100 * SEAT - days * SEAT
    assert (last["total"], last["amountCredited"], last["balanceApplied"]) == (-100 * SEAT, -days * SEAT, -rest)
    assert sum(each["amountCredited"] for each in invoices) == 0
    assert tenant.get(f"/v1/customers/{after['customerId']}/balance").data["amount"] == rest
    entries = [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]
    postings = [posting for entry in entries for posting in entry["postings"]]
    accounts = dict.fromkeys(("receivable", "customer_balance", "cash", "processing_fees"), 0)
    for posting in postings:
        if posting["account"] in accounts:
            accounts[posting["account"]] += posting["amount"]["micros"]
    fees = accounts.pop("processing_fees")
    assert accounts == {"receivable": 0, "customer_balance": -rest, "cash": 100 * SEAT - fees}
    assert cash_lines(world, tenant) == lines_at_stripe(world, tenant)
    assert list(journal(own(world, tenant, *world.tables))) == []  # each invoice's receivable is what it asks for


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a commit took two invoices, so that five are many."""
    monkeypatch.setattr(offsets, "MOST_AT_ONCE", 2)


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A process that is cut off right after its n-th commit of spreading, where n is in the list."""
    after: list[int] = []
    checkpoint = UnitOfWork.checkpoint
    count = [0]

    def cut(self: UnitOfWork, point: RecoveryPoint) -> None:
        checkpoint(self, point)
        if isinstance(point, CreditsPending):
            count[0] += 1
            if count[0] in after:
                raise SystemExit("killed")

    monkeypatch.setattr(UnitOfWork, "checkpoint", cut)
    return after


def test_fifty_unpaid_days_are_settled_by_one_cancellation(world: World, tenant: Tenant) -> None:
    """What was a 500 for ever: more than a hundred items; now no commit has more than it takes."""
    days = 50
    _, subscription = unpaid_days(world, tenant, days)
    world.writes.clear()
    answer = cancel(tenant, subscription)
    assert (answer.status, answer.data["state"]) == (200, "canceled")
    require_settled(world, tenant, subscription, days)
    sizes = [len(tables) for name, tables in world.writes if name == "TransactWriteItems"]
    assert len(sizes) == 4  # 15, 15, 15, 5
    assert max(sizes) <= 60 < MOST_ITEMS


def test_a_renewal_over_credits_goes_on_in_further_commits(world: World, tenant: Tenant, two_at_once: None) -> None:
    """The alarm clock's renewal, too: nothing is parked."""
    clock, subscription = unpaid_days(world, tenant, 5)
    patch(tenant, subscription, quantities={"seats": 1}, prorationBehavior="create_prorations")
    advance(world, tenant, clock, "2027-01-07T00:00:00Z")
    after = tenant.get(f"/v1/subscriptions/{subscription}").data
    assert (after["state"], after["unpaidInvoiceIds"]) == ("active", [])
    # 1,000.00 back for the last day's 100 seats, one seat for it and one for the next day: 980.00, less four days.
    assert tenant.get(f"/v1/customers/{after['customerId']}/balance").data["amount"] == (98 - 5) * SEAT


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_cancellation_that_is_cut_off_goes_on_under_its_key(
    world: World, tenant: Tenant, two_at_once: None, dies: list[int], killed_after: int
) -> None:
    """Whatever commit was the last: the retry goes on from there, and answers as if nothing had happened."""
    _, subscription = unpaid_days(world, tenant, 5)
    dies.append(killed_after)
    with pytest.raises(SystemExit):
        cancel(tenant, subscription, idempotency_key="cancel-it")
    world.clock.advance(seconds=30)  # its lease is over
    answer = cancel(tenant, subscription, idempotency_key="cancel-it")
    assert (answer.status, answer.data["state"]) == (200, "canceled")
    require_settled(world, tenant, subscription, 5)
    assert cancel(tenant, subscription, idempotency_key="cancel-it").content == answer.content


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_cancellation_that_nobody_repeats_is_finished_by_the_alarm_clock(
    world: World, tenant: Tenant, two_at_once: None, dies: list[int], killed_after: int
) -> None:
    """Meanwhile nothing of the credits is in the balance, for they belong to the invoices first."""
    clock, subscription = unpaid_days(world, tenant, 5)
    customer = tenant.get(f"/v1/subscriptions/{subscription}").data["customerId"]
    dies.append(killed_after)
    with pytest.raises(SystemExit):
        cancel(tenant, subscription)
    assert tenant.get(f"/v1/customers/{customer}/balance").data["amount"] == 0
    advance(world, tenant, clock, "2027-01-06T00:00:01Z")
    require_settled(world, tenant, subscription, 5)
    advance(world, tenant, clock, "2027-01-06T00:00:02Z")  # and nothing is left to do
    require_settled(world, tenant, subscription, 5)
