"""Issue 14, 4: accounts are paid out by their providers' schedules, and Stripe's events settle payouts."""

import json
import time
from datetime import UTC, datetime

from billing.domain.marketplace.provider import PayoutInterval, PayoutSchedule
from local.stripe_sandbox.webhooks import signature
from tests.integration import lambdas
from tests.integration.marketplace.market import cents
from tests.integration.marketplace.paying import Payday
from tests.integration.world import Json

WEEKLY = PayoutSchedule(PayoutInterval.WEEKLY, weekday=1)


def look(payday: Payday) -> None:
    """The worker's turn at the account of the first provider, when that is due."""
    due = payday.head(payday.market.x).due
    assert due is not None
    payday.world.clock.freeze(max(due.at, payday.world.clock()))
    payday.turn(due.shard)


def test_a_weekly_schedule_pays_on_its_day(payday: Payday) -> None:
    """C21: nobody asks. First the account is looked at, and learns its Monday; then it is paid, and waits for more."""
    x = payday.market.x
    payday.schedule(x, WEEKLY)
    payday.earn(x, 10000)
    look(payday)
    head = payday.head(x)
    assert head.next_payout_at is not None
    assert (head.next_payout_at.isoweekday(), head.next_payout_at.hour, cents(head.balance)) == (1, 0, 10000)
    assert payday.earnings(x)["nextPayoutAt"] is not None
    look(payday)
    head = payday.head(x)
    assert (cents(head.balance), cents(head.in_transit), head.due, head.skip) == (0, 10000, None, None)
    (payout,) = x.get("/v1/payouts").data
    assert payout["manual"] is False


def test_a_payout_that_is_skipped_says_why_and_comes_again(payday: Payday) -> None:
    """Below the minimum: carried over to the next week, with a reason."""
    x = payday.market.x
    payday.schedule(x, WEEKLY, minimums={"USD": 200_000_00})
    payday.earn(x, 10000)
    look(payday)
    first = payday.head(x).next_payout_at
    look(payday)
    head = payday.head(x)
    assert head.skip is not None
    assert head.next_payout_at is not None
    assert first is not None
    assert (head.skip.reason, (head.next_payout_at - first).days) == ("below_minimum", 7)
    payday.earn(x, 10000)
    look(payday)
    assert payday.head(x).skip is None
    assert cents(payday.head(x).in_transit) == 20000


def test_a_manual_schedule_waits_for_a_request(payday: Payday) -> None:
    """The account is looked at once, and is due no more."""
    x = payday.market.x
    payday.schedule(x, PayoutSchedule(PayoutInterval.MANUAL))
    payday.earn(x, 10000)
    look(payday)
    assert (payday.head(x).due, cents(payday.head(x).balance)) == (None, 10000)
    assert payday.paid_out(x)["manual"] is True


def test_a_schedule_on_a_test_clock_runs_in_its_time_and_the_steps_in_stripes(payday: Payday) -> None:
    """The billing worker pays out when the clock gets there; the transfer is the payout worker's."""
    x = payday.market.x
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = x.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"}).data["id"]
    payday.schedule(x, WEEKLY, test_clock_id=clock)
    payday.earn(x, 10000)
    look(payday)
    head = payday.head(x)
    assert head.due is not None
    assert head.next_payout_at is not None
    assert (head.due.shard, (head.next_payout_at - start).days) == (f"clock#{x.id}#{clock}", 4)
    x.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2026-01-06T00:00:00Z"})
    payday.world.drain()
    (payout,) = x.get("/v1/payouts").data
    assert payout["createdAt"] == "2026-01-05T00:00:00Z"
    assert payday.work(x, payout, 2).status == "in_transit"


def delivered(payday: Payday, event: Json) -> int:
    """An event of a connected account, at the endpoint for those."""
    world = payday.world
    payload = json.dumps(event)
    header = signature(world.connect_webhook_secret, payload, int(time.time()))
    made = world.webhook_event(payload, header)
    made["rawPath"] = made["requestContext"]["http"]["path"] = "/webhooks/stripe-connect"
    return int(lambdas.invoke("stripe_webhook", made)["statusCode"])


def events(payday: Payday, account: str) -> list[Json]:
    page = payday.world.stripe.v1.events.list({"limit": 100}, {"stripe_account": account})
    found = [json.loads(str(each)) for each in page.data]
    return [each | {"account": account} for each in reversed(found) if each["type"].startswith("payout.")]


def test_c9_c34_events_settle_a_payout_once_in_whatever_order_and_a_failure_wins(payday: Payday) -> None:
    """paid and then failed, each told twice and the wrong way round: one returned line, and the status is failed."""
    x = payday.market.x
    payday.earn(x, 10000)
    payout = payday.paid_out(x)
    made = payday.work(x, payout, 2)
    payday.bank(made, "paid")
    told = events(payday, made.stripe_account_id)
    assert [delivered(payday, each) for each in told] == [200] * len(told)
    assert payday.stored(x, payout).status == "paid"
    payday.bank(made, "failed")
    told = events(payday, made.stripe_account_id)
    for each in [*reversed(told), *told]:
        assert delivered(payday, each) == 200
    assert payday.stored(x, payout).status == "failed"
    payday.work(x, payout)
    for each in told:
        delivered(payday, each | {"id": each["id"] + "again"})
    assert [str(each.type) for each in payday.market.lines(x)] == ["release", "payout", "payout_returned"]
    assert payday.earnings(x)["available"] == 100_00_000
    assert payday.market.books().get("payouts_in_transit", 0) == 0
