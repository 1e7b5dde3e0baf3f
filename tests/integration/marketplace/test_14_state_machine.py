"""Issue 14: orders, payments, refunds, disputes, releases, payouts, failures and returns, in any order.

After each step the books hold by themselves: every entry and every account sums up, statements lead into each other,
of nobody more came back than there was. At the end, when Stripe has told everything, they agree with Stripe: no
provider was paid twice or more than it earned, and cash is the platform's balance, to the transaction.

More and longer ones: ``FAIR_EXAMPLES=200 FAIR_STEPS=40 LAWS=search``.
"""

from __future__ import annotations

import os
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.marketplace.fair import COUPONS, Fair, fair
from tests.integration.marketplace.market import item
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.world import Json, World

EXAMPLES = int(os.environ.get("FAIR_EXAMPLES", "12"))
STEPS = int(os.environ.get("FAIR_STEPS", "16"))
TERMS: tuple[Json, ...] = (
    {"releaseAfterDays": 0},
    {"releaseAfterDays": 1, "reserve": {"percent": 20, "days": 3}, "feesBorneBy": "provider"},
    {"releaseAfterDays": 0, "refundFee": {"percent": 50}, "commissionTaxPercent": 21},
    {"refundWindowDays": 1},
)
PHASES = (Phase.generate,)
"""What was told of a failure is short enough, and to make it shorter would take minutes."""
CARDS = (AVAILABLE, AVAILABLE, "pm_card_visa", "pm_card_pendingRefund")
CALLS = ("^/v1/transfers$", "^/v1/payouts$", "/reversals$", "^/v1/refunds$")
ILL = ("drop_before", "drop_after", "status_after", "status")
_any = st.integers(0, 99)


