"""The flat form of what is exported: a row for each entity, every field that a spreadsheet can use.

What is a list in the API's form (invoice lines) has no column, but where it is a kind of its own; all of it is in the
form of JSON lines. What an import needs of customers, plans and subscriptions is in their rows: a list or an object as
JSON, in one cell. Amounts are decimals of the row's currency.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from billing.domain.catalog.coupon import Discount
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.invoice import Invoice
from billing.domain.reports.table import Cell, Column, Kind, Row
from billing.schemas.catalog.coupons import CouponDiscountOut
from billing.schemas.catalog.plans import ComponentOut
from billing.schemas.customers import shown_fields

_Get = Callable[[Any], Cell]


@dataclass(frozen=True, slots=True)
class Flat:
    """Columns, and what is in them."""

    fields: tuple[tuple[str, Kind, _Get], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns."""
        return tuple(Column(name, kind) for name, kind, _ in self.fields)

    def row(self, entity: Any) -> Row:
        """An entity's row."""
        return tuple(get(entity) for _, _, get in self.fields)


def _text(name: str, get: _Get) -> tuple[str, Kind, _Get]:
    return name, Kind.TEXT, get


def _amount(name: str, get: _Get) -> tuple[str, Kind, _Get]:
    return name, Kind.AMOUNT, get


def _time(name: str, get: _Get) -> tuple[str, Kind, _Get]:
    return name, Kind.TIME, get


def _metadata(entity: Any) -> str | None:
    """All of it in one cell, as JSON: whose keys are columns would have another table each time."""
    return json.dumps(entity.metadata, sort_keys=True, ensure_ascii=False) if entity.metadata else None


def _json(name: str, shown: Callable[[Any], Any]) -> tuple[str, Kind, _Get]:
    """A cell of what is a list or an object in the API's form, as that has it; empty where there is none."""
    return name, Kind.TEXT, lambda e: json.dumps(found, ensure_ascii=False) if (found := shown(e)) else None


def _shown(made: BaseModel) -> Any:
    return made.model_dump(mode="json", by_alias=True)


def _off(discount: Discount | None) -> Any:
    return _shown(CouponDiscountOut.of(discount)) if discount is not None else None


def _of_address(customer: Customer) -> tuple[str | None, ...]:
    address = customer.address
    if address is None:
        return (None,) * 6
    return address.line1, address.line2, address.city, address.postal_code, address.state, address.country


