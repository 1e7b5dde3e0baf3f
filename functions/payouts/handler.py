"""Payouts to providers, their accounts with marketplaces, and what they have earned."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from billing.bootstrap.http import http_api
from billing.bootstrap.payouts import payouts as made_payouts
from billing.bootstrap.sweep import alarm
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import LineType
from billing.domain.marketplace.payout import PayoutStatus
from billing.edge.http.api import CurrentWork, Listing
from billing.edge.http.scopes import Scope
from billing.schemas.base import Currency, Limit
from billing.schemas.marketplace.payouts import (
    AccountLineOut,
    AdjustmentIn,
    EarningsOut,
    PayoutOut,
    TriggeredOut,
    TriggerIn,
)
from billing.schemas.parameters import CreatedFrom, CreatedTo, Cursor, Filter
from billing.services.kernel.work import Window
from billing.services.marketplace import account_queries as queries
from billing.services.marketplace.payout_access import payout_of

api = http_api("payouts")
payouts = made_payouts(alarm())


@api.get("/v1/payouts", scope=Scope.BILLING_READ, answers=PayoutOut, many=True)
def list_payouts(
    work: CurrentWork,
    status: Annotated[PayoutStatus | None, Query()] = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the payouts that the tenant gets as a provider, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(queries.payouts_of_provider(work, {"status": status}, window), PayoutOut.of)


@api.post("/v1/payouts/trigger", 200, scope=Scope.BILLING_ADMIN, answers=TriggeredOut)
def trigger_payouts(work: CurrentWork, body: Annotated[TriggerIn | None, Body()] = None) -> TriggeredOut:
    """Pay out now: a marketplace its providers, a provider itself; whoever is not paid is named with the reason."""
    wanted = body or TriggerIn()
    return TriggeredOut.of(payouts.trigger(work, wanted.provider_tenant_id, wanted.currency, wanted.cursor))


@api.get("/v1/payouts/{payout_id}", scope=Scope.BILLING_READ, answers=PayoutOut)
def get_payout(payout_id: str, work: CurrentWork) -> PayoutOut:
    """Retrieve a payout that the tenant gets as a provider."""
    return PayoutOut.of(queries.own_payout(work, payout_id))


@api.post("/v1/payouts/{payout_id}/cancel", 200, scope=Scope.BILLING_ADMIN, answers=PayoutOut)
def cancel_payout(payout_id: str, work: CurrentWork) -> PayoutOut:
    """Give a payout up before anything of it was sent, as its provider or its marketplace."""
    return PayoutOut.of(payouts.cancel(work, payout_of(work, payout_id)))


@api.get("/v1/commerce/payouts", scope=Scope.BILLING_READ, answers=PayoutOut, many=True)
def list_commerce_payouts(
    work: CurrentWork,
    status: Annotated[PayoutStatus | None, Query()] = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the payouts that the tenant makes to its providers, newest first."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(queries.payouts_of_marketplace(work, {"status": status}, window), PayoutOut.of)


@api.get("/v1/commerce/payouts/{payout_id}", scope=Scope.BILLING_READ, answers=PayoutOut)
def get_commerce_payout(payout_id: str, work: CurrentWork) -> PayoutOut:
    """Retrieve a payout, as its marketplace or its provider."""
    return PayoutOut.of(payout_of(work, payout_id))


@api.get("/v1/provider/earnings", scope=Scope.BILLING_READ, answers=EarningsOut, many=True)
def list_earnings(
    work: CurrentWork,
    marketplace: Filter = None,
    currency: Annotated[Currency | None, Query()] = None,
) -> Listing:
    """What the tenant has earned as a provider, by marketplace and currency: pending, available, held, paid."""
    found = queries.standings(work, marketplace, currency)
    return Listing([EarningsOut.of(each) for each in found], None, len(found))


@api.get("/v1/provider/ledger", scope=Scope.BILLING_READ, answers=AccountLineOut, many=True)
def list_account_lines(
    work: CurrentWork,
    marketplace: Filter = None,
    currency: Annotated[Currency | None, Query()] = None,
    line_type: Annotated[LineType | None, Query(alias="type")] = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
    limit: Annotated[Limit, Query()] = 20,
    cursor: Cursor = None,
) -> Listing:
    """List the lines of the tenant's accounts as a provider, newest first within each account."""
    window = Window(limit, cursor, created_from, created_to)
    return Listing.of(queries.lines(work, marketplace, currency, line_type, window), AccountLineOut.of)


@api.post(
    "/v1/commerce/providers/{provider_tenant_id}/adjustments",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    answers=AccountLineOut,
)
def adjust_account(provider_tenant_id: str, body: Annotated[AdjustmentIn, Body()], work: CurrentWork) -> AccountLineOut:
    """Correct a provider's account by hand, or give up what it owes."""
    amount = Money(body.amount, body.currency)
    return AccountLineOut.of(queries.adjust(work, provider_tenant_id, amount, body.reason, body.give_up))


lambda_handler = api.lambda_handler
