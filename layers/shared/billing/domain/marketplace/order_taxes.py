"""What a marketplace says to a tax authority of its orders: of the tax that it owes itself.

Of an item whose provider collects its tax nothing is said, for it is the provider's sale. What a return takes divides
over an item's taxes by their amounts: with one tax to an item, as for VAT, exactly; with several, to a unit a return.

    100.00 and 10.00 tax, 15.00 commission with 19 % on it: GST on 100.00: 10.00; commission tax on 15.00: 2.85
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import Money
from billing.domain.lines.tax_facts import Taxability, TaxFacts
from billing.domain.lines.tax_records import TaxOf, TaxRecord
from billing.domain.marketplace.order import Order, OrderItem
from billing.domain.marketplace.split import Split

COMMISSION_TAX = "Commission tax"
_ON_COMMISSION = TaxFacts(None, Taxability.TAXED, reason="commission")
"""Where a provider is taxed on the marketplace's commission is not said: the marketplace fixes one rate for all."""


def records_of_items(order: Order, items: Mapping[str, Split], sign: int = 1) -> tuple[TaxRecord, ...]:
    """The records of items that were sold, or with ``sign`` -1 of what is taken back of them, one for each tax.

    Args:
        items: what of each, by its id.
    """
    by_id = {each.id: each for each in order.items}
    found: list[TaxRecord] = []
    for item_id, part in items.items():
        item = by_id[item_id]
        if item.provider_id is None or item.tax_collector is Party.MARKETPLACE:
            found += _of_item(item, part)
        zero = Money.zero(order.currency)
        percent = order.terms.commission_tax_percent
        if not part.commission_tax.is_zero:
            found.append(TaxRecord(COMMISSION_TAX, percent, part.commission, part.commission_tax, zero, _ON_COMMISSION))
    return _added(found if sign > 0 else [-each for each in found])


def _of_item(item: OrderItem, part: Split) -> list[TaxRecord]:
    net, zero = part.net, Money.zero(part.paid.currency)
    whole = item.split.net.micros

    def base(of_line: Money | None) -> Money:
        if of_line is None or not whole:
            return net
        return Money.rounded(Fraction(of_line.micros * net.micros, whole), net.currency)

    amounts = [abs(tax.amount.micros) for tax in item.taxes]
    taxes = part.tax_owed.allocate(amounts) if any(amounts) else [zero for _ in amounts]
    found = [
        TaxRecord(tax.name, tax.rate_percent, base(tax.base), amount, zero, tax.facts)
        for tax, amount in zip(item.taxes, taxes, strict=True)
    ]
    found += [TaxRecord(tax.name, tax.rate_percent, zero, zero, base(tax.base), tax.facts) for tax in item.untaxed]
    return found or [TaxRecord(None, None, zero, zero, net)]


def _added(records: Iterable[TaxRecord]) -> tuple[TaxRecord, ...]:
    sums: dict[TaxOf, TaxRecord] = {}
    for each in records:
        sums[each.tax_of] = sums[each.tax_of] + each if each.tax_of in sums else each
    return tuple(each for each in sums.values() if not each.is_nothing)
