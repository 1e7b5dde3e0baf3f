"""Who sells on marketplaces: a tenant's account at Stripe, to which it is paid out, and when.

Source: docs.stripe.com/connect. What of it we know is in our own words (``ready``, ``currently_due``), because Stripe
has two kinds of API for the same thing.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.customers.customer import PERSONAL
from billing.domain.tenant import PLATFORM

ACCOUNT_ID = "account"
"""The id of a tenant's provider account: there is one."""


class PayoutInterval(StrEnum):
    MANUAL = "manual"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class PayoutSchedule:
    """When a provider is paid out, at midnight in its own time zone.

    Args:
        weekday: 1 (Monday) to 7, where it is weekly.
        month_day: 1 to 31 (the last of a shorter month), where it is monthly.
    """

    interval: PayoutInterval = PayoutInterval.WEEKLY
    weekday: int = 1
    month_day: int = 1


@dataclass(frozen=True, slots=True)
class BankDestination:
    """What may be shown of the bank account that payouts go to."""

    currency: str
    last4: str
    bank_name: str | None = None
    errored: bool = False


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """An account at Stripe, as Stripe has it now.

    Args:
        transfers_active: money can be transferred to it.
        payouts_enabled: money can be paid out of it.
        currently_due: what Stripe wants to know of its owner, in Stripe's words.
        disabled_reason: why it cannot be paid, in Stripe's words.
        banks: by the currency of each.
        default_currency: what arrives there is converted to it, where no bank takes its own.
    """

    id: str
    country: str
    default_currency: str
    transfers_active: bool
    payouts_enabled: bool
    details_submitted: bool
    currently_due: tuple[str, ...] = ()
    disabled_reason: str | None = None
    banks: tuple[BankDestination, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it can be paid out to."""
        return self.transfers_active and self.payouts_enabled

    def bank_of(self, currency: str) -> BankDestination | None:
        """Where a payout in a currency goes; None where no bank takes it."""
        return next((each for each in self.banks if each.currency == currency), None)


@dataclass(frozen=True, slots=True)
class AccountOwner:
    """Whose an account at Stripe is: written with it, kept for ever, for Stripe's events name the account alone.

    Args:
        id: the account's, at Stripe.
        tenant_id: the platform, so that it is found by that id.
        owner_id: the provider.
    """

    entity_name: ClassVar[str] = "AccountOwner"

    id: str
    owner_id: str
    created_at: datetime
    tenant_id: str = PLATFORM
    version: int = 0


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """A tenant as a provider.

    Args:
        account: at Stripe; None before onboarding began, and after it was taken away.
        schedule: when it is paid out.
        minimums: by currency, in micro-units: less than that is carried over.
        retired: the ids of accounts that were replaced; what comes back to one of them raises an alarm.
        test_clock_id: in whose time its schedule runs (test mode).
    """

    entity_name: ClassVar[str] = "ProviderAccount"
    only_id: ClassVar[str] = ACCOUNT_ID
    """A tenant has one at most."""

    tenant_id: str
    country: str
    created_at: datetime
    email: str | None = field(default=None, metadata=PERSONAL)
    account: ConnectedAccount | None = None
    schedule: PayoutSchedule = PayoutSchedule()
    minimums: dict[str, int] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    test_clock_id: str | None = None
    version: int = 0

    @property
    def id(self) -> str:
        return ACCOUNT_ID

    @property
    def opened(self) -> int:
        """How many accounts at Stripe it has had, the present one included."""
        return len(self.retired) + (self.account is not None)

    def without_account(self) -> "ProviderAccount":
        """The provider after its account was replaced, or taken away from the platform."""
        if self.account is None:
            return self
        return replace(self, account=None, retired=(*self.retired, self.account.id))
