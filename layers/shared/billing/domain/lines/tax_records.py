"""What documents say to a tax authority: for each tax what it is on, how much it is, and what it is not on.

An invoice has a record for each tax of each line, and for each that is not on a line. A credit note has the records of
what came back: the difference between what had come back before it and with it, as ``crediting`` divides net and taxes.
So the records of the credit notes that add up to an invoice add up to the invoice's, to the unit, whatever their order.

    150.00 at 19 %, 20.00 at 7 %, 10.00 exempt  ->  VAT 19 % on 150.00: 28.50; VAT 7 % on 20.00: 1.40; VAT not on 10.00
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.crediting import left_of
from billing.domain.lines.line import CreditStep, InvoiceLine, TaxAmount
from billing.domain.lines.tax_facts import TaxFacts

TaxOf = tuple[str | None, Decimal | None, TaxFacts | None]


@dataclass(frozen=True, slots=True)
class TaxRecord:
    """A tax of a document, or of a line of it.

    Args:
        name, rate_percent: None where there is no tax, and nobody said which there might be.
        taxable: what of the net it is on; also of a rate of zero.
        tax: how much it is.
        not_taxable: what of the net it is not on.
        facts: None on what is from before they were recorded.
    """

    name: str | None
    rate_percent: Decimal | None
    taxable: Money
    tax: Money
    not_taxable: Money
    facts: TaxFacts | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether it says of no money anything."""
        return self.taxable.is_zero and self.tax.is_zero and self.not_taxable.is_zero

    @property
    def is_on(self) -> bool:
        """Whether there is a tax, be it at a rate of zero, so that its base is a taxable one."""
        return self.name is not None and (self.facts is None or self.facts.treatment.is_taxed)

    @property
    def tax_of(self) -> TaxOf:
        """Which tax it is about: records that are alike in it are added up."""
        return self.name, self.rate_percent, self.facts

    def __neg__(self) -> "TaxRecord":
        return replace(self, taxable=-self.taxable, tax=-self.tax, not_taxable=-self.not_taxable)

    def __add__(self, other: "TaxRecord") -> "TaxRecord":
        return self - -other

    def __sub__(self, other: "TaxRecord") -> "TaxRecord":
        return replace(
            self,
            taxable=self.taxable - other.taxable,
            tax=self.tax - other.tax,
            not_taxable=self.not_taxable - other.not_taxable,
        )


def records_of(line: InvoiceLine) -> tuple[TaxRecord, ...]:
    """The records of a line; one of nothing has none."""
    net, zero = line.net, Money.zero(line.amount.currency)
    on = [TaxRecord(tax.name, tax.rate_percent, _base(tax, net), tax.amount, zero, tax.facts) for tax in line.taxes]
    off = [TaxRecord(each.name, each.rate_percent, zero, zero, _base(each, net), each.facts) for each in line.untaxed]
    if not on and not off:
        off = [TaxRecord(None, None, zero, zero, net)]
    return tuple(each for each in (*on, *off) if not each.is_nothing)


def credited_records(
    lines: Sequence[InvoiceLine], total: Money, before: Sequence[CreditStep], after: Sequence[CreditStep]
) -> tuple[TaxRecord, ...]:
    """The records of what came back of an invoice between two lists of steps: a credit note's.

    Args:
        lines, total: the invoice's.
        before, after: what came back of it until then, and with it.
    """
    old, new = _given_back(lines, total, before), _given_back(lines, total, after)
    found = (each - old[key] if key in old else each for key, each in new.items())
    return tuple(each for each in found if not each.is_nothing)


def _base(tax: TaxAmount, net: Money) -> Money:
    return net if tax.base is None else tax.base


@dataclass(slots=True)
class _Sum:
    """What came back under one tax, exact, in micro-units; ``base`` is taxable or not, as the tax is on it or not."""

    is_on: bool
    tax: Fraction = Fraction(0)
    base: Fraction = Fraction(0)


def _given_back(lines: Sequence[InvoiceLine], total: Money, steps: Sequence[CreditStep]) -> dict[TaxOf, TaxRecord]:
    """The records of all that came back, by their tax."""
    sums: dict[TaxOf, _Sum] = {}
    one_each, net = True, Fraction(0)
    for line, left in zip(lines, left_of(lines, steps).lines, strict=True):
        taken = {key: whole - left.taxes[key] for key, whole in left.whole_taxes.items()}
        back = left.whole - left.amount - sum(taken.values())
        net += back
        records = records_of(line)
        one_each = one_each and (len(records) == 1 or not left.whole)
        for record in records:
            found = sums.setdefault(record.tax_of, _Sum(record.is_on))
            found.tax += _share(record, records) * taken.get((record.name or "", record.rate_percent or Decimal(0)), 0)
            base = record.taxable + record.not_taxable
            found.base += back * base.micros / line.net.micros if line.net.micros else 0
    taxes = _taxes(sums, total.currency)
    if one_each:
        gross = _running([each.tax + each.base for each in sums.values()], total.currency)
        bases = [whole - tax for whole, tax in zip(gross, taxes, strict=True)]
    else:
        of_all = sum_money((*(step.amount for step in steps), *(-tax for tax in taxes)), total.currency)
        bases = [of_all if each.base == net else Money.rounded(each.base, total.currency) for each in sums.values()]
    zero = Money.zero(total.currency)
    return {
        key: TaxRecord(key[0], key[1], base if each.is_on else zero, tax, zero if each.is_on else base, key[2])
        for (key, each), base, tax in zip(sums.items(), bases, taxes, strict=True)
    }


def _share(record: TaxRecord, records: Sequence[TaxRecord]) -> Fraction:
    """The record's part of its line's taxes of that name and rate: all, unless two districts have both in common."""
    if not record.is_on:
        return Fraction(0)
    same = [each.tax.micros for each in records if each.is_on and each.tax_of[:2] == record.tax_of[:2]]
    return Fraction(record.tax.micros, sum(same)) if sum(same) else Fraction(1, len(same))


def _taxes(sums: Mapping[TaxOf, _Sum], currency: str) -> list[Money]:
    """The taxes, rounded so that those of one name and rate sum to what ``credited`` says of it."""
    found: dict[TaxOf, Money] = {}
    for coarse in dict.fromkeys(key[:2] for key in sums):
        keys = [key for key in sums if key[:2] == coarse]
        found |= zip(keys, _running([sums[key].tax for key in keys], currency), strict=True)
    return [found[key] for key in sums]


def _running(exact: Iterable[Fraction], currency: str) -> list[Money]:
    """Amounts rounded as differences of their running sums: they sum to the rounded sum, and nothing stays nothing."""
    found: list[Money] = []
    whole, given = Fraction(0), Money.zero(currency)
    for each in exact:
        whole += each
        upto = Money.rounded(whole, currency)
        found.append(upto - given)
        given = upto
    return found
