"""A random walk over everything that makes an invoice, each step done in the product and in the model.

After every step both have the same invoices, to the cent, and the same balance. Before it, the preview said so.
"""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from tests.faults.books import micros
from tests.integration.steps import behave
from tests.integration.walk.bills import Account, Bill
from tests.integration.walk.model import Discount, Made, Plan, Subscription
from tests.integration.walk.stand import Stand, ok, stand
from tests.integration.world import Json, World

PLANS = (
    Plan("small", 1000, 333, ((100, Fraction(0)), (1000, Fraction(5, 2)), (None, Fraction(333, 1000)))),
    Plan("large", 4999, 250, ((1000, Fraction(0)), (None, Fraction(3, 2))), keeps=True),
    Plan("free", 0, 777, ((None, Fraction(7, 8)),)),
)
PENNIES = (
    Plan("small", 9, 1, ((10, Fraction(0)), (100, Fraction(5, 8)), (None, Fraction(1, 8)))),
    Plan("large", 49, 2, ((None, Fraction(3, 8)),), keeps=True),
    Plan("free", 0, 3, ((None, Fraction(333, 1000)),)),
)
"""Often less than a card can be charged."""
COUPONS = {
    "QUARTER": Discount(percent=25),
    "ONCE": Discount(percent=50, periods=1),
    "FREE": Discount(percent=100, periods=2),
    "FIVER": Discount(cents=500, periods=2),
    "CENT": Discount(cents=1),
}
BERLIN = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
_HOW = ["create_prorations", "invoice_now", "none"]


