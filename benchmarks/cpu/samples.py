"""What the empty services of the CPU comparison answer with: one customer, one subscription, fifty invoices."""

from datetime import UTC, datetime, timedelta

from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Address, Customer
from billing.domain.invoicing import issuing
from billing.domain.invoicing.invoice import BillingReason, Invoice
from billing.domain.kernel.periods import Interval
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import InvoiceSequence, Mode, Tenant, TenantStatus, Tier

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
TENANT = Tenant(
    id="ten_01J9ZQK7B3N4V5W6X7Y8Z9A0BC",
    name="Bench",
    tier=Tier.ENTERPRISE,
    mode=Mode.TEST,
    status=TenantStatus.ACTIVE,
    currency="USD",
    timezone="UTC",
    invoice_prefix="BENCH",
    data_key="",
    created_at=NOW,
    version=1,
)
CUSTOMER = Customer(
    id="cus_01J9ZQK7B3N4V5W6X7Y8Z9A0BC",
    tenant_id=TENANT.id,
    name="Zoë Ångström",
    email="zoe@example.test",
    address=Address("1 High Street", None, "Lund", "22222", None, "SE"),
    tax_id=None,
    currency="USD",
    timezone="Europe/Stockholm",
    metadata={"crm": "4711"},
    created_at=NOW,
    version=1,
)
_PLAN = Plan(
    id="business-monthly",
    tenant_id=TENANT.id,
    plan_version=1,
    name="Business",
    currency="USD",
    interval=Interval.MONTH,
    interval_count=1,
    trial_days=0,
    components=(
        Component("base", ComponentType.FLAT, unit_amount=4_999_000),
        Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, 500_000),
    ),
    created_at=NOW,
)
SUBSCRIPTION: Subscription = lifecycle.start(
    "sub_01J9ZQK7B3N4V5W6X7Y8Z9A0BC", CUSTOMER, _PLAN, NOW, Start({"seats": 100}, metadata={"crm": "4711"})
)


def _invoices(count: int) -> list[Invoice]:
    made = []
    for n in range(count):
        at = NOW - timedelta(days=n)
        step = changes.first_period(SUBSCRIPTION, _PLAN)
        reason = BillingReason.SUBSCRIPTION_CYCLE
        draft = issuing.draft(TENANT, CUSTOMER, f"in_{n:026d}", step.invoiced, reason, at, step.subscription)
        sequence = InvoiceSequence(TENANT.id, TENANT.invoice_prefix, n + 1)
        final = issuing.finalize(draft, sequence, Balance.empty(TENANT.id, CUSTOMER.id, CUSTOMER.currency), at)
        made.append(final.invoice)
    return made


INVOICES = _invoices(50)

CUSTOMER_BODY = {
    "name": "Zoë Ångström",
    "email": "zoe@example.test",
    "address": {"line1": "1 High Street", "city": "Lund", "postalCode": "22222", "country": "SE"},
    "currency": "USD",
    "timezone": "Europe/Stockholm",
    "metadata": {"crm": "4711"},
}
BAD_CUSTOMER_BODY = {"nam": "Zoë", "email": "nobody", "currency": 1.5}
SUBSCRIPTION_BODY = {
    "customerId": CUSTOMER.id,
    "planId": _PLAN.id,
    "quantities": {"seats": 100},
    "paymentMethodId": "pm_card_visa",
    "metadata": {"crm": "4711"},
}
