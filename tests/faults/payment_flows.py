"""The flows of payments, ready to be cut: charges, forms, 3-D Secure, refunds, saved methods, disputes, and webhooks.

What happens at Stripe beside the product (the payer pays, the bank decides) is a step of the flow, and no call of its.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.faults.crashes import Flow, Scene, recovery
from tests.faults.processes import Json
from tests.faults.world import Tenant, World, delete, post, step

_SWEEP = [step("sweep"), step("drain")]
_CHARGE = "POST /v1/payments"
_INTENT = "POST /v1/payments/intents"
_REFUND = "POST /v1/payments/{payment_id}/refund"
_PAID = ("payment_intent.succeeded",)
DOLLARS_20: Json = {"amount": 2_000_000, "currency": "USD"}


def charge(tenant: Tenant, idem: str = "charge", **body: Any) -> Json:
    """POST /payments, as a step."""
    return post("payments", "/v1/payments", tenant.key, idem, body)


def intent(tenant: Tenant, idem: str = "intent", **body: Any) -> Json:
    """POST /payments/intents, as a step."""
    return post("payments", "/v1/payments/intents", tenant.key, idem, body)


def refund(tenant: Tenant, payment_id: str, idem: str = "refund", **body: Any) -> Json:
    """POST /payments/{id}/refund, as a step."""
    return post("payments", f"/v1/payments/{payment_id}/refund", tenant.key, idem, body)


def one_time(tenant: Tenant, **more: Any) -> Json:
    """$20.00 of the tenant's first customer."""
    return {"customerId": tenant.customer_ids[0], **DOLLARS_20} | more


def done(world: World, at: datetime, *steps: Json) -> Json:
    """Steps that all go well; the data of the last answer."""
    answers = world.run(at, *steps).all()
    bad = [answer for answer in answers if isinstance(answer, dict) and answer.get("status", 200) >= 300]
    assert not bad, bad
    data: Json = answers[-1]["body"]["data"]
    return data


def order_paid(world: World, at: datetime, card: str = "pm_card_visa") -> tuple[Tenant, Json]:
    """An order's payment of $20.00, by a card of a payer who is present."""
    tenant = world.new_tenant(at, plans=())
    made = done(world, at, intent(tenant, "order", **one_time(tenant, orderId="ord_1", paymentMethodId=card)))
    assert made["status"] == "succeeded", made
    return tenant, made


def invoice_paid(world: World, at: datetime, card: str = "pm_card_visa") -> tuple[Tenant, Json]:
    """A subscription's first invoice of $64.99, paid in the request; its payment."""
    tenant = world.new_tenant(at)
    invoice_id = done(world, at, tenant.subscribe(paymentMethodId=None))["latestInvoiceId"]
    return tenant, done(world, at, charge(tenant, "first", invoiceId=invoice_id, paymentMethodId=card))


def _unpaid(world: World, at: datetime) -> tuple[Tenant, str]:
    """A subscription's first invoice of $64.99, open."""
    tenant = world.new_tenant(at)
    return tenant, done(world, at, tenant.subscribe(paymentMethodId=None))["latestInvoiceId"]


def _again(tenant: Tenant, *retry: Json) -> list[Json]:
    """After a crash Stripe tells what it has done so far; then the client asks again, and the sweep comes round."""
    return [tenant.deliver(), *recovery(*retry)]


# --- charges, and forms -------------------------------------------------------------------------------------------


def _charge_invoice(world: World, at: datetime) -> Scene:
    tenant, invoice_id = _unpaid(world, at)
    request = charge(tenant, invoiceId=invoice_id, paymentMethodId="pm_card_visa")
    want = {"invoices": [("000001", "paid", 1)], "subscriptions": [("active", 0, 0)], "cents": 6499}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def _charge_amount(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, plans=())
    request = charge(tenant, **one_time(tenant, paymentMethodId="pm_card_visa"))
    want = {"one-time payments": ["succeeded"], "methods": ["kept"], "cents": 2000}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def _declined(world: World, at: datetime) -> Scene:
    """A decline is an answer like any other: stored, replayed, and not tried again."""
    tenant = world.new_tenant(at, plans=())
    first = charge(tenant, "saves", **one_time(tenant, paymentMethodId="pm_card_visa"))
    world.run(at, first).all()
    (method,) = tenant.at_stripe(methods=True).methods or []
    world.control(f"payment_methods/{method['id']}/behaviour", decline="insufficient_funds")
    request = charge(tenant, **one_time(tenant))
    want = {"one-time payments": ["failed", "succeeded"], "charges at Stripe": 2, "cents": 2000}
    return Scene(at, [request], _again(tenant, request), tenant, want, status=402)


