"""Refunds from the webhook's and the sweep's side: whoever learns the outcome settles it, once."""

import json
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.payments.refund import Refund
from billing.services.kernel.work import Ref
from billing.storage.packing import unpack
from tests.integration.cash import cash_lines, lines_at_stripe
from tests.integration.refunds import PART, begin_refund
from tests.integration.world import Json, Tenant, World


def stored(tenant: Tenant, refund: Refund) -> Refund:
    ref = Ref(Refund, tenant.id, refund.id)
    return storage.units().begin(tenant.id).load(ref).require(ref)


def booked(world: World, tenant: Tenant, refund: Refund) -> list[str]:
    entries = [json.loads(row["body"]["S"]) for row in world.rows_of("ledger", tenant.id)]
    return sorted(entry["kind"] for entry in entries if entry["source_id"] == refund.id)


def told(world: World, tenant: Tenant, refund: Refund) -> list[tuple[str, Json]]:
    """Our own events about a refund, in order, with its object."""
    rows = [row for row in world.rows_of("events", tenant.id) if row["object_id"]["S"] == refund.id]
    opened = storage.vault().open
    texts = [unpack(opened(tenant.id, f"event/{row['id']['S']}", row["body"]["S"])) for row in rows]
    return [(row["type"]["S"], json.loads(text)["object"]) for row, text in zip(rows, texts, strict=True)]


def deliver(world: World, tenant: Tenant, *types: str) -> list[tuple[int, str]]:
    answers = [world.deliver(each) for kind in types for each in world.stripe_events(tenant, kind)]
    return [(answer["statusCode"], json.loads(answer["body"])["outcome"]) for answer in answers]


def test_the_webhook_settles_what_the_request_did_not(world: World, tenant: Tenant) -> None:
    refund = begin_refund(tenant, send=True)
    assert deliver(world, tenant, "refund.created") == [(200, "applied")]
    after = stored(tenant, refund)
    assert (after.status, after.due) == ("succeeded", None)
    assert booked(world, tenant, refund) == ["given_back", "refund_paid"]
    events = told(world, tenant, refund)
    assert [kind for kind, _ in events] == ["refund.created", "refund.succeeded"]
    shown: dict[str, Any] = events[-1][1]
    assert (shown["id"], shown["status"], shown["amount"], shown["version"]) == (
        refund.id, "succeeded", PART.micros, after.version,
    )  # fmt: skip


def test_the_sweep_settles_a_refund_that_stripe_never_got(world: World, tenant: Tenant) -> None:
    refund = begin_refund(tenant, send=False)
    assert refund.due is not None
    world.work(refund.due.shard)
    assert stored(tenant, refund).status == "pending"  # not due yet
    world.clock.advance(seconds=61)
    world.work(refund.due.shard)
    world.work(refund.due.shard)
    assert stored(tenant, refund).status == "succeeded"
    assert booked(world, tenant, refund) == ["given_back", "refund_paid"]
    assert len(world.stripe.v1.refunds.list({"payment_intent": refund.stripe_payment_intent_id}).data) == 1


def test_on_a_test_clock_it_is_settled_when_time_moves(world: World, tenant: Tenant) -> None:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data
    refund = begin_refund(tenant, send=False, customer=tenant.customer(testClockId=clock["id"]))
    tenant.post(f"/v1/test-clocks/{clock['id']}/advance", {"frozenTime": "2027-02-01T00:00:00Z"})
    world.drain()
    after = stored(tenant, refund)
    assert (after.status, after.settled_at) == ("succeeded", refund.created_at)


