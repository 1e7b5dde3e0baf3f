"""Which adapters stand behind providers' accounts: Stripe Connect."""

import time
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process, storage
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.provider import ProviderAccount
from billing.schemas import events

if TYPE_CHECKING:
    from billing.integrations.stripe.balance_transactions import StripeBalanceTransactions
    from billing.integrations.stripe.connect import ConnectGateway
    from billing.services.marketplace.connect_news import AccountOwners, PayoutNews
    from billing.services.marketplace.provider_accounts import ProviderAccounts


@cache
def connect_gateway() -> "ConnectGateway":
    """Stripe Connect: who pays providers out."""
    from billing.integrations.stripe.connect import ConnectGateway

    s = process.settings()
    return ConnectGateway(
        payments.stripe_secrets(),
        s.stripe_api_base,
        s.stripe_timeout_s,
        time.sleep,
        payments.stripe_circuit(),
        process.deadline().left_s,
        s.stripe_platform_country,
    )


@cache
def balance_transactions() -> "StripeBalanceTransactions":
    """The lines of the platform's account at Stripe."""
    from billing.integrations.stripe.balance_transactions import StripeBalanceTransactions

    s = process.settings()
    return StripeBalanceTransactions(
        payments.stripe_secrets(),
        s.stripe_api_base,
        s.stripe_timeout_s,
        time.sleep,
        payments.stripe_circuit(),
        process.deadline().left_s,
    )


@cache
def account_owners() -> "AccountOwners":
    """Whose accounts at Stripe are."""
    from billing.services.marketplace.connect_news import AccountOwners

    return AccountOwners(storage.units())


@cache
def payout_news() -> "PayoutNews":
    """What follows for payouts from what Stripe tells."""
    from billing.services.marketplace.payout_events import PayoutsNews

    events.prepare(Payout)
    return PayoutsNews()


@cache
def provider_accounts() -> "ProviderAccounts":
    """The service that opens providers' accounts, and says when they are paid."""
    from billing.services.marketplace.provider_accounts import ProviderAccounts

    events.prepare(ProviderAccount)
    return ProviderAccounts(connect_gateway())
