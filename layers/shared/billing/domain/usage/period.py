"""The record of a subscription's usage in a period: what its meters showed, and how much of that was billed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.meter import Amount
from billing.domain.kernel.money import Money
from billing.domain.lines.crediting import scaled
from billing.domain.lines.line import InvoiceLine
from billing.domain.usage.event import Cell, UsageSpan

Place = tuple[datetime | None, str, tuple[str, ...]]
"""From when in a period (None for its beginning), which component, and which group of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A total, or a part of one: what a meter shows in a cell."""

    meter: str
    cell: Cell
    amount: Amount


@dataclass(frozen=True, slots=True)
class UsageCharge:
    """What was billed of a component, or of one of its groups, in a period, or in the part of it after ``since``.

    Args:
        quantity: how much was billed.
        lines: what is left of the lines that billed it, the latest last: a credit gives back from these.
        forgiven: micro-units that were billed but need not be paid, because the invoice is void or the line was
            credited. No correction gives them back.
    """

    since: datetime | None
    component: str
    group: tuple[str, ...]
    quantity: Decimal = Decimal(0)
    lines: tuple[InvoiceLine, ...] = ()
    forgiven: int = 0

    @property
    def place(self) -> Place:
        """What it is the charge of."""
        return self.since, self.component, self.group

    @property
    def billed(self) -> int:
        """In micro-units, before discounts: what is billed of it and not given back."""
        return sum(line.amount.micros for line in self.lines)


@dataclass(frozen=True, slots=True)
class UsagePeriod:
    """The record of a subscription's usage in a period, as of its last closing.

    Args:
        span: the whole period.
        ended: the subscription ran to its end, and was billed then: minimums are part of what it costs.
        discount: what held at its end.
    """

    id: str
    tenant_id: str
    subscription_id: str
    span: UsageSpan
    readings: tuple[Reading, ...] = ()
    charges: tuple[UsageCharge, ...] = ()
    ended: bool = False
    discount: Discount | None = None


@dataclass(frozen=True, slots=True)
class UsageHistory:
    """The usage periods of a subscription that began in one week (UTC), in order: one item, also for daily plans."""

    entity_name: ClassVar[str] = "UsageHistory"

    id: str
    tenant_id: str
    subscription_id: str
    periods: tuple[UsagePeriod, ...] = ()
    version: int = 0

    def period(self, period_id: str) -> UsagePeriod | None:
        """One of its periods."""
        return next((each for each in self.periods if each.id == period_id), None)

    def having(self, periods: Iterable[UsagePeriod]) -> "UsageHistory":
        """The history with periods as they are now."""
        known = {each.id: each for each in self.periods} | {each.id: each for each in periods}
        return replace(self, periods=tuple(known[each] for each in sorted(known)))


def period_id(subscription_id: str, span: UsageSpan) -> str:
    """The id of a subscription's usage period: ``sub_1#2026-01-31T00:00:00Z/2026-02-28T00:00:00Z``."""
    return f"{subscription_id}#{span.whole.key}"


def history_id(of_period: str) -> str:
    """The id of the history that has a period: ``sub_1#2026-01-26``, the Monday of the week in which it began."""
    subscription_id, _, key = of_period.partition("#")
    began = date.fromisoformat(key[:10])
    return f"{subscription_id}#{began - timedelta(days=began.weekday())}"


def invoiced(period: UsagePeriod, lines: Iterable[InvoiceLine], taxed: bool = True) -> UsagePeriod:
    """The period once its lines are on an invoice: what is left of them gets the invoice's line ids and taxes.

    Args:
        taxed: False while the tax on the invoice is still to come: until then they have its ids in ``of_line`` alone.
    """
    final = {_key(line): line for line in lines if not line.amount.is_negative}
    charges = tuple(
        replace(charge, lines=tuple(_as_on_invoice(each, final.get(_key(each)), taxed) for each in charge.lines))
        for charge in period.charges
    )
    return replace(period, charges=charges)


