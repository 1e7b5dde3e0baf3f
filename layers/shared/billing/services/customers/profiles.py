"""Customers: whom a tenant bills."""

from dataclasses import dataclass, field, replace

from billing.domain.clocks import Clock
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Address, Customer, CustomField, TaxExempt
from billing.domain.kernel.errors import LiveTenant
from billing.domain.kernel.event_types import EventType
from billing.domain.tenant import Mode
from billing.services.kernel import external_ids
from billing.services.kernel.work import Page, Ref, Window, Work, said


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A new customer as the caller describes it; currency and zone default to the tenant's."""

    name: str
    email: str | None = None
    address: Address | None = None
    tax_id: str | None = None
    currency: str | None = None
    timezone: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    test_clock_id: str | None = None
    tax_exempt: TaxExempt = TaxExempt.NONE
    locale: str | None = None
    net_terms_days: int | None = None
    po_number: str | None = None
    custom_fields: tuple[CustomField, ...] = ()
    external_id: str | None = None


def create(work: Work, new: NewCustomer) -> Customer:
    """A new customer. Without a test clock and an external id nothing has to be read first, so this takes two beats.

    Raises:
        LiveTenant: a test clock is named, and the tenant is live.
        NotFound: there is no such test clock.
        AlreadyExists: another customer has this external id.
    """
    tenant = work.tenant
    if new.test_clock_id is not None:
        if tenant.mode is not Mode.TEST:
            raise LiveTenant("Test clocks exist only for tenants in test mode")
        clock = Ref(Clock, tenant.id, new.test_clock_id)
        work.load(clock).require(clock)
    customer_id = work.fresh_id("cus")
    external_ids.exchange(work, Customer, customer_id, None, new.external_id)
    customer = work.save(
        Customer(
            id=customer_id,
            tenant_id=tenant.id,
            name=new.name,
            email=new.email,
            address=new.address,
            tax_id=new.tax_id,
            currency=new.currency or tenant.currency,
            timezone=new.timezone or tenant.timezone,
            metadata=new.metadata,
            test_clock_id=new.test_clock_id,
            tax_exempt=new.tax_exempt,
            locale=new.locale,
            net_terms_days=new.net_terms_days,
            po_number=new.po_number,
            custom_fields=new.custom_fields,
            external_id=new.external_id,
            created_at=work.now,
        )
    )
    work.emit(EventType.CUSTOMER_CREATED, customer)
    return customer


def get(work: Work, customer_id: str) -> Customer:
    """A customer of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Customer, work.tenant.id, customer_id)
    return work.load(ref).require(ref)


def balance(work: Work, customer_id: str) -> Balance:
    """A customer's credit balance; zero where it never had one.

    Raises:
        NotFound: the tenant has no such customer.
    """
    customer_ref, ref = Ref(Customer, work.tenant.id, customer_id), Ref(Balance, work.tenant.id, customer_id)
    found = work.load(customer_ref, ref)
    customer = found.require(customer_ref)
    return found.get(ref) or Balance.empty(customer.tenant_id, customer.id, customer.currency)


def update(work: Work, customer_id: str, changes: dict[str, object]) -> Customer:
    """The customer with some fields changed.

    Args:
        changes: by field name; None clears a field.

    Raises:
        NotFound: there is none with this id.
        InvalidState: it was deleted.
        AlreadyExists: another customer has this external id.
    """
    before = get(work, customer_id)
    before.require_there("changed")
    after = replace(before, **changes)  # type: ignore[arg-type]
    external_ids.exchange(work, Customer, before.id, before.external_id, after.external_id)
    customer = work.save(after)
    work.emit(EventType.CUSTOMER_UPDATED, customer)
    return customer


def page(
    work: Work, email: str | None, external_id: str | None, currency: str | None, window: Window
) -> Page[Customer]:
    """A page of the tenant's customers, newest first; optionally those with one email address, in any case."""
    query = window.query(Customer, "email", email, said({"currency": currency}))
    return external_ids.listed(work, query, external_id)
