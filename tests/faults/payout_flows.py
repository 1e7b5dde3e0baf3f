"""The flows of payouts, ready to be cut: earnings are released, paid out, refused by a bank, and owed back.

Stripe's time is the real one and moves for nobody: they begin in years to come, when it has all of the money.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen
from zlib import crc32

from tests.faults.books import AtStripe, Json
from tests.faults.crashes import Flow, Scene
from tests.faults.order_flows import Market, sold
from tests.faults.payment_flows import done
from tests.faults.world import World, post, step

SETTLED = "pm_card_bypassPending"
LATER = datetime(2090, 1, 1, 12, tzinfo=UTC)
_TRIGGER = "POST /v1/payouts/trigger"
_EARNED = 8800
_WINDOW = timedelta(days=14, minutes=1)


@dataclass(frozen=True)
class Payees(Market):
    """A marketplace whose providers can be paid out.

    Args:
        accounts: at Stripe, by provider.
    """

    accounts: dict[str, str] = field(default_factory=dict)

    def at_stripe(self, methods: bool = False) -> AtStripe:
        """With transfers, their lines, and the payouts to banks."""
        found = super().at_stripe(methods)
        listed = self.world.listed("transfers", self.since)
        transfers = [each for each in listed if each["metadata"].get("marketplace_id") == self.id]
        moved = {each["id"] for each in transfers}
        moved |= {back["id"] for each in transfers for back in each["reversals"]["data"]}
        known = {each["id"] for each in found.lines}
        lines = [
            each
            for each in self.world.listed("balance_transactions", self.since)
            if each["id"] in known or each["source"] in moved
        ]
        payouts = {
            provider_id: self.world.stripe("payouts?limit=100", account_id)["data"]
            for provider_id, account_id in self.accounts.items()
        }
        return replace(found, lines=lines, transfers=transfers, payouts=payouts)

    @property
    def account_id(self) -> str:
        """Of the first provider, at Stripe."""
        return self.accounts[self.sellers[0].id]

    def trigger(self, idem: str = "trigger", **body: Any) -> Json:
        """POST /payouts/trigger, as a step."""
        return post("payouts", "/v1/payouts/trigger", self.key, idem, body)

    def given(self, provider_id: str, amount: int, idem: str = "given") -> Json:
        """Something on a provider's account, without a sale; as a step."""
        body = {"amount": amount * 1000, "currency": "USD", "reason": "A bonus"}
        return post("payouts", f"/v1/commerce/providers/{provider_id}/adjustments", self.key, idem, body)

    def heard(self, *types: str, shuffle: int | None = None) -> Json:
        """Stripe sends its events of the first provider's account, as a step."""
        return step("connect", account_id=self.account_id, types=list(types) or None, shuffle=shuffle)

    def bank(self, status: str) -> Json:
        """The first provider's bank decides on all payouts that it can; as a step."""
        return step("bank_says", account_id=self.account_id, status=status)


def turn(payout_id: str) -> Json:
    """The payout worker's turn at the shard of a payout, as a step."""
    return step("payout_turn", shard=f"p{crc32(payout_id.encode()) % 16:02d}")


def payees(world: World, at: datetime, shop: Market) -> Payees:
    """The providers of a marketplace have accounts at Stripe."""
    ids = [each.id for each in shop.sellers]
    made = world.run(at, *(step("onboarded", tenant_id=each) for each in ids)).all()
    accounts = dict(zip(ids, made, strict=True))
    return Payees(
        shop.world, shop.id, shop.key, shop.customer_ids, shop.clock_id, shop.since, shop.sellers, accounts=accounts
    )


def founded(world: World) -> None:
    """The platform has $1,000.00 of its own, for nothing."""
    fields = f"amount=100000&currency=usd&payment_method={SETTLED}&confirm=true&allowed_payment_method_types[]=card"
    request = Request(f"{world.lane.sandbox.url}/v1/payment_intents", fields.encode())
    request.add_header("Authorization", f"Bearer {world.stripe_key}")
    with urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def payee(world: World, at: datetime) -> Payees:
    """A marketplace that owes a provider $88.00, which can be paid out."""
    founded(world)
    seller = world.new_tenant(at, customers=0, plans=())
    shop = world.new_tenant(at, customers=0, plans=())
    made = payees(world, at, Market(world, shop.id, shop.key, [], None, shop.since, (seller,)))
    done(world, at, made.given(seller.id, _EARNED))
    return made


def sent(world: World, at: datetime) -> tuple[Payees, str]:
    """The same, and a payout that is on its way to the bank; its id."""
    shop = payee(world, at)
    answers = world.run(at, shop.trigger(), step("payout_drain")).all()
    return shop, str(answers[0]["body"]["data"]["payouts"][0]["id"])


