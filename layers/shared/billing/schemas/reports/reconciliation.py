"""The reconciliation with Stripe's account, as the platform's operator sees it."""

from collections.abc import Iterable

from billing.domain.reconciliation import RECONCILIATION_ID, ReconciledLine, Reconciliation
from billing.schemas.base import Resource, Time


class StripeBalanceOut(Resource):
    """A currency's balance at Stripe (available and pending), and what providers are owed of it, in micro-units."""

    currency: str
    at_stripe: int
    owed_to_providers: int
    short: int


class DifferenceOut(Resource):
    """A line that does not agree: ``waiting`` for three hours, then ``different``; in micro-units."""

    balance_transaction_id: str
    status: str
    reason: str | None
    type: str | None
    source_id: str | None
    currency: str | None
    at_stripe: int | None
    in_ledger: int | None
    found_at: Time
    checked_at: Time

    @classmethod
    def of(cls, each: ReconciledLine) -> "DifferenceOut":
        line, cash = each.line, each.in_ledger
        shown = line.net if line is not None else cash
        return cls(
            balance_transaction_id=each.id,
            status=each.status.value,
            reason=each.reason.value if each.reason is not None else None,
            type=line.type if line is not None else None,
            source_id=line.source_id if line is not None else None,
            currency=shown.currency if shown is not None else None,
            at_stripe=line.net.micros if line is not None else None,
            in_ledger=cash.micros if cash is not None else None,
            found_at=each.found_at,
            checked_at=each.checked_at,
        )


class ReconciliationOut(Resource):
    """How far the comparison is, and what does not agree: at most 100 lines (``hasMore``)."""

    id: str
    finished_at: Time | None
    lines_from: Time | None
    balances: list[StripeBalanceOut]
    differences: list[DifferenceOut]
    has_more: bool
    version: int

    @classmethod
    def of(
        cls, state: Reconciliation | None, lines: Iterable[ReconciledLine] = (), has_more: bool = False
    ) -> "ReconciliationOut":
        """``state`` is None before the first run."""
        return cls(
            id=RECONCILIATION_ID,
            finished_at=state.finished_at if state is not None else None,
            lines_from=state.lines_from if state is not None else None,
            balances=_balances(state) if state is not None else [],
            differences=[DifferenceOut.of(each) for each in lines],
            has_more=has_more,
            version=state.version if state is not None else 0,
        )


def _balances(state: Reconciliation) -> list[StripeBalanceOut]:
    currencies = sorted(state.at_stripe.keys() | state.providers.keys())
    return [
        StripeBalanceOut(
            currency=each,
            at_stripe=state.at_stripe[each].micros if each in state.at_stripe else 0,
            owed_to_providers=state.providers[each].micros if each in state.providers else 0,
            short=state.short[each].micros if each in state.short else 0,
        )
        for each in currencies
    ]