@pytest.mark.parametrize(("succeed", "kinds"), [(True, ["given_back", "refund_paid"]), (False, ["line_settled"])])
def test_a_slow_bank_tells_by_webhook(world: World, tenant: Tenant, succeed: bool, kinds: list[str]) -> None:
    """Stripe takes the money off its account at once, and puts it back if the bank cannot: cash follows its lines."""
    refund = begin_refund(tenant, send=True, card="pm_card_pendingRefund")
    assert deliver(world, tenant, "refund.created") == [(200, "applied")]
    waiting = stored(tenant, refund)
    assert (waiting.status, waiting.due) == ("pending", refund.due)
    world.sandbox.post(f"refunds/{waiting.stripe_refund_id}/finish", succeed=succeed)
    answers = deliver(world, tenant, *(["refund.updated"] if succeed else ["refund.failed", "refund.updated"]))
    assert answers == [(200, "applied"), (200, "unchanged")][: len(answers)]
    assert stored(tenant, refund).status == ("succeeded" if succeed else "failed")
    assert booked(world, tenant, refund) == sorted(["line_settled", *kinds])
    assert cash_lines(world, tenant) == lines_at_stripe(world, tenant)


def test_a_bank_may_send_back_what_had_succeeded(world: World, tenant: Tenant) -> None:
    refund = begin_refund(tenant, send=True)
    deliver(world, tenant, "refund.created")
    world.sandbox.post(f"refunds/{stored(tenant, refund).stripe_refund_id}/finish", succeed=False)
    (failed,) = world.stripe_events(tenant, "refund.failed")
    # The older name of the same news, which accounts with an older API version get: its object is the refund, too.
    for each in (failed | {"id": "evt_older", "type": "charge.refund.updated"}, failed):
        world.deliver(each)
    after = stored(tenant, refund)
    assert (after.status, after.failure_reason) == ("failed", "expired_or_canceled_card")
    assert booked(world, tenant, refund) == ["given_back", "given_back", "refund_paid", "refund_returned"]
    assert [kind for kind, _ in told(world, tenant, refund)] == ["refund.created", "refund.succeeded", "refund.failed"]


def test_the_same_event_again_and_old_news_change_nothing(world: World, tenant: Tenant) -> None:
    refund = begin_refund(tenant, send=True)
    deliver(world, tenant, "refund.created")
    before = stored(tenant, refund)
    (made,) = world.stripe_events(tenant, "refund.created")
    assert json.loads(world.deliver(made)["body"])["outcome"] == "duplicate"
    assert json.loads(world.deliver(made | {"id": "evt_late"})["body"])["outcome"] == "unchanged"
    assert stored(tenant, refund) == before


@pytest.mark.parametrize(
    "metadata",
    [{}, {"order": "17"}, {"tenant_id": "ten_nobody", "payment_id": "pay_1", "refund_id": "re_1"}],
    ids=["none", "another's", "an unknown tenant's"],
)
def test_a_refund_of_somebody_elses_payment_is_200_and_nothing(world: World, metadata: dict[str, str]) -> None:
    """The account may take money for other things, too, and another stack may share it."""
    intent = world.stripe.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, "metadata": metadata,
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )  # fmt: skip
    theirs = world.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 100, "metadata": metadata})
    event = {"id": "evt_theirs", "type": "refund.created", "data": {"object": json.loads(str(theirs))}}
    world.writes.clear()
    answer = world.deliver(event)
    assert (answer["statusCode"], json.loads(answer["body"])["outcome"]) == (200, "not ours")
    assert world.writes == []


def test_a_refund_that_is_not_written_yet_is_sent_again(world: World, tenant: Tenant) -> None:
    refund = begin_refund(tenant, send=True)
    (row,) = world.rows_of("refunds", tenant.id)
    key = {name: row[name] for name in ("tenant_id", "id")}
    world.aws("dynamodb").delete_item(TableName=world.tables["refunds"], Key=key)
    assert deliver(world, tenant, "refund.created") == [(500, "not written yet")]
    world.aws("dynamodb").put_item(TableName=world.tables["refunds"], Item=row)
    assert deliver(world, tenant, "refund.created") == [(200, "applied")]
    assert stored(tenant, refund).status == "succeeded"