def _declined_when_attached(world: World, at: datetime) -> Scene:
    """A new card that its bank declines before anything is charged: a payment that failed, and one commit."""
    tenant = world.new_tenant(at, plans=())
    card = "pm_card_chargeDeclinedInsufficientFunds"
    request = charge(tenant, **one_time(tenant, paymentMethodId=card))
    want = {"one-time payments": ["failed"], "charges at Stripe": 0, "cents": 0}
    return Scene(at, [request], _again(tenant, request), tenant, want, status=402)


def _sent_again(world: World, at: datetime) -> Scene:
    """Stripe had turned the charge away, so it was not pending; the same key charges it, once."""
    tenant = world.new_tenant(at, plans=())
    done(world, at, charge(tenant, "saves", **one_time(tenant, paymentMethodId="pm_card_visa")))
    request = charge(tenant, **one_time(tenant))
    world.control("faults", kind="status", status=429, method="POST", path="payment_intents$", times=50)
    refused = world.run(at, request).last()
    world.clear_faults()
    assert refused["status"] == 503, refused
    want = {"one-time payments": ["succeeded", "succeeded"], "charges at Stripe": 2, "cents": 4000}
    return Scene(at + timedelta(seconds=15), [request], _again(tenant, request), tenant, want)


def _invoice_form(world: World, at: datetime) -> Scene:
    tenant, invoice_id = _unpaid(world, at)
    steps = [intent(tenant, invoiceId=invoice_id), _pays("pm_card_visa"), tenant.deliver(*_PAID)]
    want = {"invoices": [("000001", "paid", 1)], "subscriptions": [("active", 0, 0)], "cents": 6499}
    return Scene(at, steps, _again(tenant, *steps), tenant, want)


def _order_form(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, plans=())
    request = intent(tenant, **one_time(tenant, orderId="ord_1", savePaymentMethod=True))
    steps = [request, _pays("pm_card_mastercard"), tenant.deliver(*_PAID, "payment_method.attached")]
    want = {"one-time payments": ["succeeded"], "methods": ["kept"], "cents": 2000}
    return Scene(at, steps, _again(tenant, *steps), tenant, want)


def _authenticated(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, plans=())
    request = intent(tenant, **one_time(tenant, paymentMethodId="pm_card_threeDSecure2Required"))
    authenticates = step("payer", act="authenticate", body={"succeed": True})
    steps = [request, authenticates, tenant.deliver("payment_intent.requires_action", *_PAID)]
    want = {"one-time payments": ["succeeded"], "methods": ["kept"], "cents": 2000}
    return Scene(at, steps, _again(tenant, *steps), tenant, want)


def _pays(card: str) -> Json:
    return step("payer", act="pay", body={"payment_method": card})


def _charge_unheard(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, plans=())
    _unheard(world, at, "payment_intents$", charge(tenant, **one_time(tenant, paymentMethodId="pm_card_visa")))
    want = {"one-time payments": ["succeeded"], "cents": 2000, "charges at Stripe": 1}
    return Scene(at + timedelta(seconds=90), _SWEEP, _again(tenant), tenant, want)


def _unheard(world: World, at: datetime, path: str, request: Json) -> None:
    """A request whose answer from Stripe never came, and which Stripe carried out."""
    world.control("faults", kind="drop_after", method="POST", path=path, times=50)
    world.run(at, request).all()
    world.clear_faults()


def _day_over(world: World, at: datetime) -> Scene:
    """A form that nobody completed within its day is taken back."""
    tenant = world.new_tenant(at, plans=())
    done(world, at, intent(tenant, **one_time(tenant, orderId="ord_1")))
    want = {"one-time payments": ["canceled"], "intents": ["canceled"], "cents": 0}
    return Scene(at + timedelta(hours=24, minutes=1), _SWEEP, _again(tenant), tenant, want)


# --- refunds ------------------------------------------------------------------------------------------------------


