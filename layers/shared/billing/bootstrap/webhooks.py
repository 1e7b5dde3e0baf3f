"""The edges of incoming webhooks."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import connect, payments, process, storage, tax
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.provider import ProviderAccount
from billing.schemas import events

if TYPE_CHECKING:
    from billing.edge.incoming.stripe import StripeWebhook
    from billing.edge.incoming.tax import TaxWebhook
    from billing.edge.incoming.webhook import WebhookRuntime
    from billing.services.marketplace.connect_news import ConnectEvents


def stripe_webhook() -> "StripeWebhook":
    """The edge of Stripe's webhooks about the platform's own account."""
    from billing.edge.incoming.stripe import StripeWebhook, Subject
    from billing.integrations.stripe.connect_events import TransferEvents
    from billing.integrations.stripe.events import StripeEvents
    from billing.integrations.stripe.webhook import SignatureCheck
    from billing.services.payments.processor_events import ProcessorEvents

    events.prepare(Customer, Invoice, CreditNote, Order)
    check = SignatureCheck(payments.stripe_secrets(), process.settings().stripe_webhook_tolerance_s)
    services = ProcessorEvents(payments.collector(), payments.one_time_payments(), payments.refunder())
    transfers = TransferEvents(connect.connect_gateway(), connect.account_owners().of)
    subjects = (
        Subject(StripeEvents(payments.stripe_gateway()), services.apply),
        Subject(transfers, _connect_events().apply),
    )
    return StripeWebhook(check.event, subjects, _webhook_runtime())


def connect_webhook() -> "StripeWebhook":
    """The edge of Stripe's webhooks about accounts that are connected to the platform."""
    from billing.edge.incoming.stripe import CONNECT_PATH, StripeWebhook, Subject
    from billing.integrations.stripe.connect_events import ConnectedAccountEvents
    from billing.integrations.stripe.webhook import SignatureCheck

    tolerance_s = process.settings().stripe_webhook_tolerance_s
    check = SignatureCheck(payments.stripe_secrets(), tolerance_s, lambda secrets: secrets.connect_webhook_secrets)
    reader = ConnectedAccountEvents(connect.connect_gateway(), connect.account_owners().of, process.now)
    return StripeWebhook(check.event, (Subject(reader, _connect_events().apply),), _webhook_runtime(), CONNECT_PATH)


@cache
def _connect_events() -> "ConnectEvents":
    from billing.services.marketplace.connect_news import ConnectEvents

    events.prepare(ProviderAccount)
    return ConnectEvents(connect.payout_news())


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
