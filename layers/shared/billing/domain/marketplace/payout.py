"""Payouts: what a provider's account holds goes to its bank, in two steps at Stripe.

pending ──> transferring ──> in_transit ──> paid ──> failed     (a bank may send it back after it was "paid")
   ├──────> canceled (nothing was sent)        └───> failed
   └──────> failed

`pending`: claimed on the account. `transferring`: the transfer to the provider's Stripe account is confirmed, or may
have been sent. `in_transit`: the payout from there to the bank is made. A failed one takes its transfer back; only when
Stripe has confirmed that does the amount return to the account. What Stripe cannot take back is `stranded`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.money import Money

OF_MARKETPLACE = "providers"
"""In the index of payouts, and of accounts, by marketplace: all of them, whichever provider's."""


class PayoutStatus(StrEnum):
    PENDING = "pending"
    TRANSFERRING = "transferring"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_open(self) -> bool:
        """Whether it holds up the next payout of its account."""
        return self in (PayoutStatus.PENDING, PayoutStatus.TRANSFERRING, PayoutStatus.IN_TRANSIT)


@dataclass(frozen=True, slots=True)
class Step:
    """One call at Stripe that moves a payout's money: its attempt, and what came of it.

    A definite refusal ends an attempt, and the next one has another key; silence never does.

    Args:
        attempt: 1, 2, ...; part of the key.
        submitted_at: when this attempt was first sent; None where it was not.
        stripe_id: what was made, once that is known.
        balance_transaction_id: the line of the account at Stripe that it is.
    """

    attempt: int = 1
    submitted_at: datetime | None = None
    stripe_id: str | None = None
    balance_transaction_id: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """A payout, the provider's.

    Args:
        tenant_id: the provider.
        marketplace_id: from whose books it is paid.
        number: on its statement, without a gap within the account: ``ACME-EUR-000012``.
        first_seq, last_seq: the lines on its statement; the last one is the payout itself.
        opening_balance: before the first of them.
        stripe_account_id: where it goes, frozen.
        destination: what may be shown of the bank, frozen.
        manual: made on request, not by the schedule.
        transfer: from the platform to the provider's Stripe account.
        bank: from there to the bank.
        reversal: of the transfer, after a failure.
        not_before: the transferred money cannot be paid out earlier.
        stranded: what Stripe has refused to take back after a failure, so far.
        returned_seq: the line that brought a failed one's amount back; the last one, where it came in parts.
        returned: the reversals at Stripe whose amounts are on the account again.
        arrives_at: when the bank is to have it, as Stripe expects.
    """

    entity_name: ClassVar[str] = "Payout"

    id: str
    tenant_id: str
    marketplace_id: str
    amount: Money
    status: PayoutStatus
    number: str
    first_seq: int
    last_seq: int
    opening_balance: Money
    stripe_account_id: str
    destination: str | None
    created_at: datetime
    manual: bool = False
    transfer: Step = Step()
    bank: Step = Step()
    reversal: Step | None = None
    not_before: datetime | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    stranded: Money | None = None
    returned_seq: int | None = None
    returned: tuple[str, ...] = ()
    arrives_at: datetime | None = None
    paid_at: datetime | None = None
    failed_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    due: Due | None = None
    version: int = 0
