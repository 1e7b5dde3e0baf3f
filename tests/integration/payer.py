"""A payer at the form, and the shortest words for what tests of payments ask."""

import json
from typing import Any

from billing.domain.kernel.due import wall_clock_shard
from tests.integration.world import Answer, Json, Tenant, World

PRICE: Json = {"amount": 4_999_000, "currency": "USD"}
"""$49.99."""
THREE_DS = "pm_card_threeDSecure2Required"


def intent(tenant: Tenant, /, **body: Any) -> Json:
    """A new intent: of $49.99, unless something else is said."""
    answer = ask_intent(tenant, **body)
    assert answer.status == 201, answer.json
    return dict(answer.data)


def ask_intent(tenant: Tenant, /, idempotency_key: str | None = None, **body: Any) -> Answer:
    wanted = body if "invoiceId" in body else PRICE | body
    return tenant.post("/v1/payments/intents", wanted, idempotency_key=idempotency_key)


def sale(tenant: Tenant, method: str | None = "pm_card_visa", /, **body: Any) -> Json:
    """A payment of $49.99 for no invoice, by a saved method."""
    answer = ask_sale(tenant, method, **body)
    assert answer.status == 201, answer.json
    return dict(answer.data)


def ask_sale(
    tenant: Tenant, method: str | None = "pm_card_visa", /, idempotency_key: str | None = None, **body: Any
) -> Answer:
    named = {"paymentMethodId": method} if method else {}
    return tenant.post("/v1/payments", PRICE | named | body, idempotency_key=idempotency_key)


def open_invoice(tenant: Tenant, minor: int = 4_999, **fields: Any) -> Json:
    """A finalized invoice that waits to be paid; its customer is the tenant's own unless one is named."""
    lines = [{"description": "Work", "amount": minor * 1000}]
    answer = tenant.post("/v1/invoices", {"lines": lines, "autoFinalize": True, **fields})
    assert (answer.status, answer.data["status"]) == (201, "open"), answer.json
    return dict(answer.data)


def saved_method(tenant: Tenant, card: str = "pm_card_visa", **customer: Any) -> str:
    """A method of a customer, saved by a payment of $49.99."""
    return str(sale(tenant, card, **customer)["paymentMethodId"])


def payment_of(tenant: Tenant, made: Json) -> Json:
    """A payment as it is now: of an intent, or of itself."""
    found: Json = tenant.get(f"/v1/payments/{made.get('paymentId') or made['id']}").data
    return found


def intent_at_stripe(world: World, made: Json) -> Json:
    """A payment's or an intent's PaymentIntent."""
    found: Json = json.loads(str(world.stripe.v1.payment_intents.retrieve(made["paymentIntentId"])))
    return found


def pay(world: World, made: Json, card: str = "pm_card_visa") -> int:
    """The payer of a form pays; 200, or 402 for a card that is declined."""
    return world.acts(f"payment_intents/{made['paymentIntentId']}/pay", payment_method=card)


def outcomes(answers: list[Json]) -> list[tuple[int, str]]:
    """What deliveries were answered."""
    return [(each["statusCode"], json.loads(each["body"])["outcome"]) for each in answers]


def sweep(world: World, made: Json) -> None:
    """The worker looks at the shard of a payment, or of the payment of an intent."""
    shard = wall_clock_shard(made.get("paymentId") or made["id"], 16)
    assert world.work(shard) == {"batchItemFailures": []}


def declined_renewal(world: World, tenant: Tenant, customer: str) -> tuple[Json, Json]:
    """The invoice after a trial of a day, which the customer's card did not pay, and the payment that was declined."""
    failing = tenant.subscribe(customerId=customer, trialDays=1)
    behaviour = f"payment_methods/{failing['paymentMethodId']}/behaviour"
    world.sandbox.post(behaviour, decline="insufficient_funds")
    world.clock.advance(hours=25)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    world.sandbox.post(behaviour, decline=None)
    return tenant.only_invoice(subscription=failing["id"]), tenant.only_payment(customer=customer)


def tried_again_at_stripe(world: World, tenant: Tenant, declined: Json) -> None:
    """Somebody tries a declined payment again in Stripe's dashboard, and it goes through."""
    method = {"payment_method": declined["paymentMethodId"]}
    world.stripe.v1.payment_intents.confirm(declined["paymentIntentId"], method)
    world.deliver_all(tenant)