def _refund_order(world: World, at: datetime) -> Scene:
    tenant, made = order_paid(world, at)
    request = refund(tenant, made["paymentId"], amount=500_000)
    want = {"refunds": [("succeeded", 500)], "cents sent back": 500, "credit notes": []}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def _refund_invoice(world: World, at: datetime) -> Scene:
    tenant, made = invoice_paid(world, at)
    request = refund(tenant, made["id"], amount=3_000_000, reason="goodwill")
    notes = [("CN-000001", 0, 0, 3_000_000)]
    want = {"refunds": [("succeeded", 3000)], "cents sent back": 3000, "credit notes": notes}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def overpaid(world: World, at: datetime) -> tuple[Tenant, str]:
    """An invoice's first attempt was declined, the second paid it; then the first one's intent was paid, too.

    $64.99 are too much, and in the balance. Returns the payment that brought them.
    """
    tenant, invoice_id = _unpaid(world, at)
    first = charge(tenant, "first", invoiceId=invoice_id, paymentMethodId="pm_card_chargeCustomerFail")
    refused = world.run(at, first).last()
    assert refused["status"] == 502, refused
    details = {each["field"]: each["reason"] for each in refused["body"]["error"]["details"]}
    done(world, at, charge(tenant, "second", invoiceId=invoice_id, paymentMethodId="pm_card_visa"))
    (declined,) = [each for each in tenant.at_stripe().intents if each["status"] != "succeeded"]
    world.control(f"payment_intents/{declined['id']}/pay", payment_method="pm_card_mastercard")
    world.run(at, tenant.deliver(*_PAID)).all()
    return tenant, details["paymentId"]


def _refund_balance(world: World, at: datetime) -> Scene:
    tenant, payment_id = overpaid(world, at)
    request = refund(tenant, payment_id, amount=2_000_000)
    want = {"refunds": [("succeeded", 2000)], "balances": [6499 - 2000], "credit notes": [], "cents": 2 * 6499}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def _refund_refused(world: World, at: datetime) -> Scene:
    """A colleague had refunded $10.00 in the dashboard: Stripe refuses the whole, and the rest goes to the balance."""
    tenant, made = invoice_paid(world, at)
    world.control(f"payment_intents/{made['paymentIntentId']}/refund", amount=1000)
    request = refund(tenant, made["id"], reason="goodwill")
    notes = [("CN-000001", 0, 5_499_000, 1_000_000)]
    want = {"refunds": [("failed", 6499), ("succeeded", 1000)], "balances": [5499], "credit notes": notes}
    # The dashboard's webhook comes last: once it is known, the same request is another one, for what is left.
    return Scene(at, [request], [*recovery(request), tenant.deliver()], tenant, want)


def _refund_unheard(world: World, at: datetime) -> Scene:
    tenant, made = invoice_paid(world, at)
    _unheard(world, at, "refunds$", refund(tenant, made["id"], amount=3_000_000))
    want = {"refunds": [("succeeded", 3000)], "cents sent back": 3000}
    return Scene(at + timedelta(seconds=90), _SWEEP, _again(tenant), tenant, want)


def _bank_refuses(world: World, at: datetime) -> Scene:
    """The bank sends an invoice's refund back: what the credit note promised goes to the balance."""
    tenant, made = invoice_paid(world, at, "pm_card_pendingRefund")
    done(world, at, refund(tenant, made["id"], amount=3_000_000))
    (theirs,) = tenant.at_stripe().refunds
    world.control(f"refunds/{theirs['id']}/finish", succeed=False)
    deliver = tenant.deliver("refund.updated", "refund.failed")
    want = {"refunds": [("failed", 3000)], "balances": [3000], "cents sent back": 0}
    return Scene(at + timedelta(seconds=5), [deliver], _again(tenant, deliver), tenant, want)


def _refund_at_stripe(world: World, at: datetime) -> Scene:
    """A colleague refunds in the dashboard: it is written down here."""
    tenant, made = order_paid(world, at)
    world.control(f"payment_intents/{made['paymentIntentId']}/refund", amount=700)
    deliver = tenant.deliver("refund.created")
    want = {"refunds": [("succeeded", 700)], "cents sent back": 700}
    return Scene(at + timedelta(seconds=5), [deliver], _again(tenant, deliver), tenant, want)


# --- disputes -----------------------------------------------------------------------------------------------------


def _disputed(world: World, at: datetime, tenant: Tenant, intent_id: str, outcome: str, want: Json) -> Scene:
    """The payer disputes a payment, and the bank decides: what is told in between, and after that."""
    dispute = world.control(f"charges/{intent_id}/dispute", reason="fraudulent")
    decides = step("bank", path=f"disputes/{dispute['id']}/close", body={"status": outcome})
    opened = tenant.deliver("charge.dispute.created", "charge.dispute.funds_withdrawn")
    closed = tenant.deliver("charge.dispute.funds_reinstated", "charge.dispute.closed")
    steps = [opened, decides, closed]
    return Scene(at + timedelta(seconds=5), steps, _again(tenant, *steps), tenant, want)


