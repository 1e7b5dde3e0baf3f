"""Reports: a tenant's trial balance, and how the platform's books agree with Stripe's account."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from billing.bootstrap.http import http_api
from billing.edge.http.api import CurrentWork
from billing.edge.http.scopes import Scope
from billing.schemas.base import Time
from billing.schemas.reports.reconciliation import ReconciliationOut
from billing.schemas.reports.trial_balance import TrialBalanceOut
from billing.services.reports import differences, trial_balance

api = http_api("reports")


@api.get("/v1/reports/trial-balance", scope=Scope.BILLING_READ, answers=TrialBalanceOut)
def get_trial_balance(
    work: CurrentWork,
    as_of: Annotated[Time | None, Query(alias="asOf", description="posted before this time; now, if left out")] = None,
) -> TrialBalanceOut:
    """Add up the tenant's books: debits, credits and balance of each account."""
    return TrialBalanceOut.of(trial_balance.trial_balance(work, as_of or work.now))


@api.get("/v1/reports/reconciliation", scope=Scope.PLATFORM, answers=ReconciliationOut)
def get_reconciliation(work: CurrentWork) -> ReconciliationOut:
    """Show how the books of all tenants agree with Stripe's account; the platform's own keys only."""
    state, page = differences.differences(work)
    return ReconciliationOut.of(state, page.items, page.next_cursor is not None)


lambda_handler = api.lambda_handler
