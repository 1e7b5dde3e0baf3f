"""Stripe's events about Connect as ours: looked up before anything is loaded, as they are now, on their own account.

An event of a connected account (``account``) comes through an endpoint of its own, with its own secret; its object is
on that account and nowhere else (docs.stripe.com/connect/webhooks). One that is not found there is never "not ours":
the event is signed, so it exists.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from billing.integrations.stripe.connect import ConnectGateway
from billing.integrations.stripe.objects import time_of
from billing.services.kernel.failures import NotWrittenYet
from billing.services.marketplace.connect_news import AccountNews, BankPayoutNews, News, TransferNews

_log = logging.getLogger(__name__)
_REMOVED = "account.application.deauthorized"
_ACCOUNTS = frozenset(
    {"account.updated", "capability.updated", _REMOVED}
    | {f"account.external_account.{what}" for what in ("created", "updated", "deleted")}
)
_PAYOUTS = frozenset(
    f"payout.{what}" for what in ("created", "updated", "paid", "failed", "canceled", "reconciliation_completed")
)
CONNECT_HANDLED = _ACCOUNTS | _PAYOUTS
"""The types that the endpoint of connected accounts acts on."""
TRANSFERS_HANDLED = frozenset(f"transfer.{what}" for what in ("created", "updated", "reversed"))
"""The types about providers that the platform's own endpoint acts on: a transfer is the platform's."""
_BEING_MADE = timedelta(hours=1)


class ConnectedAccountEvents:
    """A ``services.marketplace.connect_news.NewsReader`` of what happens on providers' accounts.

    Args:
        owner_of: the tenant that an account is, or was, of.
    """

    def __init__(
        self, stripe: ConnectGateway, owner_of: Callable[[str], str | None], clock: Callable[[], datetime]
    ) -> None:
        self._stripe = stripe
        self._owner_of = owner_of
        self._clock = clock

    def handles(self, event: Mapping[str, Any]) -> bool:
        return event.get("type") in CONNECT_HANDLED and isinstance(event.get("account"), str)

    def look_up(self, event: Mapping[str, Any]) -> News | None:
        account_id: str = event["account"]
        tenant_id = self._owner_of(account_id)
        if tenant_id is None:
            self._check_being_made(account_id, event)
            return None
        if event["type"] in _ACCOUNTS:
            account = self._stripe.account(account_id)
            removed = event["type"] == _REMOVED and account is None  # else it was connected again since
            return AccountNews(tenant_id, account_id, account, removed)
        about = event["data"].get("object") or {}
        seen, ids = self._stripe.seen_payout(str(about.get("id")), account_id)
        if ids.get("tenant_id") != tenant_id or "payout_id" not in ids:
            # Somebody paid the provider's money out beside us: what we have sent there may be missing.
            _log.error("a payout that is not ours", extra={"stripe_account_id": account_id, "stripe_id": seen.id})
            return None
        return BankPayoutNews(tenant_id, account_id, ids["payout_id"], seen)

    def _check_being_made(self, account_id: str, event: Mapping[str, Any]) -> None:
        """Have an event sent again that overtook the commit of its account.

        After an hour nobody will commit it: its request crashed, and none came after it.

        Raises:
            NotWrittenYet: the account was made for a tenant of ours, and it is not long ago.
        """
        if self._stripe.owner_named_on(account_id) is None:
            return
        if self._clock() - time_of(int(event.get("created") or 0)) < _BEING_MADE:
            raise NotWrittenYet
        _log.error("an account that no tenant has", extra={"stripe_account_id": account_id})


class TransferEvents:
    """A ``services.marketplace.connect_news.NewsReader`` of the platform's transfers to providers.

    Args:
        owner_of: the tenant that an account is, or was, of.
    """

    def __init__(self, stripe: ConnectGateway, owner_of: Callable[[str], str | None]) -> None:
        self._stripe = stripe
        self._owner_of = owner_of

    def handles(self, event: Mapping[str, Any]) -> bool:
        return event.get("type") in TRANSFERS_HANDLED and not event.get("account")

    def look_up(self, event: Mapping[str, Any]) -> News | None:
        about = event["data"].get("object") or {}
        seen, account_id, ids = self._stripe.seen_transfer(str(about.get("id")))
        tenant_id = self._owner_of(account_id)
        if tenant_id is None or ids.get("tenant_id") != tenant_id or "payout_id" not in ids:
            return None
        return TransferNews(tenant_id, account_id, ids["payout_id"], seen)
