"""A tenant's own account at Stripe, to which marketplaces pay it out."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from billing.bootstrap.connect import provider_accounts
from billing.bootstrap.http import http_api
from billing.domain.marketplace.provider import ProviderAccount
from billing.edge.http.api import CurrentWork
from billing.edge.http.scopes import Scope
from billing.schemas.marketplace.provider_accounts import (
    LinkOut,
    LoginLinkOut,
    ProviderAccountChanges,
    ProviderAccountIn,
    ProviderAccountOut,
    VisitIn,
)

api = http_api("provider accounts")
accounts = provider_accounts()


@api.post("/v1/provider/account", scope=Scope.BILLING_ADMIN, steps_up=True, answers=ProviderAccountOut)
def create_provider_account(body: Annotated[ProviderAccountIn, Body()], work: CurrentWork) -> ProviderAccountOut:
    """Become a provider: open an account at Stripe, and begin its onboarding."""
    return ProviderAccountOut.of(*accounts.create(work, body.wanted(), body.settings(), body.visit()))


@api.get("/v1/provider/account", scope=Scope.BILLING_READ, versioned=ProviderAccount, answers=ProviderAccountOut)
def get_provider_account(work: CurrentWork) -> ProviderAccountOut:
    """Retrieve the tenant's account as a provider: what is due, where it is paid to, and when."""
    return ProviderAccountOut.of(accounts.get(work))


@api.patch(
    "/v1/provider/account",
    scope=Scope.BILLING_ADMIN,
    steps_up=True,
    versioned=ProviderAccount,
    answers=ProviderAccountOut,
)
def update_provider_account(body: Annotated[ProviderAccountChanges, Body()], work: CurrentWork) -> ProviderAccountOut:
    """Change when the provider is paid out, from which amount on, or to which account at Stripe.

    An account that a payout is on its way to cannot be replaced.
    """
    return ProviderAccountOut.of(accounts.update(work, body.settings(), body.wanted()))


@api.post("/v1/provider/account/link", scope=Scope.BILLING_ADMIN, steps_up=True, answers=LinkOut)
def create_onboarding_link(body: Annotated[VisitIn, Body()], work: CurrentWork) -> LinkOut:
    """Make a link to Stripe's page where the provider says who it is and where its bank is."""
    return LinkOut.of(accounts.onboarding_link(work, body.visit()))


@api.post("/v1/provider/account/login-link", scope=Scope.BILLING_ADMIN, steps_up=True, answers=LoginLinkOut)
def create_login_link(work: CurrentWork) -> LoginLinkOut:
    """Make a link to the provider's own pages at Stripe, where it names another bank."""
    return LoginLinkOut(url=accounts.login_link(work))


lambda_handler = api.lambda_handler
