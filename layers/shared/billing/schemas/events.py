"""An entity as the API shows it: the object in an event that subscribers see is the resource itself.

A shape is imported when its kind is first wanted, because pydantic takes milliseconds for each, and no function emits
events of every kind. What a function does emit it asks for at its own import (``prepare``): that is paid in the
snapshot or the cold start's full CPU, not in the first request.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from billing.domain.catalog.coupon import Redemption
from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace.account import ProviderBalance
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.provider import ProviderAccount
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.reconciliation import Reconciliation
from billing.domain.reports.run import ReportRun
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.rejection import UsageRejection
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.domain.webhooks.redelivery import Redelivery

_Shape = Callable[[Any], BaseModel]


def _customer() -> _Shape:
    from billing.schemas.customers import CustomerOut

    return CustomerOut.of


def _subscription() -> _Shape:
    from billing.schemas.subscriptions import SubscriptionOut

    return SubscriptionOut.of


def _invoice() -> _Shape:
    from billing.schemas.invoicing.invoices import InvoiceOut

    return InvoiceOut.of


def _payment() -> _Shape:
    from billing.schemas.payments.payment import PaymentOut

    return PaymentOut.of


def _payment_method() -> _Shape:
    from billing.schemas.payments.method import PaymentMethodOut

    return PaymentMethodOut.of


def _refund() -> _Shape:
    from billing.schemas.payments.refund import RefundOut

    return RefundOut.of


def _dispute() -> _Shape:
    from billing.schemas.payments.dispute import DisputeOut

    return DisputeOut.of


def _credit_note() -> _Shape:
    from billing.schemas.invoicing.credit_notes import CreditNoteOut

    return CreditNoteOut.of


def _clock() -> _Shape:
    from billing.schemas.clocks import TestClockOut

    return TestClockOut.of


def _redemption() -> _Shape:
    from billing.schemas.catalog.coupons import RedemptionOut

    return RedemptionOut.of


def _rejection() -> _Shape:
    from billing.schemas.usage.rejections import UsageRejectionOut

    return UsageRejectionOut.of


def _order() -> _Shape:
    from billing.schemas.marketplace.orders import OrderOut

    return OrderOut.of


def _provider_account() -> _Shape:
    from billing.schemas.marketplace.provider_accounts import ProviderAccountOut

    return ProviderAccountOut.of


def _payout() -> _Shape:
    from billing.schemas.marketplace.payouts import PayoutOut

    return PayoutOut.of


def _earning() -> _Shape:
    from billing.schemas.marketplace.payouts import EarningOut

    return EarningOut.of


def _provider_balance() -> _Shape:
    from billing.schemas.marketplace.payouts import ProviderBalanceOut

    return ProviderBalanceOut.of


def _reconciliation() -> _Shape:
    from billing.schemas.reports.reconciliation import ReconciliationOut

    return ReconciliationOut.of


def _redelivery() -> _Shape:
    from billing.schemas.webhooks.deliveries import RedeliveryOut

    return RedeliveryOut.of


def _webhook_endpoint() -> _Shape:
    from billing.schemas.webhooks.endpoints import WebhookEndpointOut

    return WebhookEndpointOut.told


def _report_run() -> _Shape:
    from billing.schemas.reports.runs import ReportRunOut

    return ReportRunOut.of


_SHAPES: dict[type, Callable[[], _Shape]] = {
    Customer: _customer,
    Subscription: _subscription,
    Invoice: _invoice,
    Payment: _payment,
    PaymentMethod: _payment_method,
    Refund: _refund,
    Dispute: _dispute,
    CreditNote: _credit_note,
    Clock: _clock,
    Redemption: _redemption,
    UsageRejection: _rejection,
    Order: _order,
    Payout: _payout,
    Earning: _earning,
    ProviderBalance: _provider_balance,
    ProviderAccount: _provider_account,
    Reconciliation: _reconciliation,
    Redelivery: _redelivery,
    WebhookEndpoint: _webhook_endpoint,
    ReportRun: _report_run,
}


_ABOUT: dict[str, type] = {
    "customer": Customer,
    "subscription": Subscription,
    "invoice": Invoice,
    "payment": Payment,
    "payment_method": PaymentMethod,
    "refund": Refund,
    "dispute": Dispute,
    "credit_note": CreditNote,
    "order": Order,
    "earning": Earning,
    "payout": Payout,
    "provider_account": ProviderAccount,
    "coupon": Redemption,
    "usage": UsageRejection,
    "reconciliation": Reconciliation,
    "test_clock": Clock,
    "webhook_endpoint": WebhookEndpoint,
    "webhook_redelivery": Redelivery,
    "report_run": ReportRun,
}
"""What the types of events are about, by what they begin with."""
_ABOUT_ELSE: dict[EventType, type] = {EventType.PROVIDER_ACCOUNT_PARKED: ProviderBalance}

_ready: dict[type, _Shape] = {}


def _shape(kind: type) -> _Shape:
    shape = _ready.get(kind)
    if shape is None:
        shape = _ready[kind] = _SHAPES[kind]()
    return shape


def prepare(*kinds: type) -> None:
    """Import the shapes of these kinds of entity now.

    Raises:
        KeyError: there are no events about such a kind.
    """
    for kind in kinds:
        _shape(kind)


def kind_of(event_type: EventType) -> type:
    """Of which kind the object of an event is.

    Raises:
        KeyError: nobody has said so yet.
    """
    return _ABOUT_ELSE.get(event_type) or _ABOUT[event_type.partition(".")[0]]


def model_of(event_type: EventType) -> type[BaseModel]:
    """The shape of the object of an event: the very one that ``present`` gives it."""
    model: type[BaseModel] = _shape(kind_of(event_type)).__self__  # type: ignore[attr-defined]
    return model


def present(entity: Any) -> dict[str, Any]:
    """The JSON object of an entity, with its ``version``."""
    return _shape(type(entity))(entity).model_dump(mode="json", by_alias=True)
