"""A walk through providers' accounts, and what Stripe tells of them and of their payouts."""

from dataclasses import replace

from billing.bootstrap import storage
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance, account_id
from billing.domain.marketplace.payout import Payout, PayoutStatus, Step
from billing.services.kernel.work import Ref
from billing.services.marketplace.accounts import head_of
from tests.integration.marketplace.connect import PATH, VISIT, become, deliver_all, onboard
from tests.integration.world import Tenant, World

AMOUNT = Money(5_000_000, "USD")


def walk_providers(world: World, tenant: Tenant) -> None:
    """A provider: made, onboarded, scheduled anew; its payout arrives and comes back; its account is replaced."""
    become(tenant, **VISIT)
    account = onboard(world, tenant)
    assert tenant.get(PATH).data["ready"] is True
    assert tenant.post(f"{PATH}/link", VISIT).status == 201
    assert tenant.post(f"{PATH}/login-link").status == 201
    shop = world.tenant(name="Market")
    payout, at_stripe = payout_under_way(world, tenant, shop, account)
    for status in ("paid", "failed"):
        world.sandbox.post(f"payouts/{at_stripe}/finish", status=status)
        deliver_all(world, account)
        assert stored(tenant, payout).status.value == status
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    assert tenant.patch(PATH, {"schedule": {"interval": "daily"}, "testClockId": clock}).status == 200
    unit = storage.units().begin(tenant.id)
    head = unit.load(_head(tenant, shop)).require(_head(tenant, shop))
    assert head.open_payout_id is None
    assert tenant.patch(PATH, {"replacement": {"country": "DE"}}).status == 200


def payout_under_way(world: World, tenant: Tenant, shop: Tenant, account: str) -> tuple[Payout, str]:
    """A payout as the worker leaves it once the bank step is sent, here and at Stripe; with its id there."""
    customer = world.stripe.v1.customers.create().id
    world.stripe.v1.payment_intents.create(
        {
            "amount": 10_000_000, "currency": "usd", "customer": customer, "payment_method": "pm_card_bypassPending",
            "confirm": True, "off_session": True, "allowed_payment_method_types": ["card"],
        }
    )  # fmt: skip
    unit = storage.units().begin(tenant.id)
    payout_id = unit.fresh_id("po")
    ids = {"payout_id": payout_id, "tenant_id": tenant.id, "marketplace_id": shop.id}
    made = world.stripe.v1.transfers.create(
        {"amount": 5000, "currency": "usd", "destination": account, "transfer_group": payout_id, "metadata": ids}
    )
    sent = world.stripe.v1.payouts.create(
        {"amount": 5000, "currency": "usd", "metadata": ids}, {"stripe_account": account}
    )
    payout = unit.save(
        Payout(
            payout_id, tenant.id, shop.id, AMOUNT, PayoutStatus.IN_TRANSIT, "T-USD-000001", 1, 1,
            Money.zero("USD"), account, None, unit.now,
            transfer=Step(submitted_at=unit.now, stripe_id=made.id), bank=Step(submitted_at=unit.now),
        )
    )  # fmt: skip
    ref = _head(tenant, shop)
    head = head_of(unit.load(ref), ref, unit.now)
    unit.save(replace(head, in_transit=AMOUNT, open_payout_id=payout_id))
    unit.commit()
    return payout, sent.id


def stored(tenant: Tenant, payout: Payout) -> Payout:
    """The payout as it is now."""
    ref = Ref(Payout, tenant.id, payout.id)
    return storage.units().begin(tenant.id).load(ref).require(ref)


def _head(tenant: Tenant, shop: Tenant) -> Ref[ProviderBalance]:
    return Ref(ProviderBalance, tenant.id, account_id(shop.id, "USD"))
