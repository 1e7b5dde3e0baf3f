"""Customers: whom a tenant bills."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap import process
from billing.bootstrap.http import http_api
from billing.domain.customers.customer import Customer
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.customers import BalanceOut, CustomerChanges, CustomerIn, CustomerOut
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, ExternalIdFilter, Filter
from billing.services.customers import profiles
from billing.services.erasure import requests
from billing.services.kernel.work import Window

api = http_api("customers")


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


lambda_handler = api.lambda_handler
