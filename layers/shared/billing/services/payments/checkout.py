"""An invoice's attempt on a page of Stripe's: a form that is not ours, under the same rules as any other form."""

from dataclasses import replace
from hashlib import sha256

from billing.domain.customers.customer import Customer
from billing.domain.kernel.due import Due
from billing.domain.payments.payment import PAYER_HAS, Payment, PaymentStatus
from billing.services.kernel.work import Work
from billing.services.payments.attempt import PayableInvoice
from billing.services.payments.collection import Collector
from billing.services.payments.processor import Checkout, CheckoutRequest, Page, References


def open_page(
    work: Work, collector: Collector, due: PayableInvoice, customer: Customer, page: Page
) -> tuple[Payment, Checkout]:
    """The invoice's next attempt as a page of Stripe's that its payer goes to; ``Collector.await_payer`` stages it.

    It moves no money, so it is made before the commit. What a crash, or a twin who commits first, leaves behind at
    Stripe has an address that nobody was ever given, and ends by itself after a day.

    Args:
        customer: with its Stripe id.
    """
    payment = collector.new_attempt(work, due.invoice, customer, None, due.at, off_session=False)
    # Another amount, another customer of Stripe's, and another way back are other requests, and need other keys.
    asked = f"{payment.amount}:{payment.stripe_customer_id}:{page.done_url}:{page.back_url}:{page.locale}"
    key = f"{payment.idempotency_key}:checkout:{sha256(asked.encode()).hexdigest()[:32]}"
    request = CheckoutRequest(
        amount=payment.amount,
        processor_customer_id=payment.stripe_customer_id,
        references=References.of(payment),
        description=due.invoice.number or due.invoice.id,
        page=page,
        key=key,
    )
    opened = collector.processor.open_checkout(request)
    waiting = replace(
        payment,
        status=PaymentStatus.REQUIRES_PAYMENT_METHOD,
        checkout_session_id=opened.id,
        due=Due(collector.shards.wall_clock(payment.id), work.now + PAYER_HAS),
    )
    return waiting, opened


def is_on_page(payment: Payment | None) -> bool:
    """Whether somebody may still pay it on a page of Stripe's."""
    return payment is not None and payment.checkout_session_id is not None and payment.in_the_payers_hands