def _key(line: InvoiceLine) -> tuple[object, ...]:
    return line.usage, line.component, tuple(line.dimensions.values())


def _as_on_invoice(line: InvoiceLine, final: InvoiceLine | None, taxed: bool) -> InvoiceLine:
    """A line, or what is left of it, with its id and its share of the taxes; a draft's may change until it is final."""
    if final is None or line.id not in ("", final.id):
        return line
    if not taxed:
        return replace(line, of_line=final.id)
    share = Fraction(line.amount.micros, final.amount.micros)
    taxes, untaxed = (tuple(tax.of_share(share) for tax in each) for each in (final.taxes, final.untaxed))
    return replace(line, id=final.id, taxes=taxes, untaxed=untaxed)


def given_back(charge: UsageCharge, amount: int) -> tuple[UsageCharge, list[InvoiceLine]]:
    """The charge after a credit, and the credit's lines: of the latest lines first, net of their discounts.

    If 100.00 were billed with 50 % off, a correction of 40.00 gives back 20.00, with the tax on that share.

    Args:
        amount: micro-units, positive, at most what is billed.
    """
    kept = list(charge.lines)
    credits_: list[InvoiceLine] = []
    while amount:
        line = kept.pop()
        taken = min(amount, line.amount.micros)
        amount -= taken
        rest, part = _split(line, taken)
        kept += [rest] if rest is not None else []
        credits_.append(
            replace(
                part,
                id="",
                credits=line.id or None,
                unit_amount=None,
                amount=-part.taxable,
                taxes=tuple(-tax for tax in part.taxes),
                untaxed=tuple(-tax for tax in part.untaxed),
                discounts=(),
                steps=(),
            )
        )
    return replace(charge, lines=tuple(kept)), credits_


def forgiven(period: UsagePeriod, lines: Iterable[InvoiceLine], taken: Mapping[str, Money]) -> UsagePeriod:
    """The period after its invoice became void, or a credit note took something off the invoice's lines.

    Args:
        lines: those of the invoice that billed the period; what it gave back stays as it is.
        taken: by line id, what was taken off the line's amount.
    """
    billed = [line for line in lines if not line.amount.is_negative]
    charges = {each.place: each for each in invoiced(period, billed).charges}  # a draft's were not noted yet
    for line in billed:
        place = (line.usage.since if line.usage else None, line.component or "", tuple(line.dimensions.values()))
        charges[place] = _without(charges[place], line.id, taken[line.id].micros)
    return replace(period, charges=tuple(charges.values()))


def _without(charge: UsageCharge, line_id: str, amount: int) -> UsageCharge:
    """The charge with something of one of its lines forgiven."""
    kept: list[InvoiceLine] = []
    for line in charge.lines:
        taken = min(amount, line.amount.micros) if line.id == line_id else 0
        amount -= taken
        rest, _ = _split(line, taken)
        kept += [rest] if rest is not None else []
        charge = replace(charge, forgiven=charge.forgiven + taken)
    return replace(charge, lines=tuple(kept))


def _split(line: InvoiceLine, taken: int) -> tuple[InvoiceLine | None, InvoiceLine]:
    """What is left of a line, None where nothing is, and the part of ``taken`` micro-units; together they are it."""
    if taken == line.amount.micros:
        return None, line
    part = scaled(line, Fraction(taken, line.amount.micros))
    rest = replace(
        line,
        steps=(),
        amount=line.amount - part.amount,
        discounts=tuple(
            replace(each, amount=each.amount - less.amount)
            for each, less in zip(line.discounts, part.discounts, strict=True)
        ),
        taxes=tuple(each.less(less) for each, less in zip(line.taxes, part.taxes, strict=True)),
        untaxed=tuple(each.less(less) for each, less in zip(line.untaxed, part.untaxed, strict=True)),
    )
    return rest, part