def released(world: World, at: datetime) -> tuple[Payees, Json]:
    """An order whose earnings are on the accounts of both who sold, 54.00 and 34.00, as of two weeks later."""
    founded(world)
    shop, order = sold(world, at, SETTLED)
    made = payees(world, at, shop)
    world.run(at + _WINDOW, step("turn", shard="00")).all()
    return made, order


def _again(*retry: Json) -> list[Json]:
    """After a crash what was asked is asked again, and the payout worker comes round."""
    return [step("later", seconds=15), *retry, step("later", seconds=150), step("sweep"), step("payout_drain")]


def _sent(world: World, at: datetime) -> Scene:
    shop = payee(world, at)
    steps = [shop.trigger(), step("payout_drain")]
    want = {"payouts": [("in_transit", 8800)], "accounts": [(0, 0, 8800, 0)]}
    return Scene(at, steps, _again(*steps), shop, want)


def _paid(world: World, at: datetime) -> Scene:
    shop, _ = sent(world, at)
    world.run(at, shop.bank("paid")).all()
    heard = shop.heard("payout.paid")
    want = {"payouts": [("paid", 8800)], "accounts": [(0, 0, 0, 8800)]}
    return Scene(at + timedelta(seconds=5), [heard], _again(heard), shop, want)


def _sent_back(world: World, at: datetime) -> Scene:
    """It had arrived; then the bank sends it back, and its transfer is taken back."""
    shop, payout_id = sent(world, at)
    world.run(at, shop.bank("paid"), shop.heard(), shop.bank("failed")).all()
    steps = [shop.heard("payout.failed"), step("later", seconds=2), turn(payout_id)]
    want = {"payouts": [("failed", 8800)], "accounts": [(8800, 0, 0, 0)]}
    return Scene(at + timedelta(seconds=5), steps, _again(*steps), shop, want)


def _released(world: World, at: datetime) -> Scene:
    shop, _ = sold(world, at, SETTLED)
    made = payees(world, at, shop)
    looks = step("turn", shard="00")
    want = {"earnings": [("released", 3400), ("released", 5400)], "accounts": [(3400, 0, 0, 0), (5400, 0, 0, 0)]}
    return Scene(at + _WINDOW, [looks], [step("later", seconds=15), looks], made, want)


def _owed(world: World, at: datetime) -> tuple[Payees, Json]:
    """The order's earnings were released and are on their way to the banks."""
    shop, order = released(world, at)
    world.run(at + _WINDOW, shop.trigger(), step("payout_drain")).all()
    return shop, order


def _refunded_after_its_payout(world: World, at: datetime) -> Scene:
    """A colleague refunds it in Stripe's dashboard: the buyer has the money, and the providers owe their shares."""
    shop, order = _owed(world, at)
    world.control(f"payment_intents/{order['payment']['paymentIntentId']}/refund", amount=5000)
    heard = shop.deliver("refund.created")
    want = {
        "orders": [("partially_refunded", 1, 5000, 0)],
        "accounts": [(-2700, 0, 5400, 0), (-1700, 0, 3400, 0)],
        "payouts": [("in_transit", 3400), ("in_transit", 5400)],
    }
    return Scene(at + _WINDOW + timedelta(seconds=5), [heard], [step("later", seconds=15), heard], shop, want)


def _lost_after_its_payout(world: World, at: datetime) -> Scene:
    """The bank takes all of it from the marketplace, and gives its word: the providers owe what they were paid."""
    shop, order = _owed(world, at)
    dispute = world.control(f"charges/{order['payment']['paymentIntentId']}/dispute", reason="fraudulent")
    decides = step("bank", path=f"disputes/{dispute['id']}/close", body={"status": "lost"})
    opened = shop.deliver("charge.dispute.created", "charge.dispute.funds_withdrawn")
    steps = [opened, decides, shop.deliver("charge.dispute.closed")]
    want = {
        "disputes": [("lost", 10_000)],
        "accounts": [(-5400, 0, 5400, 0), (-3400, 0, 3400, 0)],
        "payouts": [("in_transit", 3400), ("in_transit", 5400)],
    }
    return Scene(at + _WINDOW + timedelta(seconds=5), steps, [step("later", seconds=15), *steps], shop, want)


FLOWS = (
    Flow("payout triggered and sent", _sent, route=_TRIGGER, start=LATER),
    Flow("payout paid, told by webhook", _paid, keyed=False, start=LATER),
    Flow("payout sent back after it was paid", _sent_back, keyed=False, start=LATER),
    Flow("earnings released by the sweep", _released, keyed=False, start=LATER),
    Flow("order refunded after its payout", _refunded_after_its_payout, keyed=False, start=LATER),
    Flow("order disputed and lost after its payout", _lost_after_its_payout, keyed=False, start=LATER),
)