@dataclass
class Billing:
    """A subscription in the product, and its model."""

    on: Stand
    path: str
    method: str
    account: Account
    model: Subscription
    plans: tuple[Plan, ...]

    def step(self) -> None:
        """One step in both; then they are compared."""
        chosen = self.on.random.choices(
            [self.time_passes, self.changes, self.pauses_or_resumes, self.declined, self.credits, self.refunds],
            weights=[10, 9, 12 if self.model.paused else 3, 3, 2, 2],
        )[0]
        chosen()
        self.compare()

    def compare(self) -> None:
        """Both have the same invoices, and the same balance."""
        names = ("total", "tax", "balance_applied", "amount_paid", "amount_credited", "amount_refunded")
        kept = [(*(micros(each[name]) / 1000 for name in names), each["status"]) for each in self.on.kept("invoices")]
        wanted = [each.shown for each in self.account.bills]
        both = "\n".join(self.on.told)
        assert sorted(kept) == sorted(wanted), both  # two of one instant have no order among them
        balances = [micros(each["amount"]) // 1000 for each in self.on.kept("balances")]
        assert (balances or [0]) == [self.account.balance], both

    # --- the customer -------------------------------------------------------------------------------------------------

    def time_passes(self) -> None:
        """And calls come, unless it is paused."""
        self.on.let_time_pass(timedelta(days=self.on.random.choice([3, 8, 31])))
        self.model.until(self.on.now)
        if not self.model.paused and self.on.random.random() < 0.8:
            self._calls(self.on.random.choice([1, 61, 703, 1237]))

    def _calls(self, quantity: int) -> None:
        one = {
            "eventId": f"event-{len(self.on.told)}",
            "subscriptionId": self.path.rpartition("/")[2],
            "meter": "calls",
            "quantity": quantity,
            "timestamp": f"{self.on.now:%Y-%m-%dT%H:%M:%SZ}",
        }
        ok(self.on.tenant.post("/v1/usage/events", {"events": [one]}), 202)
        assert self.on.world.count_usage() == {"batchItemFailures": []}
        self.model.use(quantity)
        self.on.tell(f"{quantity} calls")

    def changes(self) -> None:
        """Plan, seats and coupon, some of them or all."""
        random, model = self.on.random, self.model
        plan = random.choice([model.plan, model.plan, *self.plans])
        seats = random.choice([model.seats, model.seats + 1, random.randrange(150), random.randrange(20)])
        how = random.choice(_HOW)
        body: Json = {"planId": plan.id, "quantities": {"seats": seats}, "prorationBehavior": how}
        code = random.choice([*COUPONS]) if random.random() < 0.2 else None
        now = code is not None and how != "none" and not model.paused and random.random() < 0.3
        if code is not None:
            body |= {"couponCode": code} | ({"couponApplies": "now"} if now else {})
        seen = self._preview(body)
        made = model.change(plan, seats, COUPONS[code] if code else None, self.on.now, how, now=now)
        self._patched(body, seen, made, how)

    def _preview(self, body: Json) -> Json:
        return ok(self.on.tenant.post(f"{self.path}/preview", body))

    def _patched(self, body: Json, seen: Json, made: Made, how: str, declined: bool = False) -> Bill | None:
        """The change made, as its preview said."""
        self.on.tell(str(body))
        ok(self.on.tenant.patch(self.path, body))
        bill = self.model.put(made, how, declined)
        told = "\n".join(self.on.told)
        if bill is not None:
            assert (seen["total"] / 1000, seen["tax"] / 1000) == (bill.total, bill.tax), told
            assert seen["balanceApplied"] / 1000 == bill.applied, told
        elif made.bills:
            assert (seen["subtotal"] - seen["discount"]) / 1000 == made.net, told
        return bill

    def pauses_or_resumes(self) -> None:
        """A pause may end by itself."""
        random, model = self.on.random, self.model
        if model.paused:
            self.on.tell("resume")
            ok(self.on.tenant.post(f"{self.path}/resume", {}))
            model.resume(self.on.now)
            return
        how = random.choice(_HOW)
        at = self.on.now + timedelta(seconds=random.randrange(3600, 40 * 86400)) if random.random() < 0.4 else None
        body: Json = {"paused": True, "prorationBehavior": how}
        if at is not None:
            body["resumesAt"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        seen = self._preview(body)
        self._patched(body, seen, model.pause(self.on.now, how, at), how)

    # --- money --------------------------------------------------------------------------------------------------------

    def declined(self) -> None:
        """A card is declined; what is open is paid after all, or made void, or credited."""
        model, random = self.model, self.on.random
        seats = model.seats + random.randrange(1, 50)
        body = {"quantities": {"seats": seats}, "prorationBehavior": "invoice_now"}
        behave(self.on.world, self.method, "generic_decline")
        seen = self._preview(body)
        made = model.change(model.plan, seats, None, self.on.now, "invoice_now")
        bill = self._patched(body, seen, made, "invoice_now", declined=True)
        behave(self.on.world, self.method, None)
        if bill is None or bill.status != "open":
            return
        (invoice,) = [each for each in self.on.kept("invoices") if each["status"] == "open"]
        path = f"/v1/invoices/{invoice['id']}"
        # With tax all of it, or nothing: what a part leaves of each line is a matter of many roundings.
        credit = bill.creditable == bill.billed if self.account.rate else bill.creditable > 0
        what = random.choice(["pay", "void", "credit"] if credit else ["pay", "void"])
        self.on.tell(f"declined, then {what}")
        if what == "credit":
            self._credit(invoice, bill, bill.creditable, refund=False)
            if bill.status != "open":
                return
            what = "pay"
        ok(self.on.tenant.post(f"{path}/{what}", {} if what == "pay" else None))
        if what == "pay":
            self.account.pay(bill)
        else:
            model.void(bill)

    def credits(self) -> None:
        """A credit note into the balance, or back to the card."""
        found = self._some()
        if found is None:
            return
        invoice, bill = found
        most = bill.creditable
        amount = self.on.random.choice([1, most // 3 or 1, most + 1, most or 1])
        refund = self.on.random.random() < 0.5 and amount <= bill.paid - bill.refunded
        if amount <= most:
            self._credit(invoice, bill, amount, refund)
            return
        answer = self.on.tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": amount * 1000})
        assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available"), answer.json

    def _credit(self, invoice: Json, bill: Bill, amount: int, refund: bool) -> None:
        self.on.tell(f"credit {amount} of {bill.shown}, refund {refund}")
        body = {"amount": amount * 1000, "refund": refund}
        ok(self.on.tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", body), 201)
        self.account.credit(bill, amount, refund)

    def refunds(self) -> None:
        """All that can be of a payment."""
        found = self._some()
        if found is None or not found[1].paid:
            return
        invoice, bill = found
        amount = min(bill.creditable, bill.paid - bill.refunded)
        path = f"/v1/payments/{invoice['latest_payment_id']}/refund"
        self.on.tell(f"refund of {bill.shown}")
        if not amount:
            assert self.on.tenant.post(path, {}).status == 422
            return
        assert ok(self.on.tenant.post(path, {}), 201)["amount"] == amount * 1000
        self.account.credit(bill, amount, refund=True)

    def _some(self) -> tuple[Json, Bill] | None:
        """An invoice and its model, where it can be told from others; with tax, one whose lines are in force no more.

        Of an invoice with taxes, what is left of each line is a matter of many roundings: those are laws of their own.
        """
        kept = self.on.kept("invoices")
        shown = [bill.shown for bill in self.account.bills]
        in_force = {id(line.bill) for line in self.model.billed.values()}
        fitting = [
            bill
            for bill in self.account.bills
            if shown.count(bill.shown) == 1 and bill.status == "paid"
            if not self.account.rate or id(bill) not in in_force
        ]
        if not fitting:
            return None
        bill = self.on.random.choice(fitting)
        (invoice,) = [each for each in kept if _is(each, bill)]
        return invoice, bill


def _is(invoice: Json, bill: Bill) -> bool:
    names = ("total", "tax", "balance_applied", "amount_paid", "amount_credited", "amount_refunded")
    return (*(micros(invoice[name]) // 1000 for name in names), invoice["status"]) == bill.shown


def begin(world: World, seed: int, name: str = "bills") -> Billing:
    """Without tax, with 19 % rounded by the line, or by the document, and for much or little, as the seed says.

    Args:
        name: of the walk; ids are counted under it, so that no two walks have one.
    """
    plans = PENNIES if seed % 2 else PLANS
    rate, rounding = ((0, ""), (19, "line"), (19, "document"))[seed % 3]
    currency, tenant_fields, customer_fields = "USD", {}, {}
    if rate:
        currency, customer_fields = "EUR", {"address": {"country": "DE"}}
        tenant_fields = {"address": BERLIN, "taxProvider": "builtin", "taxRounding": rounding}
    on = stand(world, name, seed, currency=currency, **tenant_fields)
    tenant = on.tenant
    tenant.meter("calls")
    for plan in plans:
        tenant.plan(**_described(plan, currency))
    for code, discount in COUPONS.items():
        off = {"percentOff": str(discount.percent)} if discount.percent else {"amountOff": discount.cents * 1000}
        body: Json = {"code": code, **off, "duration": "forever" if discount.periods is None else "repeating"}
        body |= {"durationPeriods": discount.periods} if discount.periods is not None else {}
        body |= {"currency": currency} if discount.cents else {}
        ok(tenant.post("/v1/coupons", body), 201)
    on.customer = tenant.customer(testClockId=on.clock, currency=currency, **customer_fields)
    made = tenant.subscribe(planId="small", quantities={"seats": 10}, customerId=on.customer)
    assert made["state"] == "active", made
    account = Account(rate, rounding == "document")
    walk = Billing(
        on,
        f"/v1/subscriptions/{made['id']}",
        made["paymentMethodId"],
        account,
        Subscription(account, plans[0], 10, on.now),
        plans,
    )
    walk.compare()
    return walk


def _described(plan: Plan, currency: str) -> dict[str, Any]:
    tiers = [{"upTo": upto, "unitAmount": int(price * 1000)} for upto, price in plan.tiers]
    components: list[Json] = [
        {"key": "base", "type": "flat", "unitAmount": plan.base * 1000},
        {"key": "seats", "type": "licensed", "unitAmount": plan.seat * 1000},
        {"key": "calls", "type": "metered", "meter": "calls", "model": "graduated", "tiers": tiers},
    ]
    pause = {"pauseBilling": "keep"} if plan.keeps else {}
    return {"id": plan.id, "name": plan.id, "currency": currency, "components": components, **pause}
