"""What can be due: the entity of each kind, and the event that says that one is parked."""

from typing import Any

from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.payout import Payout
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.reconciliation import Reconciliation
from billing.domain.reports.run import ReportRun
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.webhooks.redelivery import Redelivery

DUE_KINDS: dict[str, tuple[type[Any], EventType]] = {
    "payment": (Payment, EventType.PAYMENT_PARKED),
    "refund": (Refund, EventType.REFUND_PARKED),
    "invoice": (Invoice, EventType.INVOICE_PARKED),
    "subscription": (Subscription, EventType.SUBSCRIPTION_PARKED),
    "order": (Order, EventType.ORDER_PARKED),
    "earning": (Earning, EventType.EARNING_PARKED),
    "payout": (Payout, EventType.PAYOUT_PARKED),
    "provider_balance": (ProviderBalance, EventType.PROVIDER_ACCOUNT_PARKED),
    "reconciliation": (Reconciliation, EventType.RECONCILIATION_PARKED),
    "test_clock": (Clock, EventType.TEST_CLOCK_PARKED),
    "customer": (Customer, EventType.CUSTOMER_PARKED),
    "payment_method": (PaymentMethod, EventType.PAYMENT_METHOD_PARKED),
    "redelivery": (Redelivery, EventType.WEBHOOK_REDELIVERY_PARKED),
    "report_run": (ReportRun, EventType.REPORT_RUN_FAILED),
}
"""By the kind of a due item."""
