"""An entity as the API shows it: the object in an event that subscribers see is the resource itself."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from billing.domain.catalog.coupon import Redemption
from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.rejection import UsageRejection
from billing.schemas.catalog.coupons import RedemptionOut
from billing.schemas.clocks import TestClockOut
from billing.schemas.customers import CustomerOut
from billing.schemas.invoicing.credit_notes import CreditNoteOut
from billing.schemas.invoicing.invoices import InvoiceOut
from billing.schemas.payments.dispute import DisputeOut
from billing.schemas.payments.payment import PaymentOut
from billing.schemas.payments.refund import RefundOut
from billing.schemas.subscriptions import SubscriptionOut
from billing.schemas.usage.rejections import UsageRejectionOut

_SHAPES: dict[type, Callable[[Any], BaseModel]] = {
    Customer: CustomerOut.of,
    Subscription: SubscriptionOut.of,
    Invoice: InvoiceOut.of,
    Payment: PaymentOut.of,
    Refund: RefundOut.of,
    Dispute: DisputeOut.of,
    CreditNote: CreditNoteOut.of,
    Clock: TestClockOut.of,
    Redemption: RedemptionOut.of,
    UsageRejection: UsageRejectionOut.of,
}


def present(entity: Any) -> dict[str, Any]:
    """The JSON object of an entity, with its ``version``."""
    return _SHAPES[type(entity)](entity).model_dump(mode="json", by_alias=True)
