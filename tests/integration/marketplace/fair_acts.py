"""What may happen at a fair: buyers, colleagues, banks, workers, time, and Stripe, which tells, or falls ill."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from tests.integration.marketplace.fair import COUPONS, Fair
from tests.integration.marketplace.market import item
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.world import Answer, Json

CARDS = (AVAILABLE, AVAILABLE, AVAILABLE, "pm_card_visa", "pm_card_pendingRefund")
CALLS = ("^/v1/transfers$", "^/v1/payouts$", "/reversals$", "^/v1/refunds$")
ILL = ("drop_before", "drop_after", "status_after", "status")
WHAT = (
    *["somebody_buys"] * 3,
    *["a_part_is_refunded", "an_item_is_refunded", "a_payment_is_refunded"],
    *["a_part_is_refunded_at_stripe"] * 2,
    *["a_bank_decides_on_a_refund"] * 2,
    *["somebody_disputes"] * 2,
    *["a_dispute_goes_on"] * 3,
    *["payouts_are_wanted"] * 4,
    *["a_bank_decides_on_a_payout"] * 5,
    *["a_payout_is_canceled", "an_account_is_corrected", "a_transfer_is_taken_back", "an_account_is_debited"],
    *["time_passes"] * 5,
    *["a_worker_comes_round"] * 5,
    *["stripe_tells"] * 4,
    *["stripe_falls_ill"],
)
"""Each as often as it is to happen."""


@dataclass
class Acts:
    """Each takes a number's chance."""

    at: Fair

    # A buyer

    def somebody_buys(self, chance: Random) -> None:
        self.buys(chance.randrange(5), chance.choice((None, None, *COUPONS)), chance.choice(CARDS))
        if chance.random() < 0.5:
            self.at.work("billing_worker")

    def buys(self, basket: int, coupon: str | None, card: str) -> None:
        x, y = self.at.providers
        baskets = (
            [item(6000, 1000, x), item(4000, 1500, y)],
            [item(645, 3000, x)],
            [item(1999, 333, y, quantity=3), item(250)],
            [item(3000, 1600, x, sku="gift"), item(2000, 2000, y)],
            [item(53, 5000, x), item(51, 3333, x), item(10_001, 0, y)],
        )
        code = {"couponCode": coupon} if coupon and (coupon != "GIFT" or basket == 3) else {}
        self.at.tell(f"buys {basket} with {coupon} by {card}")
        self.at.sell(baskets[basket], card, **code)

    # Refunds

    def a_part_is_refunded(self, chance: Random) -> None:
        n, order = self._order(chance)
        amount = _part(order, chance)
        self._asked(f"refunds {amount} of {n}", self.at.market.refund(order, amount=amount * 1000))

    def an_item_is_refunded(self, chance: Random) -> None:
        n, order = self._order(chance)
        wanted = chance.choice(order["items"])["id"]
        answer = self.at.market.refund(order, items=[{"itemId": wanted, "quantity": 1}])
        self._asked(f"refunds one {wanted} of {n}", answer)

    def a_payment_is_refunded(self, chance: Random) -> None:
        n, order = self._order(chance)
        if order["paymentId"] is not None:
            amount = _part(order, chance)
            answer = self.at.market.shop.post(f"/v1/payments/{order['paymentId']}/refund", {"amount": amount * 1000})
            self._asked(f"refunds {amount} of the payment of {n}", answer)

    def a_part_is_refunded_at_stripe(self, chance: Random) -> None:
        n, order = self._order(chance)
        intent, amount = self.at.intent_of(order), _part(order, chance)
        if intent is not None:
            status = self.at.world.acts(f"payment_intents/{intent}/refund", amount=amount)
            self.at.tell(f"{amount} of {n} in the dashboard: {status}")

    def a_bank_decides_on_a_refund(self, chance: Random) -> None:
        found = [each for each in self.at.own("refunds") if each["status"] in ("pending", "succeeded")]
        if found:
            succeed = chance.random() < 0.4
            n = chance.randrange(len(found))
            status = self.at.world.acts(f"refunds/{found[n]['id']}/finish", succeed=succeed)
            self.at.tell(f"refund {n} {'succeeds' if succeed else 'fails'}: {status}")

    # Disputes

    def somebody_disputes(self, chance: Random) -> None:
        n, order = self._order(chance)
        intent = self.at.intent_of(order)
        if intent is not None:
            amount, inquiry = _part(order, chance), chance.random() < 0.3
            status = self.at.world.acts(f"charges/{intent}/dispute", amount=amount, inquiry=inquiry)
            self.at.tell(f"disputes {amount} of {n}{', asking' if inquiry else ''}: {status}")

    def a_dispute_goes_on(self, chance: Random) -> None:
        found = [each for each in self.at.own("disputes") if each["status"] not in ("won", "lost", "warning_closed")]
        if found:
            n = chance.randrange(len(found))
            inquiry = found[n]["status"].startswith("warning")
            act = chance.choice(("warning_closed", "escalate") if inquiry else ("won", "lost"))
            path = f"disputes/{found[n]['id']}/{'escalate' if act == 'escalate' else 'close'}"
            status = self.at.world.acts(path, **({} if act == "escalate" else {"status": act}))
            self.at.tell(f"dispute {n} {act}: {status}")

    # Payouts

    def payouts_are_wanted(self, chance: Random) -> None:
        who = chance.choice((None, *self.at.providers))
        answer = self.at.market.shop.post("/v1/payouts/trigger", {} if who is None else {"providerTenantId": who.id})
        made = len(answer.data["payouts"]) if answer.status == 200 else 0
        self._asked(f"triggers {made}", answer)
        if chance.random() < 0.7:
            self.at.work("payout_worker")
            self.at.tell("and the worker comes")
            self.at.work("payout_worker")

    def a_bank_decides_on_a_payout(self, chance: Random) -> None:
        found = [each for each in self.at.at_the_bank() if each["status"] not in ("failed", "canceled")]
        if found:
            n, status = chance.randrange(len(found)), chance.choice(("paid", "paid", "failed", "failed", "canceled"))
            done = self.at.world.acts(f"payouts/{found[n]['id']}/finish", status=status)
            self.at.tell(f"payout {n} is {status}: {done}")
            if status == "failed" and done == 200:  # so that the next one can be made
                for account in self.at.accounts.values():
                    self.at.world.acts(f"accounts/{account}/replace_bank")

    def a_payout_is_canceled(self, chance: Random) -> None:
        found = list(self.at.market.shop.get("/v1/commerce/payouts").data)
        if found:
            payout = chance.choice(found)
            answer = self.at.market.shop.post(f"/v1/payouts/{payout['id']}/cancel", {})
            self._asked(f"cancels {payout['number']}", answer)

    def an_account_is_corrected(self, chance: Random) -> None:
        who, cents = chance.choice(self.at.providers), chance.choice((-900, 700, 12_345))
        body = {"amount": cents * 1000, "currency": "USD", "reason": "by hand"}
        answer = self.at.market.shop.post(f"/v1/commerce/providers/{who.id}/adjustments", body)
        self._asked(f"gives {cents}", answer)

    def a_transfer_is_taken_back(self, chance: Random) -> None:
        """By a colleague, of a payout that has failed."""
        found = [each for each in self.at.failed_payouts() if each["transfer"]["stripe_id"]]
        if found:
            payout = chance.choice(found)
            amount = chance.choice((payout["amount"]["micros"] // 1000, payout["amount"]["micros"] // 3000, 1))
            status = self.at.takes_back(payout["transfer"]["stripe_id"], amount)
            self.at.tell(f"{amount} of {payout['number']} taken back by a colleague: {status}")

    def an_account_is_debited(self, chance: Random) -> None:
        """Stripe takes something off a provider's account, which may be what was sent there."""
        account = chance.choice(list(self.at.accounts.values()))
        if chance.random() < 0.3:
            status = self.at.world.acts(f"accounts/{account}/debit", amount=chance.choice((100, 5000)), currency="usd")
            self.at.tell(f"an account is debited: {status}")

    # Time, and what is told

    def time_passes(self, chance: Random) -> None:
        hours = chance.choice((1, 7, 25, 80))
        self.at.world.clock.advance(hours=hours)
        self.at.tell(f"{hours} hours later")
        self.at.work()

    def a_worker_comes_round(self, chance: Random) -> None:
        worker = chance.choice(("billing_worker", "payout_worker"))
        self.at.tell(f"the {worker}'s turn")
        self.at.work(worker)

    def stripe_tells(self, chance: Random) -> None:
        self.at.listen()
        for _ in range(min(chance.choice((1, 3, 100)), len(self.at.news))):
            self.at.tell(self.at.hear(chance.randrange(len(self.at.news))))

    def stripe_falls_ill(self, chance: Random) -> None:
        path, kind, times = chance.choice(CALLS), chance.choice(ILL), chance.choice((1, 2, 3))
        status = {"status": 500} if kind.startswith("status") else {}
        self.at.world.sandbox.post("faults", kind=kind, method="POST", path=path, times=times, **status)
        self.at.tell(f"{times} of {path} will {kind}")

    def _order(self, chance: Random) -> tuple[str, Json]:
        """One that providers sold in; the first is the marketplace's own."""
        n = chance.randrange(1, len(self.at.orders))
        return f"order {n}", self.at.orders[n]

    def _asked(self, what: str, answer: Answer) -> None:
        self.at.tell(f"{what}: {answer.status}")
        assert answer.status in (200, 201, 403, 409, 422, 503), (answer.json, self.at.told)


def _part(order: Json, chance: Random) -> Any:
    """Some of what an order costs, in cents; more than nothing."""
    return max(order["total"] // 1000 * chance.choice((1, 30, 50, 100, 100)) // 100, 1)
