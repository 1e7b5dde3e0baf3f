"""Customers: whom a tenant bills, and links into the portal for them."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap import process
from billing.bootstrap.http import http_api
from billing.bootstrap.portal import portal_sessions
from billing.domain.customers.customer import Customer
from billing.domain.portal import Feature
from billing.edge.http.api import CurrentWork, Listing, current_call
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.customers import BalanceOut, CustomerChanges, CustomerIn, CustomerOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, ExternalIdFilter, Filter
from billing.schemas.portal import PortalSessionIn, PortalSessionOut
from billing.services.customers import profiles
from billing.services.erasure import requests
from billing.services.kernel.work import Window
from billing.services.portal.sessions import still_opens

api = http_api("customers")
sessions = portal_sessions()
ONCE = ShownOnce(("url",), lambda tenant_id, data: still_opens(tenant_id, data["id"]))
_NEEDS = {
    Feature.INVOICES: Scope.BILLING_WRITE,  # its pages have links to pay, which need that by themselves
    Feature.PAYMENT_METHODS: Scope.PAYMENTS_PROCESS,
    Feature.DETAILS: Scope.BILLING_WRITE,
}
"""What a caller has to be able to do to let a customer do it; for all the rest it is enough to manage subscriptions and
to read: every page shows what a customer has and pays."""


@api.post("/v1/customers", scope=Scope.BILLING_WRITE, answers=CustomerOut)
def create_customer(body: Annotated[CustomerIn, Body()], work: CurrentWork) -> CustomerOut:
    """Create a customer."""
    return CustomerOut.of(profiles.create(work, body.new()))


@api.get("/v1/customers", scope=Scope.BILLING_READ, answers=CustomerOut, many=True)
def list_customers(
    work: CurrentWork,
    email: Filter = None,
    external_id: ExternalIdFilter = None,
    currency: Annotated[Currency | None, Query()] = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the tenant's customers, newest first; those with an email address where one is given."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(profiles.page(work, email, external_id, currency, window), CustomerOut.of)


@api.get("/v1/customers/{customer_id}", scope=Scope.BILLING_READ, versioned=Customer, answers=CustomerOut)
def get_customer(customer_id: str, work: CurrentWork) -> CustomerOut:
    """Retrieve a customer."""
    return CustomerOut.of(profiles.get(work, customer_id))


@api.get("/v1/customers/{customer_id}/balance", scope=Scope.BILLING_READ, answers=BalanceOut)
def get_customer_balance(customer_id: str, work: CurrentWork) -> BalanceOut:
    """Retrieve a customer's credit balance: what is used before its card is charged."""
    return BalanceOut.of(profiles.balance(work, customer_id))


@api.patch("/v1/customers/{customer_id}", scope=Scope.BILLING_WRITE, versioned=Customer, answers=CustomerOut)
def update_customer(customer_id: str, body: Annotated[CustomerChanges, Body()], work: CurrentWork) -> CustomerOut:
    """Change a customer; a field that is not there stays as it is."""
    return CustomerOut.of(profiles.update(work, customer_id, body.changes()))


@api.delete("/v1/customers/{customer_id}", 202, scope=Scope.BILLING_WRITE, versioned=Customer, answers=CustomerOut)
def delete_customer(customer_id: str, work: CurrentWork) -> CustomerOut:
    """Erase what is kept of a person, and keep the books.

    Refused (409) while something of the customer is under way: a subscription, an invoice, a payment, a refund, an
    order or a dispute. The answer, and what a GET says from now on, has nothing personal. What was copied (payment
    methods, here and at Stripe, events, kept responses, notes) follows within minutes; then there is `erasedAt`.
    Documents that were issued stay as they were printed, until `documentsKeptUntil`.
    """
    return CustomerOut.of(requests.delete(work, process.due_shards(), customer_id))


@api.post("/v1/portal-sessions", scope=Scope.SUBSCRIPTIONS_MANAGE, shown_once=ONCE, answers=PortalSessionOut)
def create_portal_session(body: Annotated[PortalSessionIn, Body()], work: CurrentWork) -> PortalSessionOut:
    """Make a link into the customer portal for a customer.

    It opens the portal once, within 15 minutes; what it opens lasts for an hour, in that browser. What the customer may
    do there is the tenant's setting `portal`, and no more than `features` says. Nobody gives away more than they may
    do: each link needs the scope `billing:read`, too, one that lets a customer change cards `payments:process`, and one
    with invoices, which can be paid there, or billing details `billing:write`.
    """
    new = body.new()
    current_call().require_scope(Scope.BILLING_READ)
    for feature in work.tenant.portal.narrowed(new.features).features:
        if feature in _NEEDS:
            current_call().require_scope(_NEEDS[feature])
    return PortalSessionOut.of(sessions.invite(work, new))


lambda_handler = api.lambda_handler
