"""What happens later: renewals on a test clock, cancellation at the period's end, and the sweep's schedule."""

import itertools
import json
from collections import Counter
from datetime import UTC, datetime

from tests.integration.steps import START
from tests.integration.world import BUSINESS_MONTHLY, Json, Tenant, World, event, invoke


def advance(world: World, tenant: Tenant, clock: str, to: str, times: int = 1) -> None:
    """Move the clock, and let the worker do everything due, each message delivered ``times`` over."""
    answer = tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    assert (answer.status, answer.data["status"]) == (202, "advancing")
    assert world.drain(times) > 0
    now = tenant.get(f"/v1/test-clocks/{clock}").data
    assert (now["status"], now["frozenTime"]) == ("ready", to)


def invoices(tenant: Tenant, customer: str) -> list[Json]:
    """Oldest first."""
    found: list[Json] = tenant.get("/v1/invoices", customer=customer, limit=100).data
    return found[::-1]


def test_thirteen_months_are_billed_once_each_though_every_message_comes_three_times(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(customerId=customer)
    advance(world, tenant, clock, "2028-02-29T09:00:00Z", times=3)
    billed = invoices(tenant, customer)
    starts = [invoice["period"]["start"][:10] for invoice in billed]
    # The anchor is the 31st, counted from, never from a clamped date.
    assert starts == [
        "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31",
        "2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31", "2028-02-29",
    ]  # fmt: skip
    assert all(a["period"]["end"] == b["period"]["start"] for a, b in itertools.pairwise(billed))
    series = tenant.get("/v1/test-clocks").data[0]["series"]
    assert [invoice["number"] for invoice in billed] == [f"ACME.{series}-{n:06d}" for n in range(1, 15)]
    assert {invoice["status"] for invoice in billed} == {"paid"}
    assert {invoice["createdAt"] for invoice in billed} == {invoice["period"]["start"] for invoice in billed}
    assert len(world.charges(tenant)) == len(world.intents(tenant)) == 14
    after = tenant.get(f"/v1/subscriptions/{made['id']}").data
    assert (after["state"], after["currentPeriod"]) == ("active", billed[-1]["period"])
    entries = [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]
    kinds = Counter(entry["kind"] for entry in entries)
    assert kinds == {"invoice_finalized": 14, "payment_received": 14, "processing_fee": 14}
    assert all(sum(p["amount"]["micros"] for p in entry["postings"]) == 0 for entry in entries)


def test_webhooks_of_renewals_may_come_in_any_order_and_change_nothing(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    tenant.subscribe(customerId=customer)
    advance(world, tenant, clock, "2027-03-31T09:00:00Z")
    before = invoices(tenant, customer)
    for stripe_event in reversed(world.stripe_events(tenant)):
        assert world.deliver(stripe_event)["statusCode"] == 200
    assert invoices(tenant, customer) == before


def test_a_trial_ends_with_the_first_invoice(world: World, tenant: Tenant, clock: str, customer: str) -> None:
    made = tenant.subscribe(customerId=customer, trialDays=14)
    assert made["trialEnd"] == "2027-02-14T09:00:00Z"
    advance(world, tenant, clock, "2027-02-14T08:59:59Z")
    assert invoices(tenant, customer) == world.intents(tenant) == []
    advance(world, tenant, clock, "2027-02-14T09:00:00Z")
    (invoice,) = invoices(tenant, customer)
    assert (invoice["status"], invoice["period"]["start"]) == ("paid", "2027-02-14T09:00:00Z")
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"


def test_a_renewal_that_is_declined_makes_the_subscription_past_due(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(customerId=customer)
    (method,) = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, "2027-02-28T09:00:00Z")
    unpaid = invoices(tenant, customer)[-1]
    assert (unpaid["status"], unpaid["paymentError"]["code"]) == ("open", "payment.insufficient_funds")
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "past_due"
    world.sandbox.post(f"payment_methods/{method['id']}/behaviour", decline=None)
    assert tenant.post(f"/v1/invoices/{unpaid['id']}/pay").data["status"] == "paid"
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"


def test_a_cancel_at_period_end_runs_until_then_and_bills_no_more(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(customerId=customer)
    marked = tenant.post(f"/v1/subscriptions/{made['id']}/cancel", {"atPeriodEnd": True}).data
    assert (marked["state"], marked["cancelAtPeriodEnd"]) == ("active", True)
    advance(world, tenant, clock, "2027-02-28T08:59:59Z")
    assert tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "active"
    advance(world, tenant, clock, "2027-06-01T00:00:00Z")
    ended = tenant.get(f"/v1/subscriptions/{made['id']}").data
    assert (ended["state"], ended["canceledAt"]) == ("canceled", "2027-02-28T09:00:00Z")
    assert len(invoices(tenant, customer)) == 1


def test_a_subscription_canceled_at_once_is_not_renewed(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    made = tenant.subscribe(customerId=customer)
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel").data["canceledAt"] == START
    advance(world, tenant, clock, "2027-06-01T00:00:00Z")
    assert len(invoices(tenant, customer)) == 1


def test_a_clock_that_advances_lets_nothing_begin_until_it_is_ready(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    tenant.plan()
    body = {"frozenTime": "2027-02-01T00:00:00Z"}
    assert tenant.post(f"/v1/test-clocks/{clock}/advance", body).status == 202
    new = {"planId": "business-monthly", "quantities": {"seats": 1}, "customerId": customer, "trialDays": 1}
    for answer in (
        tenant.post("/v1/subscriptions", new),
        tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2027-03-01T00:00:00Z"}),
        tenant.delete(f"/v1/test-clocks/{clock}"),
    ):
        assert (answer.status, answer.error["code"]) == (409, "test_clock.invalid_state")
    world.drain()
    assert tenant.post("/v1/subscriptions", new).data["currentPeriod"]["start"] == body["frozenTime"]


def test_a_deleted_clock_is_gone_and_its_customers_time_stands_still(tenant: Tenant, clock: str, customer: str) -> None:
    assert tenant.delete(f"/v1/test-clocks/{clock}").data["status"] == "deleted"
    assert tenant.get(f"/v1/test-clocks/{clock}").status == 404
    tenant.plan()
    new = {"planId": "business-monthly", "quantities": {"seats": 1}, "customerId": customer, "trialDays": 1}
    made = tenant.post("/v1/subscriptions", new).data
    assert tenant.post(f"/v1/subscriptions/{made['id']}/cancel").data["canceledAt"] == made["createdAt"]


# The schedule and the queue


def test_the_schedule_wakes_every_shard_once_however_often_it_fires(world: World) -> None:
    world.clock.freeze(datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
    for _ in range(2):
        assert invoke("billing_sweep", event("schedule_billing_sweep")) == {"shards": 16}
    assert sorted(json.loads(body)["shard"] for body in world.queued()) == [f"{n:02d}" for n in range(16)]


def test_one_bad_message_does_not_hold_up_the_others(world: World) -> None:
    answer = invoke("billing_worker", world.sqs_event('{"shard": "00"}', "not json", '{"shard": "01"}'))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_the_sample_message_is_worked() -> None:
    assert invoke("billing_worker", event("sqs_billing_worker")) == {"batchItemFailures": []}


def test_a_lost_wake_up_costs_a_minute_and_nothing_else(
    world: World, tenant: Tenant, clock: str, customer: str
) -> None:
    """The clock itself is due in a wall-clock shard: the sweep finds it and wakes its shard again."""
    from billing.domain.kernel.due import wall_clock_shard

    tenant.subscribe(customerId=customer)
    tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2027-02-28T09:00:00Z"})
    assert len(list(world.queued())) == 1  # taken, and lost
    world.clock.advance(seconds=61)
    world.work(wall_clock_shard(clock, 16))
    world.drain()
    assert tenant.get(f"/v1/test-clocks/{clock}").data["status"] == "ready"
    assert len(invoices(tenant, customer)) == 2


CENTURIES = {
    **BUSINESS_MONTHLY,
    "id": "centuries",
    "interval": "year",
    "intervalCount": 366,
    "components": [{"key": "base", "type": "flat", "unitAmount": 1000}],
}


def test_what_begins_at_the_latest_time_can_be_previewed_paused_and_ended(world: World) -> None:
    """The longest period after the longest trial, in the zones that are furthest ahead and behind."""
    tenant = world.tenant()
    tenant.post("/v1/plans", CENTURIES)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        body = {"planId": "centuries", "startDate": "2499-12-31T23:59:59Z", "trialDays": 730, "anchorDay": 31}
        made = tenant.post("/v1/subscriptions", body | {"customerId": tenant.customer(timezone=zone)}).data
        next_invoice = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).data
        assert next_invoice["lines"][0]["period"]["start"] == "2501-12-31T23:59:59Z"
        path = f"/v1/subscriptions/{made['id']}"
        assert tenant.post(f"{path}/resume").status == 200
        paused = tenant.patch(path, {"paused": True, "resumesAt": "2499-12-31T23:59:59Z"})
        assert paused.data["resumesAt"] == "2499-12-31T23:59:59Z"
        assert tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).status == 200
        assert tenant.post(f"{path}/cancel").data["state"] == "canceled"