def _dispute_lost(world: World, at: datetime) -> Scene:
    tenant, made = invoice_paid(world, at)
    want = {"disputes": [("lost", 6499)], "invoices": [("000001", "paid", 1)]}
    return _disputed(world, at, tenant, made["paymentIntentId"], "lost", want)


def _dispute_won(world: World, at: datetime) -> Scene:
    tenant, made = order_paid(world, at)
    return _disputed(world, at, tenant, made["paymentIntentId"], "won", {"disputes": [("won", 2000)]})


# --- saved methods ------------------------------------------------------------------------------------------------


def _set_up(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, plans=())
    body = {"customerId": tenant.customer_ids[0]}
    request = post("payments", "/v1/payment-methods/setup", tenant.key, "setup", body)
    completes = step("payer", act="complete", body={"payment_method": "pm_card_visa"})
    steps = [request, completes, tenant.deliver("setup_intent.succeeded", "payment_method.attached")]
    return Scene(at, steps, _again(tenant, *steps), tenant, {"methods": ["kept"]})


def _two_methods(world: World, at: datetime) -> tuple[Tenant, str]:
    """A subscription is paid by the default method, and there is another one."""
    tenant = world.new_tenant(at)
    default = done(world, at, tenant.subscribe())["paymentMethodId"]
    done(world, at, charge(tenant, "other", **one_time(tenant, paymentMethodId="pm_card_mastercard")))
    return tenant, default


def _remove_default(world: World, at: datetime) -> Scene:
    tenant, default = _two_methods(world, at)
    request = delete("payments", f"/v1/payment-methods/{default}", tenant.key, "remove")
    want = {"methods": ["gone", "kept"], "subscriptions": [("active", 0, 0)]}
    return Scene(at, [request], _again(tenant, request), tenant, want)


def _removed_at_stripe(world: World, at: datetime) -> Scene:
    tenant, default = _two_methods(world, at)
    world.control(f"payment_methods/{default}/detach")
    deliver = tenant.deliver("payment_method.attached", "payment_method.detached")
    want = {"methods": ["gone", "kept"], "subscriptions": [("active", 0, 0)]}
    return Scene(at + timedelta(seconds=5), [deliver], _again(tenant, deliver), tenant, want)


FLOWS = (
    Flow("charge an invoice over POST /payments", _charge_invoice, route=_CHARGE),
    Flow("charge an amount", _charge_amount, route=_CHARGE),
    Flow("charge an amount, declined", _declined, route=_CHARGE),
    Flow("charge an amount to a new card that is declined", _declined_when_attached, route=_CHARGE),
    Flow("charge an amount that was turned away", _sent_again, route=_CHARGE),
    Flow("an invoice's intent, paid in a form", _invoice_form, route=_INTENT),
    Flow("an order's intent, paid in a form by a card that is saved", _order_form, route=_INTENT),
    Flow("an intent by a saved method, authenticated by its payer", _authenticated, route=_INTENT),
    Flow("settle a charged amount by the sweep", _charge_unheard, keyed=False),
    Flow("take back a form whose day is over", _day_over, keyed=False, route=_INTENT),
    Flow("refund a part of an order's payment", _refund_order, route=_REFUND),
    Flow("refund an invoice's payment by a credit note", _refund_invoice, route=_REFUND),
    Flow("refund what was paid too much, off the balance", _refund_balance, route=_REFUND),
    Flow("refund what was refunded in part at Stripe", _refund_refused, route=_REFUND),
    Flow("settle a refund by the sweep", _refund_unheard, keyed=False),
    Flow("apply the webhook of a refund that failed", _bank_refuses, keyed=False, route="stripe-event"),
    Flow("apply the webhook of a refund made at Stripe", _refund_at_stripe, keyed=False, route="stripe-event"),
    Flow("apply the webhooks of an invoice's dispute, lost", _dispute_lost, keyed=False, route="stripe-event"),
    Flow("apply the webhooks of an order's dispute, won", _dispute_won, keyed=False, route="stripe-event"),
    Flow("set up a payment method in a form", _set_up, route="POST /v1/payment-methods/setup"),
    Flow("remove the default payment method", _remove_default, route="DELETE /v1/payment-methods/{method_id}"),
    Flow("apply the webhooks of a method that comes and goes", _removed_at_stripe, keyed=False, route="stripe-event"),
)
