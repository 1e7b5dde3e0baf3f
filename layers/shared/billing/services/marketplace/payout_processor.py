"""Who pays providers out, as the use cases know it: one port, and the values that it returns."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from billing.domain.kernel.money import Money
from billing.domain.marketplace.provider import ConnectedAccount


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is to be made for a provider.

    Args:
        country: ISO 3166-1, where the provider is.
        key: the idempotency key that Stripe sees.
    """

    tenant_id: str
    country: str
    email: str | None
    key: str


@dataclass(frozen=True, slots=True)
class OnboardingLink:
    """A page of Stripe's on which a provider says who it is; usable once, for minutes."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer as Stripe has it now.

    Args:
        amount: what left the platform.
        reversed_amount: what of it was taken back.
        arrived: what the provider's account got, in its own currency if it was converted.
        arrived_payment_id: the payment that it is there.
        available_on: when it can be paid out from there; None while that is not known.
    """

    id: str
    amount: Money
    reversed_amount: Money
    created_at: datetime
    arrived: Money | None = None
    arrived_payment_id: str | None = None
    available_on: datetime | None = None
    balance_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reversal:
    """A transfer that was taken back, or a part of it."""

    id: str
    amount: Money
    balance_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class BankPayout:
    """A payout from a provider's Stripe account to its bank, as Stripe has it now.

    Args:
        status: Stripe's: pending, in_transit, paid, failed or canceled.
        arrives_at: when Stripe expects it to arrive.
    """

    id: str
    status: str
    amount: Money
    created_at: datetime
    arrives_at: datetime | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    destination_last4: str | None = None


@dataclass(frozen=True, slots=True)
class MoneyOrder:
    """A call that moves a payout's money.

    Args:
        payout_id: ours, by which it is found again: the transfer's group, and in the metadata of all three.
        stripe_account_id: the provider's.
        amount: to move.
        key: the idempotency key that Stripe sees, with the attempt's number in it.
        source_id: the transfer that is to be reversed; None for the other two.
    """

    payout_id: str
    tenant_id: str
    marketplace_id: str
    stripe_account_id: str
    amount: Money
    key: str
    source_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Stripe has refused a call for good: under the same key it will answer the same for a day.

    Args:
        code: Stripe's (``balance_insufficient``), or its error's type.
        message: for an operator and the provider; nothing personal is in it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class PayoutProcessor(Protocol):
    """Stripe Connect, as far as the use cases know it. Every method may raise ``Unavailable``, having done nothing.

    ``transfer``, ``reverse`` and ``pay_out`` raise ``Refused`` where Stripe did nothing and will not under this key,
    and ``services.payments.processor.OutcomeUnknown`` where nobody can say: then the key stays, and ``find_...`` tells.
    A 429 is ``Unavailable``: nothing was done, and the same key may be sent again.
    """

    def create_account(self, new: NewAccount) -> ConnectedAccount:
        """A new account for a provider: losses and fees are the platform's, payouts are made by us, not by a schedule.

        Raises:
            Refused: Stripe cannot pay anybody out in that country, for example.
        """

    def adopt_account(self, stripe_account_id: str, tenant_id: str) -> ConnectedAccount:
        """An account that is connected to the platform already, from now on paid out by us.

        Raises:
            Refused: it is not marked as the tenant's at Stripe, or its losses are not the platform's.
        """

    def account(self, stripe_account_id: str) -> ConnectedAccount | None:
        """The account as Stripe has it now; None where it was taken away from the platform."""

    def onboarding_link(self, stripe_account_id: str, return_url: str, refresh_url: str) -> OnboardingLink:
        """A new link; it needs no key, because the one before it just ends.

        Raises:
            Refused: the account is not connected any more, or an address is none that Stripe takes.
        """

    def login_link(self, stripe_account_id: str) -> str:
        """A link to the provider's own pages at Stripe, where it names another bank, for example.

        Raises:
            Refused: it has not been through onboarding, or the account is not connected any more.
        """

    def available(self, currency: str, stripe_account_id: str | None = None) -> Money:
        """What can be moved now: of the platform's balance, or of a provider's; below zero what is owed there.

        Raises:
            Refused: the provider's account is not connected any more.
        """

    def transfer(self, order: MoneyOrder) -> Transfer:
        """From the platform to the provider's account."""

    def find_transfer(self, order: MoneyOrder) -> Transfer | None:
        """The transfer that was made of an order, found by its group; None where there is none."""

    def transfer_state(self, transfer_id: str, stripe_account_id: str) -> Transfer:
        """The present state of a transfer, with what arrived, as far as the provider's account can be seen."""

    def reverse(self, order: MoneyOrder) -> Reversal:
        """A transfer, or a part of it, back to the platform."""

    def reversals(self, transfer_id: str) -> list[Reversal]:
        """All that was taken back of a transfer, oldest first: by us, or by a colleague in Stripe's dashboard."""

    def pay_out(self, order: MoneyOrder) -> BankPayout:
        """From the provider's account to its bank."""

    def find_pay_out(self, order: MoneyOrder) -> BankPayout | None:
        """The payout to the bank that was made of an order, found by its metadata on the provider's account."""

    def bank_payout(self, bank_payout_id: str, stripe_account_id: str) -> BankPayout:
        """The present state of a payout to a bank."""
