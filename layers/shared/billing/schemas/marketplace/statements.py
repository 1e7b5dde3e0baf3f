"""Statements of payouts in the API, as JSON and CSV. Amounts are integers in micro-units, signed as on the account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from billing.domain.kernel.times import format_time
from billing.domain.marketplace.account import AccountLine, Figures
from billing.domain.marketplace.statement import Total
from billing.schemas.base import Resource, Time
from billing.schemas.csv_table import csv_of
from billing.services.invoicing.documents import Party
from billing.services.marketplace.statements import StatementDocument

_FIGURES = ("gross", "discount", "commission", "commission_tax", "tax", "fee")
_COLUMNS = (
    "statementNumber", "seq", "type", "at", "orderId", "sourceId", "itemIds", "note", "currency", "gross", "discount",
    "commission", "commissionTax", "tax", "fee", "amount", "balanceAfter",
)  # fmt: skip


class FiguresOut(Resource):
    """What a line shows beside its amount; below zero where it takes back."""

    gross: Annotated[int, Field(description="what was sold; with tax only where the provider owes it")]
    discount: int
    commission: int
    commission_tax: int
    tax: Annotated[int, Field(description="collected from buyers, whoever owes it; shown, not summed")]
    fee: Annotated[int, Field(description="the processor's, as far as the provider bears it")]


class StatementLineOut(Resource):
    seq: int
    type: str
    at: Time
    order_id: str | None
    source_id: str
    item_ids: list[str]
    note: str | None
    figures: FiguresOut | None
    amount: Annotated[int, Field(description="above zero where the provider is owed more")]
    balance_after: int

    @classmethod
    def of(cls, line: AccountLine) -> "StatementLineOut":
        return cls(
            seq=line.seq,
            type=line.type.value,
            at=line.at,
            order_id=line.order_id,
            source_id=line.source_id,
            item_ids=list(line.item_ids),
            note=line.note,
            figures=_figures(line.figures),
            amount=line.amount.micros,
            balance_after=line.balance_after.micros,
        )


class StatementTotalOut(Resource):
    type: str
    count: int
    figures: FiguresOut
    amount: int

    @classmethod
    def of(cls, total: Total) -> "StatementTotalOut":
        shown = FiguresOut(**{name: getattr(total.figures, name).micros for name in _FIGURES})
        return cls(type=total.type.value, count=total.count, figures=shown, amount=total.amount.micros)


class StatementPartyOut(Resource):
    tenant_id: str
    name: str
    tax_id: str | None
    country: str | None

    @classmethod
    def of(cls, tenant_id: str, party: Party) -> "StatementPartyOut":
        country = party.address.country_code if party.address else None
        return cls(tenant_id=tenant_id, name=party.name, tax_id=party.tax_id, country=country)


class StatementOut(Resource):
    """``openingBalance`` and the amounts of all lines add up to ``closingBalance``, with which the next one opens."""

    number: Annotated[str, Field(description="without a gap within the account")]
    payout_id: str
    status: Annotated[str, Field(description="of the payout")]
    issuer: StatementPartyOut
    provider: StatementPartyOut
    currency: str
    begins_at: Time
    ends_at: Time
    opening_balance: int
    totals: list[StatementTotalOut]
    payout_amount: int
    destination_last4: str | None
    closing_balance: int
    pending: Annotated[int, Field(description="earned and not on the account yet, as of `madeAt`; in no balance")]
    held: Annotated[int, Field(description="what open disputes hold, as of `madeAt`; in no balance")]
    made_at: Time
    line_count: int
    lines: list[StatementLineOut]
    next_after: Annotated[int | None, Field(description="`after` of the lines that follow; null where there are none")]

    @classmethod
    def of(cls, document: StatementDocument, after: int, limit: int) -> "StatementOut":
        """A statement with some of its lines, and the totals of all.

        Args:
            after: the number of the line after which they begin; 0 for the first one.
            limit: at most so many.
        """
        stated = document.statement
        payout = stated.payout
        lines, following = part(stated.lines, after, limit)
        return cls(
            number=payout.number,
            payout_id=payout.id,
            status=payout.status.value,
            issuer=StatementPartyOut.of(payout.marketplace_id, document.issuer),
            provider=StatementPartyOut.of(payout.tenant_id, document.provider),
            currency=stated.currency,
            begins_at=stated.begins_at,
            ends_at=payout.created_at,
            opening_balance=stated.opening.micros,
            totals=[StatementTotalOut.of(each) for each in stated.totals],
            payout_amount=payout.amount.micros,
            destination_last4=payout.destination,
            closing_balance=stated.closing.micros,
            pending=stated.pending.micros,
            held=stated.held.micros,
            made_at=stated.made_at,
            line_count=len(stated.lines),
            lines=[StatementLineOut.of(each) for each in lines],
            next_after=following,
        )


def part(lines: Sequence[AccountLine], after: int, limit: int) -> tuple[Sequence[AccountLine], int | None]:
    """Some of a statement's lines, and the number after which the others follow, if any do."""
    rest = [each for each in lines if each.seq > after]
    return rest[:limit], rest[limit - 1].seq if len(rest) > limit else None


def as_csv(document: StatementDocument, after: int, limit: int) -> bytes:
    """The lines of a statement as CSV (RFC 4180, UTF-8): amounts in micro-units, as in the JSON."""
    stated = document.statement
    rows = [_row(stated.payout.number, each) for each in part(stated.lines, after, limit)[0]]
    return csv_of(_COLUMNS, rows)


def _row(number: str, line: AccountLine) -> list[str | int | None]:
    shown = [getattr(line.figures, name).micros if line.figures else None for name in _FIGURES]
    return [
        number,
        line.seq,
        line.type.value,
        _time(line.at),
        line.order_id,
        line.source_id,
        " ".join(line.item_ids),
        line.note,
        line.amount.currency,
        *shown,
        line.amount.micros,
        line.balance_after.micros,
    ]


def _time(at: datetime) -> str:
    return format_time(at)


def _figures(figures: Figures | None) -> FiguresOut | None:
    return None if figures is None else FiguresOut(**{name: getattr(figures, name).micros for name in _FIGURES})