CUSTOMERS = Flat(
    (
        _text("id", lambda e: e.id),
        _text("externalId", lambda e: e.external_id),
        _text("name", lambda e: e.name),
        _text("email", lambda e: e.email),
        _text("currency", lambda e: e.currency),
        _text("timezone", lambda e: e.timezone),
        *(
            _text(name, lambda e, n=n: _of_address(e)[n])  # type: ignore[misc]
            for n, name in enumerate(("line1", "line2", "city", "postalCode", "state", "country"))
        ),
        _text("taxId", lambda e: e.tax_id),
        _text("taxExempt", lambda e: e.tax_exempt.value),
        _text("locale", lambda e: e.locale),
        ("netTermsDays", Kind.INTEGER, lambda e: e.net_terms_days),
        _text("poNumber", lambda e: e.po_number),
        _text("defaultPaymentMethodId", lambda e: e.default_payment_method_id),
        _text("stripeCustomerId", lambda e: e.stripe_customer_id),
        _text("testClockId", lambda e: e.test_clock_id),
        _text("metadata", _metadata),
        _json("customFields", lambda e: [_shown(each) for each in shown_fields(e.custom_fields)]),
        _time("createdAt", lambda e: e.created_at),
        _time("deletedAt", lambda e: e.deleted_at),
    )
)
PLANS = Flat(
    (
        _text("id", lambda e: e.id),
        ("version", Kind.INTEGER, lambda e: e.plan_version),
        _text("name", lambda e: e.name),
        _text("currency", lambda e: e.currency),
        _text("interval", lambda e: e.interval.value),
        ("intervalCount", Kind.INTEGER, lambda e: e.interval_count),
        ("trialDays", Kind.INTEGER, lambda e: e.trial_days),
        _text("taxBehavior", lambda e: e.tax_behavior.value),
        _text("prorationUnit", lambda e: e.proration_unit.value),
        _text("pauseBilling", lambda e: e.pause_billing.value),
        _json("components", lambda e: [_shown(ComponentOut.of(each)) for each in e.components]),
        _text("status", lambda e: "active" if e.active else "archived"),
        _time("createdAt", lambda e: e.created_at),
    )
)
SUBSCRIPTIONS = Flat(
    (
        _text("id", lambda e: e.id),
        _text("externalId", lambda e: e.external_id),
        _text("customerId", lambda e: e.customer_id),
        _text("planId", lambda e: e.plan_id),
        ("planVersion", Kind.INTEGER, lambda e: e.plan_version),
        _text("state", lambda e: e.state.value),
        _text("quantities", lambda e: json.dumps(e.quantities, sort_keys=True) if e.quantities else None),
        _time("currentPeriodStart", lambda e: e.current_period.start),
        _time("currentPeriodEnd", lambda e: e.current_period.end),
        _time("trialEnd", lambda e: e.trial_end),
        _text("cancelAtPeriodEnd", lambda e: "true" if e.cancel_at_period_end else "false"),
        _time("canceledAt", lambda e: e.canceled_at),
        _time("pausedAt", lambda e: e.paused_at),
        _text("pausedBy", lambda e: e.paused_by.value if e.paused_by else None),
        _time("resumesAt", lambda e: e.resumes_at),
        _time("billedUntil", lambda e: e.billed_until),
        _text("couponId", lambda e: e.discount.coupon_id if e.discount else None),
        _json("discount", lambda e: _off(e.discount)),
        _json("currentPeriodDiscount", lambda e: _off(e.period_discount)),
        ("pendingLineCount", Kind.INTEGER, lambda e: len(e.pending)),
        _json("unpaidInvoiceIds", lambda e: list(e.unpaid_invoice_ids)),
        _text("latestInvoiceId", lambda e: e.latest_invoice_id),
        _text("paymentMethodId", lambda e: e.payment_method_id),
        _text("testClockId", lambda e: e.test_clock_id),
        _text("metadata", _metadata),
        _time("createdAt", lambda e: e.created_at),
    )
)
INVOICES = Flat(
    (
        _text("id", lambda e: e.id),
        _text("number", lambda e: e.number),
        _text("status", lambda e: e.status.value),
        _text("reason", lambda e: e.reason.value),
        _text("customerId", lambda e: e.customer_id),
        _text("customerName", lambda e: e.buyer.name),
        _text("customerEmail", lambda e: e.buyer.email),
        _text("customerTaxId", lambda e: e.buyer.tax_id),
        _text("subscriptionId", lambda e: e.subscription_id),
        _text("currency", lambda e: e.currency),
        _amount("subtotal", lambda e: e.subtotal),
        _amount("discount", lambda e: e.discount),
        _amount("tax", lambda e: e.tax),
        _amount("total", lambda e: e.total),
        _amount("amountPaid", lambda e: e.amount_paid),
        _amount("amountDue", lambda e: e.amount_due),
        _amount("amountCredited", lambda e: e.amount_credited),
        _amount("amountRefunded", lambda e: e.amount_refunded),
        _amount("balanceApplied", lambda e: e.balance_applied),
        _time("periodStart", lambda e: e.period.start if e.period else None),
        _time("periodEnd", lambda e: e.period.end if e.period else None),
        _time("createdAt", lambda e: e.created_at),
        _time("finalizedAt", lambda e: e.finalized_at),
        _time("dueAt", lambda e: e.payable_by),
        _time("paidAt", lambda e: e.paid_at),
        _text("testClockId", lambda e: e.test_clock_id),
        _text("metadata", _metadata),
    )
)
CREDIT_NOTES = Flat(
    (
        _text("id", lambda e: e.id),
        _text("number", lambda e: e.number),
        _text("invoiceId", lambda e: e.invoice_id),
        _text("invoiceNumber", lambda e: e.invoice_number),
        _text("customerId", lambda e: e.customer_id),
        _text("customerName", lambda e: e.buyer.name),
        _text("subscriptionId", lambda e: e.subscription_id),
        _text("currency", lambda e: e.currency),
        _amount("net", lambda e: e.net),
        _amount("tax", lambda e: e.tax),
        _amount("total", lambda e: e.total),
        _amount("toInvoice", lambda e: e.to_invoice),
        _amount("toBalance", lambda e: e.to_balance),
        _amount("toRefund", lambda e: e.to_refund),
        _text("refundId", lambda e: e.refund_id),
        _text("reason", lambda e: e.reason),
        _text("testClockId", lambda e: e.test_clock_id),
        _text("metadata", _metadata),
        _time("createdAt", lambda e: e.created_at),
    )
)
PAYMENTS = Flat(
    (
        _text("id", lambda e: e.id),
        _text("status", lambda e: e.status.value),
        _text("customerId", lambda e: e.customer_id),
        _text("invoiceId", lambda e: e.invoice_id),
        _text("subscriptionId", lambda e: e.subscription_id),
        _text("orderId", lambda e: e.order_id),
        _text("currency", lambda e: e.amount.currency),
        _amount("amount", lambda e: e.amount),
        _amount("amountRefunded", lambda e: e.amount_refunded),
        _text("paymentMethodId", lambda e: e.payment_method_id),
        _text("stripePaymentIntentId", lambda e: e.stripe_payment_intent_id),
        _text("errorCode", lambda e: e.error.code if e.error else None),
        _text("declineCode", lambda e: e.error.decline_code if e.error else None),
        _text("testClockId", lambda e: e.test_clock_id),
        _text("metadata", _metadata),
        _time("createdAt", lambda e: e.created_at),
        _time("settledAt", lambda e: e.settled_at),
    )
)
_LINES: tuple[tuple[str, Kind, Callable[[Invoice, Any], Cell]], ...] = (
    ("invoiceId", Kind.TEXT, lambda e, line: e.id),
    ("invoiceNumber", Kind.TEXT, lambda e, line: e.number),
    ("invoiceStatus", Kind.TEXT, lambda e, line: e.status.value),
    ("customerId", Kind.TEXT, lambda e, line: e.customer_id),
    ("lineId", Kind.TEXT, lambda e, line: line.id),
    ("description", Kind.TEXT, lambda e, line: line.description),
    ("component", Kind.TEXT, lambda e, line: line.component),
    ("quantity", Kind.DECIMAL, lambda e, line: line.quantity),
    ("currency", Kind.TEXT, lambda e, line: e.currency),
    ("amount", Kind.AMOUNT, lambda e, line: line.amount),
    ("discount", Kind.AMOUNT, lambda e, line: line.discount),
    ("net", Kind.AMOUNT, lambda e, line: line.net),
    ("tax", Kind.AMOUNT, lambda e, line: line.tax),
    ("proration", Kind.TEXT, lambda e, line: "true" if line.proration else "false"),
    ("periodStart", Kind.TIME, lambda e, line: line.period.start if line.period else None),
    ("periodEnd", Kind.TIME, lambda e, line: line.period.end if line.period else None),
    ("finalizedAt", Kind.TIME, lambda e, line: e.finalized_at),
)
LINE_COLUMNS = tuple(Column(name, kind) for name, kind, _ in _LINES)


def lines(invoice: Invoice) -> Iterable[Row]:
    """An invoice's lines."""
    for line in invoice.lines:
        yield tuple(get(invoice, line) for _, _, get in _LINES)
