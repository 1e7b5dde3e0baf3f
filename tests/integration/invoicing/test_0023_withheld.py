"""What a dispute keeps a subscription from giving back is given once the money is back (decision 0023)."""

from typing import Any

import pytest

from tests.integration.invoices import balance_of
from tests.integration.invoicing.test_given_back_once import AUGUST, HALF_WAY, JULY, Account
from tests.integration.payer import payment_of
from tests.integration.steps import books, nets
from tests.integration.world import Tenant, World


class Disputed(Account):
    """100.00 for June, of which the bank has taken something when June is half over."""

    def __init__(self, world: World, tenant: Tenant, cents: int = 10_000) -> None:
        super().__init__(world, tenant, HALF_WAY)
        intent = payment_of(tenant, {"id": self.payment})["paymentIntentId"]
        self.dispute = self.disputed(intent, cents)

    def disputed(self, intent: str, cents: int) -> str:
        made = self.world.sandbox.post(f"charges/{intent}/dispute", amount=cents)
        self.world.deliver_all(self.tenant)
        return str(made["id"])

    def decided(self, how: str, dispute: str | None = None) -> None:
        self.world.sandbox.post(f"disputes/{dispute or self.dispute}/close", status=how)
        self.world.deliver_all(self.tenant)
        self.world.deliver_all(self.tenant)  # all of Stripe's events once more: nothing comes twice

    def waiting(self) -> int:
        return int(self.tenant.get(f"/v1/subscriptions/{self.subscription}").data["pendingLineCount"])


def resumed(account: Account) -> None:
    account.tenant.post(f"/v1/subscriptions/{account.subscription}/resume")


def test_a_month_that_was_disputed_paused_resumed_and_won_is_paid_once(world: World, tenant: Tenant) -> None:
    """Paused and resumed on the 16th: the second half is billed anew, 50.00. Won, the first 50.00 come off July."""
    account = Disputed(world, tenant)
    account.patch(paused=True)
    assert account.waiting() == 0, "so long the bank has all of it"
    resumed(account)
    assert account.newest()["total"] == 5_000_000
    account.decided("won")
    assert account.waiting() == 1
    account.advance(JULY)
    july = account.newest()
    assert (nets(july["lines"]), july["total"]) == ([-5000, 10_000], 5_000_000)
    assert books(world, tenant)["cash"] == 20_000_000  # two months
    account.advance(AUGUST)
    assert account.newest()["total"] == 10_000_000


def test_lost_it_is_not_given_twice(world: World, tenant: Tenant) -> None:
    account = Disputed(world, tenant)
    account.patch(paused=True)
    resumed(account)
    account.decided("lost")
    assert account.waiting() == 0
    account.advance(JULY)
    assert account.newest()["total"] == 10_000_000


def test_of_a_part_that_is_disputed_the_rest_is_given_at_once(world: World, tenant: Tenant) -> None:
    """80.00 disputed: 20.00 at once, 30.00 once it is won."""
    account = Disputed(world, tenant, 8_000)
    account.patch(paused=True, prorationBehavior="invoice_now")
    assert balance_of(tenant, account.customer) == 2_000_000
    account.decided("won")
    resumed(account)
    assert nets(account.newest()["lines"]) == [-3000, 5000]


def test_what_was_not_held_back_is_not_given_again(world: World, tenant: Tenant) -> None:
    """50.00 disputed leave the 50.00 that half of June is worth."""
    account = Disputed(world, tenant, 5_000)
    account.patch(paused=True, prorationBehavior="invoice_now")
    assert balance_of(tenant, account.customer) == 5_000_000
    account.decided("won")
    assert account.waiting() == 0


@pytest.mark.parametrize("how", ["won", "lost"])
def test_what_has_ended_gets_a_last_invoice(world: World, tenant: Tenant, how: str) -> None:
    """Canceled with prorations in the dispute: won, the 50.00 go to the balance by the alarm clock; lost, nothing."""
    account = Disputed(world, tenant)
    assert account.cancel().data["state"] == "canceled"
    assert balance_of(tenant, account.customer) == 0
    account.decided(how)
    account.advance(JULY)
    invoices = tenant.get("/v1/invoices", subscription=account.subscription).data
    if how == "lost":
        assert (len(invoices), balance_of(tenant, account.customer)) == (1, 0)
        return
    last = invoices[0]
    assert (len(invoices), last["total"], last["billingReason"]) == (2, -5_000_000, "subscription_cancel")
    assert last["createdAt"] == HALF_WAY
    assert balance_of(tenant, account.customer) == 5_000_000
    account.advance(AUGUST)
    assert len(tenant.get("/v1/invoices", subscription=account.subscription).data) == 2


def test_what_was_credited_meanwhile_is_not_given_again(world: World, tenant: Tenant) -> None:
    """30.00 of 100.00 disputed, 20.00 of the rest credited, then half of June: 50.00, of which all are left."""
    account = Disputed(world, tenant, 3_000)
    assert account.note(4_000_000).status == 201
    account.patch(paused=True, prorationBehavior="invoice_now")
    assert account.newest()["total"] == -3_000_000
    account.decided("won")
    assert (account.waiting(), account.came_back) == (1, 9_000_000)
    assert account.note(1_001_000).status == 422
    assert account.note(1_000_000).status == 201


def test_usage_that_is_corrected_in_a_dispute_is_given_once_it_is_won(world: World, tenant: Tenant) -> None:
    """100 calls at 1.00 in June, disputed; 40 of them never were."""
    tenant.meter("calls")
    calls: dict[str, Any] = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 100_000}
    tenant.plan(id="calls", name="Calls", components=[calls])
    account = Account(world, tenant, HALF_WAY)
    made = tenant.subscribe(planId="calls", quantities={}, customerId=account.customer)
    account.subscription = made["id"]
    event = {"eventId": "e1", "subscriptionId": made["id"], "meter": "calls", "quantity": 100}
    assert tenant.post("/v1/usage/events", {"events": [event | {"timestamp": HALF_WAY}]}).status == 202
    world.count_usage()
    account.advance("2026-07-16T00:00:00Z")
    billed = account.newest()
    assert billed["total"] == 10_000_000
    intent = payment_of(tenant, {"id": billed["latestPaymentId"]})["paymentIntentId"]
    dispute = world.sandbox.post(f"charges/{intent}/dispute", amount=10_000)["id"]
    world.deliver_all(tenant)
    correction = {"eventId": "e2", "subscriptionId": made["id"], "meter": "calls", "quantity": -40, "corrects": "e1"}
    assert tenant.post("/v1/usage/events", {"events": [correction | {"timestamp": HALF_WAY}]}).status == 202
    world.count_usage()
    account.advance("2026-08-16T00:00:00Z")
    assert account.newest()["id"] == billed["id"], "nothing is billed or given back"
    world.sandbox.post(f"disputes/{dispute}/close", status="won")
    world.deliver_all(tenant)
    account.advance("2026-09-16T00:00:00Z")
    assert account.newest()["total"] == -4_000_000
