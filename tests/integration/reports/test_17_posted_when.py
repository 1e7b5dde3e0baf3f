"""Issue 17: an entry is posted when its fact is learnt, so that a month that is over never changes.

Whoever learns of it late (a webhook, the sweep, a retry with the same key) learns of it then.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.storage.refusals import PostedAtAnotherTime
from tests.integration.cash import entries
from tests.integration.payer import intent, intent_at_stripe, open_invoice, pay, sale, saved_method, sweep
from tests.integration.world import Json, Tenant, World

LAST_DAY = datetime(2027, 1, 31, 23, 50, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_the_last_day_of_january(world: World) -> None:
    world.clock.freeze(LAST_DAY)


def january(tenant: Tenant) -> Json:
    """January as it is now; what is posted at the very instant of asking is not in it."""
    tenant.world.clock.advance(seconds=1)
    found: Json = tenant.get("/v1/reports/trial-balance", asOf="2027-02-01T00:00:00Z").data
    return {name: value for name, value in found.items() if name in ("accounts", "entries")}


def days(world: World, tenant: Tenant) -> dict[str, set[str]]:
    """By kind, on which days entries were posted."""
    found: dict[str, set[str]] = {}
    for each in entries(world, tenant):
        found.setdefault(each["kind"], set()).add(each["posted_at"][:10])
    return found


def test_a_payment_whose_webhook_comes_in_february_is_of_february(world: World, tenant: Tenant) -> None:
    made = intent(tenant, invoiceId=open_invoice(tenant)["id"])
    assert pay(world, made) == 200
    before = january(tenant)
    world.clock.advance(hours=30)
    world.deliver_all(tenant)
    assert january(tenant) == before
    assert days(world, tenant) == {
        "invoice_finalized": {"2027-01-31"}, "payment_received": {"2027-02-02"}, "processing_fee": {"2027-02-02"},
    }  # fmt: skip


@pytest.mark.parametrize("by", ["the sweep", "a retry"])
def test_a_payment_whose_answer_was_lost_is_of_the_day_on_which_it_is_found(
    world: World, tenant: Tenant, by: str
) -> None:
    """Its request was cut off after Stripe had the money; the sweep asks, or the client comes back with its key."""
    method = saved_method(tenant)
    before = january(tenant)
    body: dict[str, Any] = {"amount": 4_999_000, "currency": "USD", "paymentMethodId": method}
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.post("/v1/payments", body, idempotency_key="k-lost")
    world.stripe_works()
    world.clock.advance(hours=1)
    if by == "the sweep":
        (waiting,) = [each for each in tenant.get("/v1/payments").data if each["status"] == "pending"]
        sweep(world, waiting)
    else:
        tenant.post("/v1/payments", body, idempotency_key="k-lost")
        world.deliver_all(tenant)
    assert january(tenant) == before
    assert days(world, tenant)["payment_received"] == {"2027-01-31", "2027-02-01"}


def test_a_refund_that_its_bank_answers_in_february_is_of_february(world: World, tenant: Tenant) -> None:
    """What Stripe's account shows in January is: the money has left it, and is on its way."""
    made = sale(tenant, "pm_card_pendingRefund")
    assert tenant.post(f"/v1/payments/{made['id']}/refund", {}).status == 201
    world.deliver_all(tenant)
    before = january(tenant)
    world.clock.advance(hours=30)
    refunds = world.stripe.v1.refunds.list({"payment_intent": intent_at_stripe(world, made)["id"]}).data
    assert world.acts(f"refunds/{refunds[0].id}/finish", succeed=True) == 200
    world.deliver_all(tenant)
    assert january(tenant) == before
    assert days(world, tenant)["refund_paid"] == {"2027-02-02"}


def test_a_unit_of_work_posts_nothing_into_the_past(world: World, tenant: Tenant) -> None:
    """Whichever use case is wrong: no commit, rather than another January. A test clock's time is its own."""
    unit = storage.units().begin(tenant.id)
    one = Money(1, "USD")
    postings = (Posting(Account.CASH, one), Posting(Account.REVENUE, -one))
    earlier = datetime(2027, 1, 30, tzinfo=UTC)
    with pytest.raises(PostedAtAnotherTime):
        unit.save(LedgerEntry("le_1", "k", "s", earlier, postings, invoice_id=None, test_clock_id=None))
    unit.save(LedgerEntry("le_1", "k", "s", unit.now, postings, invoice_id=None, test_clock_id=None))
    unit.save(LedgerEntry("le_2", "k", "s", earlier, postings, invoice_id=None, test_clock_id="clk_1"))
