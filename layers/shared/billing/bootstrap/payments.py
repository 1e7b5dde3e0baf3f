"""Which adapters stand behind payments: Stripe, its credentials and the circuit breaker before it."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.subscriptions.subscription import Subscription
from billing.schemas import events

if TYPE_CHECKING:
    from billing.integrations.stripe.circuit_breaker import CircuitBreaker
    from billing.integrations.stripe.gateway import StripeGateway
    from billing.integrations.stripe.secrets import SecretReader
    from billing.services.marketplace.order_books import MarketplaceBooks
    from billing.services.payments.collection import Collector
    from billing.services.payments.methods import PaymentMethods
    from billing.services.payments.one_time import OneTimePayments
    from billing.services.payments.order_payments import OrderPayments
    from billing.services.payments.refunds import Refunder


@cache
def stripe_secrets() -> "SecretReader":
    """Stripe's credentials."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.stripe.secrets import SecretReader

    s = process.settings()
    return SecretReader(made_client("secretsmanager"), s.stripe_secret_id, s.secret_cache_s)


@cache
def stripe_circuit() -> "CircuitBreaker":
    """The circuit breaker that stops calls while Stripe does not answer."""
    from billing.integrations.stripe.circuit_breaker import CircuitBreaker

    def tell(is_open: bool) -> None:
        values = {"stripe_failures": (1.0, "Count"), "stripe_circuits_opened": (float(is_open), "Count")}
        process.logger().warning("stripe did not answer", extra=process.counted()(values))

    return CircuitBreaker(process.monotonic_s, tell=tell)


@cache
def stripe_gateway() -> "StripeGateway":
    """Stripe: the card processor."""
    from billing.integrations.stripe.gateway import StripeGateway

    s = process.settings()
    return StripeGateway(
        stripe_secrets(), s.stripe_api_base, s.stripe_timeout_s, time.sleep, stripe_circuit(), process.deadline().left_s
    )


@cache
def collector() -> "Collector":
    """What charges invoices."""
    from billing.services.payments.collection import Collector

    events.prepare(Payment, Subscription)
    return Collector(stripe_gateway(), process.due_shards(), process.settings().payment_check_after_s)


@cache
def saved_methods() -> "PaymentMethods":
    """The service that saves and removes payment methods."""
    from billing.services.payments.methods import PaymentMethods

    return PaymentMethods(stripe_gateway(), process.due_shards())


@cache
def one_time_payments() -> "OneTimePayments":
    """The service that takes payments for no invoice."""
    from billing.services.payments.one_time import OneTimePayments

    return OneTimePayments(collector(), stripe_gateway(), marketplace_books())


@cache
def order_payments() -> "OrderPayments":
    """The service that pays orders."""
    from billing.services.payments.order_payments import OrderPayments

    return OrderPayments(collector(), stripe_gateway(), one_time_payments(), marketplace_books())


@cache
def marketplace_books() -> "MarketplaceBooks":
    """What becomes of orders when their payments' money moves."""
    from billing.services.marketplace.order_books import MarketplaceBooks

    return MarketplaceBooks(process.due_shards())


@cache
def refunder() -> "Refunder":
    """The service that sends refunds."""
    from billing.services.invoicing.credit_notes import note_refund, refund_failed
    from billing.services.payments.refunds import Refunder

    events.prepare(Refund, Dispute)  # a refund may end a dispute
    check_after_s = process.settings().payment_check_after_s
    shards, books = process.due_shards(), marketplace_books()
    return Refunder(stripe_gateway(), shards, check_after_s, refund_failed, note_refund, books)
