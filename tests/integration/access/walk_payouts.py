"""A walk through payouts: earnings released, accounts paid out by request and by schedule, sent back, stranded."""

from billing.domain.marketplace.provider import PayoutInterval, PayoutSchedule
from tests.integration.marketplace.market import Market, item
from tests.integration.marketplace.paying import AVAILABLE, Payday
from tests.integration.world import Json, Tenant, World


def walk_payouts(world: World, tenant: Tenant) -> None:
    """Payouts: triggered, canceled, paid, returned and stranded; by a schedule; and what both sides read of them."""
    payday = Payday(Market(world, tenant, world.tenant(name="X"), world.tenant(name="Y")))
    x = payday.market.x
    payday.onboard(x)
    assert payday.market.pay(payday.market.order(item(1_000_000)), AVAILABLE).status == 200
    _sale(payday)
    canceled = payday.paid_out(x)
    assert tenant.post(f"/v1/payouts/{canceled['id']}/cancel", {}).status == 200
    for ends in ("paid", "failed", "stranded"):
        _sale(payday)
        payout = payday.paid_out(x)
        made = payday.work(x, payout, 2)
        payday.bank(made, "paid" if ends == "paid" else "failed")
        if ends == "stranded":
            world.sandbox.post(f"accounts/{made.stripe_account_id}/debit", amount=10_000, currency="usd")
        payday.look(x, payout)
        payday.work(x, payout)
        if ends == "failed":  # the bank is errored then, until the provider names another one
            world.sandbox.post(f"accounts/{made.stripe_account_id}/replace_bank")
    _read(payday, payout)
    _scheduled(payday)
    world.clock.reset()


def _sale(payday: Payday) -> None:
    payday.earn(payday.market.x, 10000)
    assert payday.market.shop.post("/v1/payouts/trigger", {"providerTenantId": payday.market.x.id, "currency": "EUR"})


def _read(payday: Payday, payout: Json) -> None:
    shop, x = payday.market.shop, payday.market.x
    assert shop.get("/v1/commerce/payouts").status == 200
    assert shop.get(f"/v1/commerce/payouts/{payout['id']}").status == 200
    assert x.get("/v1/payouts").status == 200
    assert x.get("/v1/provider/earnings").status == 200
    assert x.get("/v1/provider/ledger").status == 200
    assert x.get("/v1/provider/ledger", marketplace=shop.id, currency="USD").status == 200
    assert x.post("/v1/payouts/trigger", {"providerTenantId": x.id}).status == 200
    body = {"amount": 5_000_000, "currency": "USD", "reason": "thanks"}
    assert shop.post(f"/v1/commerce/providers/{payday.market.y.id}/adjustments", body).status == 201


def _scheduled(payday: Payday) -> None:
    """On the wall clock, and on a test clock, where the billing worker pays out."""
    y = payday.market.y
    payday.onboard(y, schedule=PayoutSchedule(PayoutInterval.DAILY))
    for turn in range(2):
        head = payday.head(y)
        assert head.due is not None, turn
        payday.world.clock.freeze(max(head.due.at, payday.world.clock()))
        payday.turn(head.due.shard)
    assert y.get("/v1/payouts").data
    clock = y.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"}).data["id"]
    z = payday.market.x
    payday.schedule(y, PayoutSchedule(PayoutInterval.DAILY), test_clock_id=clock)
    assert z.id != y.id
    (open_one,) = y.get("/v1/payouts").data
    payday.work(y, open_one, 2)
    made = payday.stored(y, open_one)
    payday.bank(made, "paid")
    payday.look(y, open_one)
    body = {"amount": 5_000_000, "currency": "USD", "reason": "thanks"}
    payday.market.shop.post(f"/v1/commerce/providers/{y.id}/adjustments", body)
    due = payday.head(y).due
    assert due is not None
    payday.world.clock.freeze(max(due.at, payday.world.clock()))
    payday.turn(due.shard)
    y.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": "2026-01-03T00:00:00Z"})
    payday.world.drain()
