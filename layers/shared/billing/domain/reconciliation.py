"""Stripe's account beside the ledger, line by line: what is compared, and what a line says that is no tenant's.

A line that does not agree waits for a while (a webhook may be late, an index lags); then it is a difference.

    waiting ──> matched                waiting ──> different ──> matched (somebody mended it)
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.due import Due
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting

RECONCILIATION_ID = "stripe"
"""The id of the one reconciliation, the platform's."""
GRACE = timedelta(hours=3)
"""Stripe repeats a webhook for days, but the job looks itself; three runs of it are enough."""
_BANK = frozenset({"payout", "payout_cancel", "payout_failure", "topup", "topup_reversal"})
_FEES = frozenset({"network_cost", "stripe_fee", "stripe_fx_fee", "tax_fee"})
_ASIDE = frozenset({"reserve_transaction", "reserved_funds", "reserve_hold", "reserve_release"})


@dataclass(frozen=True, slots=True)
class StripeLine:
    """A line of the platform's account at Stripe.

    Args:
        type: Stripe's: charge, refund, adjustment, transfer, payout ...
        source_id: the object at Stripe that caused it.
        amount, fee: signed as Stripe has them; ``amount - fee`` changed the balance.
    """

    id: str
    type: str
    source_id: str | None
    amount: Money
    fee: Money
    created_at: datetime
    available_on: datetime
    reporting_category: str | None = None

    @property
    def net(self) -> Money:
        """By what it changed the balance."""
        return self.amount - self.fee


class LineStatus(StrEnum):
    MATCHED = "matched"
    WAITING = "waiting"
    DIFFERENT = "different"


class Reason(StrEnum):
    """What does not agree."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    AMOUNT_DIFFERS = "amount_differs"
    MISSING_AT_STRIPE = "missing_at_stripe"


@dataclass(frozen=True, slots=True)
class ReconciledLine:
    """What came of the comparison of one line; the platform's.

    Args:
        id: the balance transaction's.
        line: as Stripe has it; None where Stripe does not know it.
        in_ledger: what ``cash`` has for it; None where there is no entry.
        found_at: when it was first looked at, or since when it does not agree.
        checked_at: when it was last looked at.
    """

    entity_name: ClassVar[str] = "ReconciledLine"

    id: str
    tenant_id: str
    status: LineStatus
    line: StripeLine | None
    in_ledger: Money | None
    found_at: datetime
    checked_at: datetime
    reason: Reason | None = None
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it has to be looked at again."""
        return self.status is not LineStatus.MATCHED


class Phase(StrEnum):
    """The parts of a run, in their order."""

    OPEN = "open"
    LINES = "lines"
    DEPOSITS = "deposits"
    ENTRIES = "entries"
    OWED = "owed"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How far the comparison is; the platform's, and the only one.

    Args:
        lines_from, lines_to: Stripe's lines of this window, [from, to), are in this run; ``to`` is None between runs.
        entries_from: the hour whose postings to cash are looked for next.
        place: the page within the phase.
        owed: by currency, what providers are owed, as far as this run has added it up.
        at_stripe: by currency, what Stripe had at the end of the last run.
        providers: by currency, what providers were owed then.
        finished_at: when the last run ended.
    """

    entity_name: ClassVar[str] = "Reconciliation"

    tenant_id: str
    created_at: datetime
    lines_from: datetime
    entries_from: datetime
    id: str = RECONCILIATION_ID
    phase: Phase = Phase.OPEN
    lines_to: datetime | None = None
    place: str | None = None
    part: int = 0
    owed: dict[str, Money] = field(default_factory=dict)
    at_stripe: dict[str, Money] = field(default_factory=dict)
    providers: dict[str, Money] = field(default_factory=dict)
    finished_at: datetime | None = None
    due: Due | None = None
    version: int = 0

    @property
    def short(self) -> dict[str, Money]:
        """By currency, what Stripe had less than providers were owed."""
        missing = {each: owed - self.at_stripe.get(each, Money.zero(each)) for each, owed in self.providers.items()}
        return {each: amount for each, amount in missing.items() if amount > Money.zero(each)}


def judged(
    line_id: str,
    tenant_id: str,
    line: StripeLine | None,
    cash: Money | None,
    before: ReconciledLine | None,
    now: datetime,
) -> ReconciledLine:
    """A line compared with the ledger.

    A charge of 100.00 with a fee of 3.20 matches entries of +100.00 and -3.20 to cash.

    Args:
        line: Stripe's; None where Stripe does not know it.
        cash: the sum of the entries with its id; None where there is none.
        before: what came of it the last time.
    """
    found_at = before.found_at if before is not None and before.is_open else now
    reason: Reason | None = None
    if line is None:
        reason = Reason.MISSING_AT_STRIPE
    elif cash is None:
        reason = None if line.net.is_zero else Reason.MISSING_IN_LEDGER
    elif cash != line.net:
        reason = Reason.AMOUNT_DIFFERS
    status = LineStatus.MATCHED
    if reason is not None:
        status = LineStatus.DIFFERENT if now - found_at >= GRACE else LineStatus.WAITING
    version = before.version if before is not None else 0
    return ReconciledLine(line_id, tenant_id, status, line, cash, found_at, now, reason, version)


def platform_entries(line: StripeLine, tenant_id: str, at: datetime) -> tuple[LedgerEntry, ...]:
    """The entries of a line that is no tenant's: Stripe's payouts to the platform's bank, top-ups, Stripe's bills.

    1,000.00 paid out: Dr bank, Cr cash. What Stripe sets aside for connected accounts below zero waits in
    ``cash_clearing``. None for any other line: that is somebody's charge, refund, dispute or transfer.
    """
    if line.type in _BANK:
        other = Account.BANK
    elif line.type in _FEES:
        other = Account.PROCESSING_FEES
    elif line.type in _ASIDE:
        other = Account.CASH_CLEARING
    else:
        return ()
    entries = [_entry(line, tenant_id, "platform_line", line.amount, other, at)]
    entries.append(_entry(line, tenant_id, "processing_fee", -line.fee, Account.PROCESSING_FEES, at))
    return tuple(each for each in entries if not each.postings[0].amount.is_zero)


def _entry(line: StripeLine, tenant_id: str, kind: str, amount: Money, other: Account, at: datetime) -> LedgerEntry:
    postings = (Posting(Account.CASH, amount), Posting(other, -amount))
    made_id = derived("le", line.created_at, kind, line.id)
    return LedgerEntry(
        made_id,
        kind,
        line.source_id or line.id,
        at,
        postings,
        tenant_id,
        line.id,
        invoice_id=None,
        test_clock_id=None,  # the platform has no customers
    )