class Machine(RuleBasedStateMachine):
    """A fair, in which anything may happen."""

    world: ClassVar[World]
    names = count(1)
    at: Fair
    rested = 0

    @initialize(terms=st.sampled_from(TERMS))
    def begins(self, terms: Json) -> None:
        self.at = fair(self.world, f"fair {next(self.names)}", terms)
        self._sell(0, None, AVAILABLE)

    def teardown(self) -> None:
        if not hasattr(self, "at"):
            return
        try:
            self.at.rest()
            self.at.check_at_rest()
        finally:
            self.world.stripe_works()
            self.world.forget_tenants()

    # A buyer

    @rule(basket=st.integers(0, 4), coupon=st.sampled_from((None, None, *COUPONS)), card=st.sampled_from(CARDS))
    def somebody_buys(self, basket: int, coupon: str | None, card: str) -> None:
        self._sell(basket, coupon, card)

    def _sell(self, basket: int, coupon: str | None, card: str) -> None:
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

    @rule(which=_any, percent=st.sampled_from((1, 30, 50, 100)))
    def a_part_is_refunded(self, which: int, percent: int) -> None:
        order = self._order(which)
        amount = max(order["total"] * percent // 100 // 1000, 1) * 1000
        self.at.tell(f"refunds {amount} of order {which % len(self.at.orders)}")
        self._asked(self.at.market.refund(order, amount=amount))

    @rule(which=_any, n=_any)
    def an_item_is_refunded(self, which: int, n: int) -> None:
        order = self._order(which)
        wanted = order["items"][n % len(order["items"])]["id"]
        self.at.tell(f"refunds one {wanted} of order {which % len(self.at.orders)}")
        self._asked(self.at.market.refund(order, items=[{"itemId": wanted, "quantity": 1}]))

    @rule(which=_any, percent=st.sampled_from((1, 30, 100)))
    def a_part_is_refunded_at_stripe(self, which: int, percent: int) -> None:
        order = self._order(which)
        intent = self.at.intent_of(order)
        amount = max(order["total"] * percent // 100_000, 1)
        if intent is not None:
            status = self.world.acts(f"payment_intents/{intent}/refund", amount=amount)
            self.at.tell(f"{amount} of order {which % len(self.at.orders)} in the dashboard: {status}")

    @rule(n=_any, succeed=st.booleans())
    def a_bank_decides_on_a_refund(self, n: int, succeed: bool) -> None:
        found = [each for each in self._refunds() if each["status"] == "pending"]
        if found:
            status = self.world.acts(f"refunds/{found[n % len(found)]['id']}/finish", succeed=succeed)
            self.at.tell(f"refund {n % len(found)} {'succeeds' if succeed else 'fails'}: {status}")

    # Disputes

    @rule(which=_any, percent=st.sampled_from((40, 100)), inquiry=st.sampled_from((False, False, True)))
    def somebody_disputes(self, which: int, percent: int, inquiry: bool) -> None:
        order = self._order(which)
        intent = self.at.intent_of(order)
        if intent is not None:
            amount = max(order["total"] * percent // 100_000, 1)
            status = self.world.acts(f"charges/{intent}/dispute", amount=amount, inquiry=inquiry)
            self.at.tell(f"disputes {amount} of order {which % len(self.at.orders)}, {inquiry}: {status}")

    @rule(n=_any, act=st.sampled_from(("won", "lost", "lost", "warning_closed", "escalate")))
    def a_dispute_goes_on(self, n: int, act: str) -> None:
        found = list(self._disputes())
        if found:
            path = f"disputes/{found[n % len(found)]}/{'escalate' if act == 'escalate' else 'close'}"
            status = self.world.acts(path, **({} if act == "escalate" else {"status": act}))
            self.at.tell(f"dispute {n % len(found)} {act}: {status}")

    # Payouts

    @rule(who=st.sampled_from((None, 0, 1)))
    def payouts_are_wanted(self, who: int | None) -> None:
        body = {} if who is None else {"providerTenantId": self.at.providers[who].id}
        answer = self.at.market.shop.post("/v1/payouts/trigger", body)
        self.at.tell(f"triggers {who}: {answer.status}")
        assert answer.status in (200, 422, 503), (answer.json, self.at.told)

    @rule(n=_any, status=st.sampled_from(("paid", "paid", "failed", "canceled")))
    def a_bank_decides_on_a_payout(self, n: int, status: str) -> None:
        found = self.at.at_the_bank()
        if found:
            done = self.world.acts(f"payouts/{found[n % len(found)]['id']}/finish", status=status)
            self.at.tell(f"payout {n % len(found)} is {status}: {done}")
            if status == "failed" and done == 200:
                for account in self.at.accounts.values():
                    self.world.acts(f"accounts/{account}/replace_bank")

    @rule(n=_any)
    def a_payout_is_canceled(self, n: int) -> None:
        found = list(self.at.market.shop.get("/v1/commerce/payouts").data)
        if found:
            answer = self.at.market.shop.post(f"/v1/payouts/{found[n % len(found)]['id']}/cancel", {})
            self.at.tell(f"cancels payout {n % len(found)}: {answer.status}")
            assert answer.status in (200, 409), (answer.json, self.at.told)

    @rule(who=st.integers(0, 1), cents=st.sampled_from((-900, 700, 12_345)))
    def somebody_corrects_an_account(self, who: int, cents: int) -> None:
        path = f"/v1/commerce/providers/{self.at.providers[who].id}/adjustments"
        answer = self.at.market.shop.post(path, {"amount": cents * 1000, "currency": "USD", "reason": "by hand"})
        self.at.tell(f"adjusts {who} by {cents}: {answer.status}")

    # Time, and what is told

    @rule(hours=st.sampled_from((1, 7, 25, 80)))
    def time_passes(self, hours: int) -> None:
        self.world.clock.advance(hours=hours)
        self.at.tell(f"{hours} hours later")
        self.at.work()

    @rule(worker=st.sampled_from(("billing_worker", "payout_worker", "payout_worker")))
    def a_worker_comes_round(self, worker: str) -> None:
        self.at.tell(f"the {worker}'s turn")
        self.at.work(worker)

    @rule(n=_any, how_many=st.sampled_from((1, 3, 100)))
    def stripe_tells(self, n: int, how_many: int) -> None:
        self.at.listen()
        for _ in range(min(how_many, len(self.at.news))):
            self.at.tell(self.at.hear(n % len(self.at.news)))

    @rule(path=st.sampled_from(CALLS), kind=st.sampled_from(ILL), times=st.sampled_from((1, 2, 3)))
    def stripe_falls_ill(self, path: str, kind: str, times: int) -> None:
        status = {"status": 500} if kind.startswith("status") else {}
        self.world.sandbox.post("faults", kind=kind, method="POST", path=path, times=times, **status)
        self.at.tell(f"{times} of {path} will {kind}")

    @precondition(lambda self: len(self.at.told) > self.rested + 6)
    @rule()
    def everything_comes_to_rest(self) -> None:
        self.at.tell("rests")
        self.rested = len(self.at.told)
        self.at.rest()
        self.at.check_at_rest()

    @invariant()
    def the_books_hold(self) -> None:
        if hasattr(self, "at"):
            self.at.check()

    # Which one is meant

    def _order(self, which: int) -> Json:
        return self.at.orders[which % len(self.at.orders)]

    def _asked(self, answer: Any) -> None:
        self.at.tell(f"... {answer.status}")
        assert answer.status in (201, 403, 409, 422, 503), (answer.json, self.at.told)

    def _refunds(self) -> list[Json]:
        return self.at.own("refunds")

    def _disputes(self) -> list[str]:
        return [each["id"] for each in self.at.own("disputes")]


def test_whatever_happens_nobody_is_paid_twice_and_the_books_are_stripes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laws of ``tests/faults``: after each step those of the books, at rest those that compare them with Stripe."""
    monkeypatch.setattr("billing.services.marketplace.pace.Pace.__call__", lambda _: None)
    Machine.world = world
    wanted = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck), phases=PHASES
    )
    run_state_machine_as_test(Machine, settings=wanted)
