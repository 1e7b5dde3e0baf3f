"""What may happen to a subscription and its money, one random step at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.integration.steps import advance, behave
from tests.integration.world import Answer, Json, Tenant, World

REFUSED = {400, 402, 403, 404, 409, 422, 502}
"""A step that is not possible just now is refused with one of these (502: a declined card)."""


@dataclass
class Walk:
    """A customer on a test clock, and everybody who does something to its money.

    Args:
        told: the steps so far, to be read where a law is broken.
    """

    world: World
    tenant: Tenant
    random: Random
    clock: str
    customer: str
    subscription: str
    now: datetime
    told: list[str] = field(default_factory=list)
    events: int = 0

    def step(self) -> None:
        """One step, drawn by weight; then Stripe's webhooks arrive."""
        steps = self._steps()
        chosen = self.random.choices(list(steps), weights=list(steps.values()))[0]
        chosen()
        self.world.deliver_all(self.tenant)

    def _steps(self) -> dict[Callable[[], None], int]:
        return {
            self.time_passes: 6,
            self.seats_change: 5,
            self.plan_changes: 2,
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
            self.usage: 4,
        }

    def ask(self, what: str, answer: Answer) -> Answer:
        """Note a step; it worked, or it was refused for a reason."""
        self.told.append(f"{self.now.isoformat()} {what}: {answer.status}")
        assert answer.status in REFUSED or answer.status < 300, (answer.json, self.told)
        return answer

    def patch(self, **body: Any) -> Answer:
        """A change of the subscription, previewed first: what is billed at once is what the preview said."""
        path = f"/v1/subscriptions/{self.subscription}"
        seen = self.tenant.post(f"{path}/preview", body)
        before = {each["id"] for each in self.invoices()}
        answer = self.ask(f"PATCH {body}", self.tenant.patch(path, body))
        made = [each for each in self.invoices() if each["id"] not in before]
        if seen.status == 200 and answer.status == 200 and body.get("prorationBehavior") == "invoice_now" and made:
            (invoice,) = made
            shown = {name: invoice[name] for name in ("subtotal", "discount", "tax", "total")}
            assert shown == {name: seen.data[name] for name in shown}, self.told
        return answer

    def invoices(self) -> list[Json]:
        """The subscription's, newest first."""
        found: list[Json] = self.tenant.get("/v1/invoices", subscription=self.subscription, limit=100).data
        return found

    def behaviour(self) -> str:
        return self.random.choice(["create_prorations", "invoice_now", "none"])

    # --- the tenant's customer --------------------------------------------------------------------------------------

    def time_passes(self) -> None:
        self.now += timedelta(seconds=self.random.randrange(3600, 20 * 86400))
        advance(self.world, self.tenant, self.clock, f"{self.now:%Y-%m-%dT%H:%M:%SZ}")
        self.told.append(f"{self.now.isoformat()} time passes")

    def seats_change(self) -> None:
        self.patch(quantities={"seats": self.random.randrange(1, 200)}, prorationBehavior=self.behaviour())

    def plan_changes(self) -> None:
        self.patch(planId=self.random.choice(["small", "large"]), prorationBehavior=self.behaviour())

    def coupon(self) -> None:
        self.patch(couponCode=self.random.choice(["QUARTER", "ONCE", "FIVE"]))

    def pauses(self) -> None:
        self.patch(paused=True, prorationBehavior=self.behaviour())

    def resumes(self) -> None:
        path = f"/v1/subscriptions/{self.subscription}/resume"
        self.ask("resume", self.tenant.post(path, {}))

    def card_changes(self) -> None:
        """The card that is charged declines from now on, or works again."""
        how = self.random.choice([None, None, "insufficient_funds", "generic_decline"])
        for method in self.tenant.get("/v1/payment-methods", customer=self.customer).data:
            behave(self.world, method["id"], how)
        self.told.append(f"the card: {how}")

    def pays(self) -> None:
        invoice = self._some(self.invoices(), status="open")
        if invoice:
            self.ask("pay", self.tenant.post(f"/v1/invoices/{invoice['id']}/pay", {}))

    def usage(self) -> None:
        self.events += 1
        when = self.now - timedelta(seconds=self.random.randrange(0, 3600))
        one = {
            "eventId": f"{self.subscription}-{self.events}",
            "subscriptionId": self.subscription,
            "meter": "calls",
            "quantity": self.random.randrange(1, 500),
            "timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        }
        self.ask("usage", self.tenant.post("/v1/usage/events", {"events": [one]}))
        self.world.count_usage()

    # --- the tenant ---------------------------------------------------------------------------------------------------

    def credit_note(self) -> None:
        invoice = self._some(self.invoices())
        if invoice:
            amount = self.random.choice([1, 137, 5_000, 100_000]) * 1000
            body = {"amount": amount, "refund": self.random.random() < 0.4}
            self.ask(f"credit {body}", self.tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", body))

    def refund(self) -> None:
        payment = self._some(self.tenant.get("/v1/payments", limit=100).data, status="succeeded")
        if payment:
            body = self.random.choice([{}, {"amount": 1_000}, {"amount": 250_000}, {"amount": 10**9}])
            self.ask(f"refund {body}", self.tenant.post(f"/v1/payments/{payment['id']}/refund", body))

    def voids(self) -> None:
        invoice = self._some(self.invoices(), status="open")
        if invoice:
            self.ask("void", self.tenant.post(f"/v1/invoices/{invoice['id']}/void"))

    # --- at Stripe ----------------------------------------------------------------------------------------------------

    def refund_at_stripe(self) -> None:
        payment = self._some(self.tenant.get("/v1/payments", limit=100).data, status="succeeded")
        if payment:
            amount = self.random.choice([50, 100, 333])
            status = self._at_stripe("refunds", {"payment_intent": payment["paymentIntentId"], "amount": amount})
            self.told.append(f"{amount} refunded in the dashboard: {status}")

    def _at_stripe(self, what: str, params: Json) -> str:
        import stripe

        try:
            return str(getattr(self.world.stripe.v1, what).create(params).status)
        except stripe.InvalidRequestError as error:
            return str(error.code)

    def bank_disputes(self) -> None:
        payment = self._some(self.tenant.get("/v1/payments", limit=100).data, status="succeeded")
        if payment:
            status = self.world.acts(f"charges/{payment['paymentIntentId']}/dispute")
            self.told.append(f"a dispute: {status}")

    def bank_decides(self) -> None:
        dispute = self._some(self.tenant.get("/v1/disputes").data, status="needs_response")
        if dispute:
            how = self.random.choice(["won", "lost"])
            status = self.world.acts(f"disputes/{dispute['stripeDisputeId']}/close", status=how)
            self.told.append(f"{how}: {status}")

    def _some(self, found: list[Json], **fields: str) -> Json | None:
        fitting = [each for each in found if all(each[name] == value for name, value in fields.items())]
        return self.random.choice(fitting) if fitting else None


def begin(world: World, seed: int) -> Walk:
    """A tenant with two plans, coupons and a meter, and a customer with a working card."""
    tenant = world.tenant()
    tenant.meter("calls")
    for plan_id, base, seat in (("small", 1000, 333), ("large", 4999, 250)):
        components = [
            {"key": "base", "type": "flat", "unitAmount": base * 1000},
            {"key": "seats", "type": "licensed", "unitAmount": seat * 1000},
            {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 10_000},
        ]
        tenant.plan(id=plan_id, name=plan_id, components=components)
    coupons: list[Json] = [
        {"code": "QUARTER", "percentOff": "25", "duration": "forever"},
        {"code": "ONCE", "percentOff": "50", "duration": "once"},
        {"code": "FIVE", "amountOff": 5_000_000, "currency": "USD", "duration": "repeating", "durationPeriods": 2},
    ]
    for body in coupons:
        assert tenant.post("/v1/coupons", body).status == 201
    now = datetime(2026, 1, 31, 9, tzinfo=UTC)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId="small", quantities={"seats": 10}, customerId=customer)
    assert made["state"] == "active", made
    world.deliver_all(tenant)
    return Walk(world, tenant, Random(seed), clock, customer, made["id"], now)
