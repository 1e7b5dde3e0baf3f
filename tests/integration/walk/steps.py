"""What may happen to a subscription and its money, one random step at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe

from tests.faults.books import micros
from tests.faults.laws_lines import what
from tests.integration.steps import behave
from tests.integration.walk.stand import Stand, ok, stand
from tests.integration.world import Answer, Json, World

REFUSED = {400, 402, 403, 404, 409, 422, 502}
"""A step that is not possible just now is refused with one of these (502: a declined card)."""
_SHOWN = ("subtotal", "discount", "tax", "total")
_COUPONS: list[Json] = [
    {"code": "QUARTER", "percentOff": "25", "duration": "forever"},
    {"code": "ONCE", "percentOff": "50", "duration": "once"},
    {"code": "FREE", "percentOff": "100", "duration": "once"},
    {"code": "FIVE", "amountOff": 5_000_000, "currency": "USD", "duration": "repeating", "durationPeriods": 2},
]


@dataclass
class Walk:
    """Everybody who does something to a customer's money.

    Args:
        worked: how many steps were not refused.
    """

    on: Stand
    subscription: str
    events: int = 0
    worked: int = 0

    def step(self) -> None:
        """One step, drawn by weight; then Stripe's webhooks arrive."""
        steps = self._steps()
        chosen = self.on.random.choices(list(steps), weights=list(steps.values()))[0]
        chosen()
        if chosen not in (self.usage, self.late_usage, self.card_changes):  # of which Stripe hears nothing
            self.on.deliver()

    def _steps(self) -> dict[Callable[[], None], int]:
        if self._subscription()["state"] == "canceled":
            return {self.subscribes: 3, self.time_passes: 1, self.credit_note: 1, self.refund: 1, self.pays: 1}
        return {
            self.time_passes: 7,
            self.seats_change: 5,
            self.plan_changes: 3,
            self.coupon: 2,
            self.pauses: 2,
            self.resumes: 3,
            self.card_changes: 3,
            self.pays: 3,
            self.credit_note: 4,
            self.refund: 4,
            self.refund_at_stripe: 1,
            self.bank_disputes: 1,
            self.bank_decides: 2,
            self.voids: 2,
            self.gives_up: 1,
            self.usage: 4,
            self.late_usage: 1,
            self.cancels: 1,
        }

    def ask(self, what: str, answer: Answer) -> Answer:
        """Note a step; it worked, or it was refused for a reason."""
        code = "" if answer.status < 300 else f" {answer.error['code']}"
        self.on.tell(f"{what}: {answer.status}{code}")
        assert answer.status in REFUSED or answer.status < 300, (answer.json, self.on.told)
        assert "route.not_found" not in code, self.on.told[-1]  # a step that can never work
        self.worked += answer.status < 300
        return answer

    @property
    def path(self) -> str:
        return f"/v1/subscriptions/{self.subscription}"

    def patch(self, **body: Any) -> Answer:
        """A change of the subscription, previewed first: what is billed at once is what the preview said."""
        at_once = body.get("prorationBehavior") == "invoice_now"
        seen = self.on.tenant.post(f"{self.path}/preview", body) if at_once else None
        before = {each["id"] for each in self.on.kept("invoices")}
        answer = self.ask(f"PATCH {body}", self.on.tenant.patch(self.path, body))
        made = [each for each in self.on.kept("invoices") if each["id"] not in before]
        if seen is not None and seen.status == 200 and answer.status == 200 and made:
            (invoice,) = made
            self._as_shown(seen.data, invoice)
            assert seen.data["balanceApplied"] == micros(invoice["balance_applied"]), self.on.told
        return answer

    def _as_shown(self, seen: Json, invoice: Json) -> None:
        billed = {name: micros(invoice[name]) for name in _SHOWN}
        assert {name: seen[name] for name in _SHOWN} == billed, (invoice["id"], self.on.told)

    def _subscription(self) -> Json:
        return next(each for each in self.on.kept("subscriptions") if each["id"] == self.subscription)

    def _behaviour(self) -> str:
        return self.on.random.choice(["create_prorations", "invoice_now", "none"])

    # --- the tenant's customer --------------------------------------------------------------------------------------

    def time_passes(self) -> None:
        """Up to twenty days. Where that is the end of a period, its preview is what is billed then."""
        before = self._subscription()
        end = datetime.fromisoformat(before["current_period"]["end"])
        now = self.on.now + timedelta(seconds=self.on.random.randrange(3600, 20 * 86400))
        seen = None
        if now >= end and before["state"] in ("active", "past_due"):
            self.on.world.count_usage()
            seen = self.on.tenant.post("/v1/invoices/preview", {"subscriptionId": self.subscription})
        self.on.until(now)
        starts = [each for each in self.on.kept("invoices") if (each["period"] or {}).get("start") == _stored(end)]
        renewals = [each for each in starts if each["reason"] == "subscription_cycle"]
        if seen is not None and seen.status == 200 and renewals:
            self._as_shown(seen.data, renewals[0])

    def seats_change(self) -> None:
        self.patch(quantities={"seats": self.on.random.randrange(1, 200)}, prorationBehavior=self._behaviour())

    def plan_changes(self) -> None:
        """Also to one that is billed by the quarter, or bills each day."""
        plan, behaviour = self.on.random.choice(["small", "large", "quarter", "daily"]), self._behaviour()
        before = self._subscription()
        answer = self.patch(planId=plan, prorationBehavior=behaviour)
        if answer.status == 200 and behaviour == "none" and (plan == "quarter") != (before["plan_id"] == "quarter"):
            self.on.left |= {what(line) for line in before["billed"]}

    def coupon(self) -> None:
        applies = self.on.random.choice([{}, {}, {"couponApplies": "now"}])
        self.patch(couponCode=self.on.random.choice([each["code"] for each in _COUPONS]), **applies)

    def pauses(self) -> None:
        self.patch(paused=True, prorationBehavior=self._behaviour())

    def resumes(self) -> None:
        self.ask("resume", self.on.tenant.post(f"{self.path}/resume", {}))

    def cancels(self) -> None:
        body = {"atPeriodEnd": self.on.random.random() < 0.7, "prorationBehavior": self._behaviour()}
        self.ask(f"cancel {body}", self.on.tenant.post(f"{self.path}/cancel", body))

    def subscribes(self) -> None:
        """The customer comes back."""
        body = {"planId": "small", "quantities": {"seats": 7}, "customerId": self.on.customer}
        answer = self.ask("subscribes again", self.on.tenant.post("/v1/subscriptions", body))
        if answer.status == 201:
            self.subscription = answer.data["id"]

    def card_changes(self) -> None:
        """The card that is charged declines from now on, or works again."""
        how = self.on.random.choice([None, None, "insufficient_funds", "generic_decline"])
        for method in self.on.kept("payment_methods"):
            behave(self.on.world, method["id"], how)
        self.on.tell(f"the card: {how}")

    def zone_is_corrected(self) -> None:
        """Also over the date line."""
        zone = self.on.random.choice(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"])
        self.ask(f"zone {zone}", self.on.tenant.patch(f"/v1/customers/{self.on.customer}", {"timezone": zone}))

    def pays(self) -> None:
        invoice = self.on.one_of("invoices", status="open")
        if invoice:
            self.ask("pay", self.on.tenant.post(f"/v1/invoices/{invoice['id']}/pay", {}))

    def usage(self) -> None:
        self._used(timedelta(hours=1))

    def late_usage(self) -> None:
        """It may be of a period that is billed already, or of a pause."""
        self._used(timedelta(days=40))

    def _used(self, most: timedelta) -> None:
        self.events += 1
        when = self.on.now - timedelta(seconds=self.on.random.randrange(0, int(most.total_seconds())))
        one = {
            "eventId": f"{self.subscription}-{self.events}",
            "subscriptionId": self.subscription,
            "meter": "calls",
            "quantity": self.on.random.randrange(1, 500),
            "timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        }
        self.ask(f"usage of {when}", self.on.tenant.post("/v1/usage/events", {"events": [one]}))
        self.on.world.count_usage()

    # --- the tenant ---------------------------------------------------------------------------------------------------

    def credit_note(self) -> None:
        """Of an amount, or of a line."""
        invoice = self.on.one_of("invoices")
        if not invoice:
            return
        amount = self.on.random.choice([1, 137, 5_000, 100_000]) * 1000
        body: Json = {"amount": amount, "refund": self.on.random.random() < 0.4}
        if invoice["lines"] and self.on.random.random() < 0.4:
            body = {"lines": [{"lineId": self.on.random.choice(invoice["lines"])["id"]}], "refund": body["refund"]}
        path = f"/v1/invoices/{invoice['id']}/credit-notes"
        self.ask(f"credit {body} of {invoice['id']}", self.on.tenant.post(path, body))

    def refund(self) -> None:
        payment = self.on.one_of("payments", status="succeeded")
        if payment:
            body = self.on.random.choice([{}, {"amount": 1_000}, {"amount": 250_000}, {"amount": 10**9}])
            path = f"/v1/payments/{payment['id']}/refund"
            self.ask(f"refund {body} of {payment['invoice_id']}", self.on.tenant.post(path, body))

    def voids(self) -> None:
        invoice = self.on.one_of("invoices", status="open")
        if invoice:
            self.ask(f"void {invoice['id']}", self.on.tenant.post(f"/v1/invoices/{invoice['id']}/void"))

    def gives_up(self) -> None:
        invoice = self.on.one_of("invoices", status="open")
        if invoice:
            path = f"/v1/invoices/{invoice['id']}/uncollectible"
            self.ask(f"uncollectible {invoice['id']}", self.on.tenant.post(path))

    # --- at Stripe ----------------------------------------------------------------------------------------------------

    def refund_at_stripe(self) -> None:
        payment = self.on.one_of("payments", status="succeeded")
        if payment:
            amount = self.on.random.choice([50, 100, 333])
            status = self._refunded({"payment_intent": payment["stripe_payment_intent_id"], "amount": amount})
            self.on.tell(f"{amount} of {payment['invoice_id']} refunded in the dashboard: {status}")

    def _refunded(self, params: Json) -> str:
        try:
            return str(self.on.world.stripe.v1.refunds.create(params).status)
        except stripe.InvalidRequestError as error:
            return str(error.code)

    def bank_disputes(self) -> None:
        payment = self.on.one_of("payments", status="succeeded")
        if payment:
            status = self.on.world.acts(f"charges/{payment['stripe_payment_intent_id']}/dispute")
            self.on.tell(f"a dispute of {payment['invoice_id']}: {status}")

    def bank_decides(self) -> None:
        dispute = self.on.one_of("disputes", status="needs_response")
        if dispute:
            how = self.on.random.choice(["won", "lost"])
            status = self.on.world.acts(f"disputes/{dispute['stripe_dispute_id']}/close", status=how)
            self.on.tell(f"{how}: {status}")


def _stored(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def begin(world: World, seed: int, name: str = "laws") -> Walk:
    """A tenant with plans, coupons and a meter, and a customer with a working card."""
    on = stand(world, name, seed)
    tenant = on.tenant
    tenant.meter("calls")
    plans = (
        ("small", 1000, 333, {}),
        ("large", 4999, 250, {"pauseBilling": "keep"}),
        ("quarter", 2500, 900, {"interval": "month", "intervalCount": 3}),
        ("daily", 1500, 300, {"prorationUnit": "day"}),
    )
    for plan_id, base, seat, more in plans:
        components = [
            {"key": "base", "type": "flat", "unitAmount": base * 1000},
            {"key": "seats", "type": "licensed", "unitAmount": seat * 1000},
            {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 10_000},
        ]
        tenant.plan(id=plan_id, name=plan_id, components=components, **more)
    for body in _COUPONS:
        ok(tenant.post("/v1/coupons", body), 201)
    on.customer = tenant.customer(testClockId=on.clock)
    made = tenant.subscribe(planId="small", quantities={"seats": 10}, customerId=on.customer)
    assert made["state"] == "active", made
    on.deliver()
    return Walk(on, made["id"])
