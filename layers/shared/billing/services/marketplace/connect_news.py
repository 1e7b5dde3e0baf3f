"""What Stripe tells of providers' accounts by webhook, in our words, and what follows from it.

Stripe's events name an account alone. Whose that is says ``AccountOwner``, which is written with it; nothing that
stands on an object at Stripe decides it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace.provider import ACCOUNT_ID, AccountOwner, ConnectedAccount, ProviderAccount
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Ref, Units, Work
from billing.services.marketplace.payout_processor import BankPayout, Transfer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccountNews:
    """An account as Stripe has it now.

    Args:
        account: None where Stripe shows it no more.
        removed: it was taken away from the platform, and Stripe said so.
    """

    tenant_id: str
    stripe_account_id: str
    account: ConnectedAccount | None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class BankPayoutNews:
    """A payout to a provider's bank as Stripe has it now, and which of ours it belongs to."""

    tenant_id: str
    stripe_account_id: str
    payout_id: str
    seen: BankPayout


@dataclass(frozen=True, slots=True)
class TransferNews:
    """A transfer to a provider as Stripe has it now, and which payout of ours it belongs to."""

    tenant_id: str
    stripe_account_id: str
    payout_id: str
    seen: Transfer


News = AccountNews | BankPayoutNews | TransferNews


class NewsReader(Protocol):
    """Reads a verified event of Stripe's about Connect."""

    def handles(self, event: Mapping[str, Any]) -> bool:
        """Whether events of its type can change something of ours."""

    def look_up(self, event: Mapping[str, Any]) -> News | None:
        """What it is about, as that is now; None where it is nothing of ours.

        Raises:
            Unavailable: Stripe does not answer, or does not show what it tells of.
            NotWrittenYet: the account is being made just now.
        """


class PayoutNews(Protocol):
    """What becomes of our payouts; each returns whether anything changed.

    ``stripe_account_id`` is where Stripe saw it: a payout that does not go there is not meant.
    """

    def bank_payout_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: BankPayout) -> bool:
        """The payout from the provider's account to its bank has another state, perhaps."""

    def transfer_seen(self, work: Work, payout_id: str, stripe_account_id: str, seen: Transfer) -> bool:
        """The transfer to the provider's account was made, or taken back, perhaps by a colleague in the dashboard."""


@dataclass(frozen=True, slots=True)
class AccountOwners:
    """Whose accounts at Stripe are."""

    units: Units

    def of(self, stripe_account_id: str) -> str | None:
        """The provider's tenant id; None for an account that nobody here has, or had."""
        ref = Ref(AccountOwner, PLATFORM, stripe_account_id)
        found = self.units.begin(PLATFORM).load(ref).get(ref)
        return found.owner_id if found is not None else None


@dataclass(frozen=True, slots=True)
class ConnectEvents:
    """What follows from them, each in a unit of work of the provider's."""

    payouts: PayoutNews

    def apply(self, work: Work, _event_id: str, news: News) -> bool:
        """Stage what follows from an event; returns whether anything does.

        Raises:
            Unavailable: Stripe shows an account no more that nobody took away.
        """
        ref = Ref(ProviderAccount, news.tenant_id, ACCOUNT_ID)
        provider = work.load(ref).require(ref)
        if isinstance(news, AccountNews):
            return self._account(work, provider, news)
        if provider.account is None or provider.account.id != news.stripe_account_id:
            _alarm(news)
        if isinstance(news, TransferNews):
            return self.payouts.transfer_seen(work, news.payout_id, news.stripe_account_id, news.seen)
        return self.payouts.bank_payout_seen(work, news.payout_id, news.stripe_account_id, news.seen)

    @staticmethod
    def _account(work: Work, provider: ProviderAccount, news: AccountNews) -> bool:
        if provider.account is None or provider.account.id != news.stripe_account_id:
            return False  # retired: what Stripe says of it concerns nobody
        if news.removed:
            _log.error("a provider's account was taken away", extra={"stripe_account_id": news.stripe_account_id})
            after = provider.without_account()
        elif news.account is None:
            raise Unavailable("The card processor does not show an account that it tells of")
        else:
            after = replace(provider, account=news.account)
        if after == provider:
            return False
        work.emit(EventType.PROVIDER_ACCOUNT_UPDATED, work.save(after))
        return True


def _alarm(news: BankPayoutNews | TransferNews) -> None:
    """Money moves on an account that was replaced: what comes back to it, only an operator can get out."""
    _log.critical(
        "money of a payout moves on a retired account",
        extra={"stripe_account_id": news.stripe_account_id, "payout_id": news.payout_id, "stripe_id": news.seen.id},
    )
