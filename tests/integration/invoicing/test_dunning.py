"""Dunning on a test clock: the schedule, hard declines, the tenant's choice at the end, and what restores."""

from collections import Counter
from typing import Any

import pytest

from tests.integration.steps import advance, flat, subscribed
from tests.integration.world import Json, Tenant, World

START = "2027-01-01T00:00:00Z"


def day(n: int) -> str:
    """The n-th day after the renewal that fails."""
    return f"2027-02-{1 + n:02d}T00:00:00Z"


class Failing:
    """A subscription whose renewal on 1 February is declined."""

    def __init__(self, world: World, tenant: Tenant, decline: str) -> None:
        self.world, self.tenant = world, tenant
        plan = flat(tenant, "monthly", 1000)
        self.clock, self.id = subscribed(tenant, plan, START)
        self.customer = self.subscription["customerId"]
        (method,) = tenant.get("/v1/payment-methods", customer=self.customer).data
        self.method = method["id"]
        self.decline(decline)
        self.advance(0)

    def decline(self, how: str | None) -> None:
        self.world.sandbox.post(f"payment_methods/{self.method}/behaviour", decline=how)

    def advance(self, to_day: int) -> None:
        advance(self.world, self.tenant, self.clock, day(to_day))

    @property
    def subscription(self) -> Json:
        found: Json = self.tenant.get(f"/v1/subscriptions/{self.id}").data
        return found

    @property
    def state(self) -> str:
        return str(self.subscription["state"])

    @property
    def invoice(self) -> Json:
        """The one of the renewal."""
        billed = self.tenant.get("/v1/invoices", subscription=self.id).data
        return next(dict(each) for each in billed if each["period"]["start"] == day(0))

    def events(self) -> Counter[str]:
        return Counter(row["type"]["S"] for row in self.world.rows_of("events", self.tenant.id))


@pytest.fixture
def failing(world: World, request: pytest.FixtureRequest) -> Failing:
    """With the decline and the tenant's settings that the test asks for."""
    asked: dict[str, Any] = dict(getattr(request, "param", {}))
    decline = asked.pop("decline", "insufficient_funds")
    return Failing(world, world.tenant(**({"dunning": asked} if asked else {})), decline)


def test_it_is_tried_again_on_days_1_3_5_and_7_and_then_the_subscription_ends(failing: Failing) -> None:
    assert (failing.state, failing.invoice["attemptCount"]) == ("past_due", 1)
    for on, attempts in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (6, 4)):
        failing.advance(on)
        assert (on, failing.invoice["attemptCount"], failing.state) == (on, attempts, "past_due")
    failing.advance(8)
    ended = failing.subscription
    assert (failing.invoice["attemptCount"], failing.invoice["status"]) == (5, "open")
    assert (ended["state"], ended["canceledAt"]) == ("canceled", day(7))
    events = failing.events()
    assert (events["invoice.payment_failed"], events["payment.failed"]) == (5, 5)
    assert (events["subscription.past_due"], events["subscription.canceled"]) == (1, 1)
    failing.advance(27)
    assert failing.invoice["attemptCount"] == 5


@pytest.mark.parametrize("on", [1, 3, 5, 7])
def test_a_success_at_any_step_restores(failing: Failing, on: int) -> None:
    if on > 1:
        failing.advance(on - 1)
    failing.decline(None)
    failing.advance(on)
    assert (failing.state, failing.invoice["status"]) == ("active", "paid")
    assert failing.subscription["unpaidInvoiceIds"] == []
    failing.advance(27)
    assert failing.state == "active"


@pytest.mark.parametrize("failing", [{"decline": "stolen_card"}], indirect=True)
def test_after_a_hard_decline_nothing_is_tried_until_the_method_changes(failing: Failing) -> None:
    failing.advance(4)
    assert (failing.invoice["attemptCount"], failing.state) == (1, "past_due")
    assert failing.invoice["paymentError"]["declineCode"] == "generic_decline"  # a thief learns nothing
    changed = failing.tenant.patch(f"/v1/subscriptions/{failing.id}", {"paymentMethodId": "pm_card_mastercard"})
    assert changed.status == 200
    failing.advance(5)
    assert (failing.invoice["attemptCount"], failing.invoice["status"], failing.state) == (2, "paid", "active")


