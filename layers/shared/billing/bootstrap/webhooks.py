"""The edges of incoming webhooks."""

import time
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process, storage, tax
from billing.domain.customers.customer import Customer
from billing.schemas import events

if TYPE_CHECKING:
    from billing.edge.incoming.stripe import StripeWebhook
    from billing.edge.incoming.tax import TaxWebhook
    from billing.edge.incoming.webhook import WebhookRuntime


def stripe_webhook() -> "StripeWebhook":
    """The edge of Stripe's webhooks."""
    from billing.edge.incoming.stripe import StripeWebhook
    from billing.integrations.stripe.events import StripeEvents
    from billing.integrations.stripe.webhook import SignatureCheck
    from billing.services.payments.processor_events import ProcessorEvents

    events.prepare(Customer)
    check = SignatureCheck(payments.stripe_secrets(), process.settings().stripe_webhook_tolerance_s)
    services = ProcessorEvents(payments.collector(), payments.one_time_payments(), payments.refunder())
    return StripeWebhook(check.event, StripeEvents(payments.stripe_gateway()), services, _webhook_runtime())


def tax_webhook() -> "TaxWebhook":
    """The edge of the tax provider's webhook."""
    from billing.edge.incoming.tax import TaxWebhook
    from billing.integrations.tax.builtin import builtin_table
    from billing.integrations.tax.webhook import TaxSignatureCheck
    from billing.services.tax.rate_updates import TaxEvents

    check = TaxSignatureCheck(
        tax.tax_secrets(), process.settings().tax_webhook_tolerance_s, lambda: process.now().timestamp()
    )
    return TaxWebhook(check.event, TaxEvents(builtin_table), _webhook_runtime())


def _webhook_runtime() -> "WebhookRuntime":
    from billing.edge.incoming.webhook import WebhookRuntime

    return WebhookRuntime(
        units=storage.units(),
        logger=process.logger(),
        clock=process.now,
        new_request_id=process.new_request_id,
        jitter=process.JITTER.random,
        pause=time.sleep,
        stack=process.settings().stack,
        deadline=process.deadline(),
    )
