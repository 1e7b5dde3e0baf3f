"""Saved payment methods: have one that a customer may be charged by, attached at Stripe where it is not yet."""

from dataclasses import replace

from billing.domain.customer import Customer, PaymentMethod
from billing.domain.errors import PaymentMethodInvalid
from billing.services.keys import fact_key, outside_key
from billing.services.ports import CardProcessor, Work


def usable(
    work: Work, processor: CardProcessor, customer: Customer, method_id: str, known: PaymentMethod | None
) -> tuple[Customer, PaymentMethod]:
    """The method, and the customer with what changed on it, both staged.

    The first method of a customer becomes its default; a later one does not, unless somebody asks for that.

    Args:
        known: the method as it is stored, where it is.

    Raises:
        PaymentMethodInvalid: it is another customer's, or cannot be attached.
    """
    if known is not None and known.customer_id != customer.id:
        raise PaymentMethodInvalid(f"The payment method {method_id} is another customer's")
    before = customer
    if known is None:
        customer, known = _attached(work, processor, customer, method_id)
    if customer.default_payment_method_id is None:
        customer = replace(customer, default_payment_method_id=known.id)
    if customer != before:
        customer = work.save(customer)
        work.emit("customer.updated", customer)
    return customer, known


def _attached(
    work: Work, processor: CardProcessor, customer: Customer, method_id: str
) -> tuple[Customer, PaymentMethod]:
    # One Stripe customer for one of ours, whoever asks first: two requests at once must not make two.
    stripe_id = processor.ensure_customer(customer, fact_key(customer.tenant_id, "customer", customer.id))
    key = outside_key(work, customer.tenant_id, "attach", method_id, "to", stripe_id)
    attached = processor.attach(method_id, stripe_id, key)
    method = PaymentMethod(
        id=attached.id,
        tenant_id=customer.tenant_id,
        customer_id=customer.id,
        type=attached.type,
        card=attached.card,
        created_at=work.now,
    )
    return replace(customer, stripe_customer_id=stripe_id), work.save(method)