@pytest.mark.parametrize("failing", [{"decline": "lost_card"}], indirect=True)
def test_a_hard_decline_alone_ends_as_the_tenant_chose_on_the_last_day(failing: Failing) -> None:
    failing.advance(6)
    assert failing.state == "past_due"
    failing.advance(7)
    assert (failing.state, failing.invoice["attemptCount"]) == ("canceled", 1)


@pytest.mark.parametrize("failing", [{"action": "paused"}], indirect=True)
def test_paused_at_the_end_and_restored_by_a_payment(failing: Failing) -> None:
    failing.advance(7)
    assert (failing.state, failing.subscription["pausedBy"]) == ("paused", "dunning")
    failing.decline(None)
    assert failing.tenant.post(f"/v1/invoices/{failing.invoice['id']}/pay").data["status"] == "paid"
    after = failing.subscription
    # Within the period that it has now paid for, it simply runs on.
    assert (after["state"], after["pausedBy"], after["currentPeriod"]["end"]) == (
        "active",
        None,
        "2027-03-01T00:00:00Z",
    )
    advance(failing.world, failing.tenant, failing.clock, "2027-03-01T00:00:00Z")
    assert failing.subscription["currentPeriod"]["start"] == "2027-03-01T00:00:00Z"


@pytest.mark.parametrize("failing", [{"action": "paused"}], indirect=True)
def test_paid_long_after_the_pause_it_goes_on_from_then_and_what_it_missed_is_not_billed(failing: Failing) -> None:
    advance(failing.world, failing.tenant, failing.clock, "2027-05-11T00:00:00Z")
    assert failing.state == "paused"
    failing.decline(None)
    assert failing.tenant.post(f"/v1/invoices/{failing.invoice['id']}/pay").data["status"] == "paid"
    advance(failing.world, failing.tenant, failing.clock, "2027-05-12T00:00:00Z")
    after = failing.subscription
    assert (after["state"], after["currentPeriod"]) == (
        "active",
        {"start": "2027-05-11T00:00:00Z", "end": "2027-06-01T00:00:00Z"},
    )
    (latest, *_) = failing.tenant.get("/v1/invoices", subscription=failing.id).data
    assert latest["total"] == 677_000  # 10.00 x 21/31


@pytest.mark.parametrize("failing", [{"action": "left"}], indirect=True)
def test_left_past_due_at_the_end_and_renewed_all_the_same(failing: Failing) -> None:
    failing.advance(27)
    assert (failing.state, failing.invoice["attemptCount"]) == ("past_due", 5)
    advance(failing.world, failing.tenant, failing.clock, "2027-03-01T00:00:00Z")
    assert failing.subscription["currentPeriod"]["start"] == "2027-03-01T00:00:00Z"
    assert len(failing.subscription["unpaidInvoiceIds"]) == 2


@pytest.mark.parametrize("failing", [{"scheduleDays": [], "action": "canceled"}], indirect=True)
def test_an_empty_schedule_ends_at_the_first_failure(failing: Failing) -> None:
    assert (failing.state, failing.invoice["attemptCount"]) == ("canceled", 1)


@pytest.mark.parametrize("failing", [{"scheduleDays": [2]}], indirect=True)
def test_the_tenants_own_schedule(failing: Failing) -> None:
    failing.advance(1)
    assert failing.invoice["attemptCount"] == 1
    failing.advance(2)
    assert (failing.invoice["attemptCount"], failing.state) == (2, "canceled")


def test_a_payment_by_hand_in_between_does_not_move_the_schedule(failing: Failing) -> None:
    failing.advance(2)
    assert failing.tenant.post(f"/v1/invoices/{failing.invoice['id']}/pay").status == 402
    assert failing.invoice["attemptCount"] == 3
    failing.advance(3)
    assert failing.invoice["attemptCount"] == 4


def test_without_any_method_the_schedule_runs_and_a_new_method_is_charged(world: World) -> None:
    tenant = world.tenant()
    clock = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    customer = tenant.customer(testClockId=clock)
    plan = flat(tenant, "monthly", 1000)
    made = tenant.subscribe(None, planId=plan, quantities={}, customerId=customer, trialDays=31)
    advance(world, tenant, clock, day(2))
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "past_due"
    assert tenant.patch(f"/v1/subscriptions/{made['id']}", {"paymentMethodId": "pm_card_visa"}).status == 200
    advance(world, tenant, clock, day(3))
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"
    assert tenant.only_invoice(subscription=made["id"])["status"] == "paid"
