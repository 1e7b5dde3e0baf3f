"""What a refund, or a dispute, takes back of an order's items, and from whom.

Always by what was given back in all, less what had been before, so that no step loses or makes a cent: 0.03 at 50 %
is a commission of 0.02; of three refunds of 0.01 it gives back 0.01, 0.00 and 0.01, the provider 0.00, 0.01 and 0.00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import RefundExceedsAvailable
from billing.domain.kernel.marketplace_terms import MarketplaceTerms
from billing.domain.kernel.money import Money, exact_fraction, sum_money
from billing.domain.marketplace.order import Order, OrderItem, OrderReturn
from billing.domain.marketplace.split import Split


def by_amount(order: Order, amount: Money) -> dict[str, Split]:
    """An amount over what is left of each item, by largest remainder: 50.01 of 280.00 and 120.00 is 35.01 and 15.00.

    All that is left takes back the items, too, that cost the buyer nothing: of 10.00, and 20.00 that a coupon paid.

    Args:
        amount: above zero.

    Raises:
        RefundExceedsAvailable: more than is left of the order.
    """
    lefts = [each.left for each in order.items]
    if amount > order.left:
        raise RefundExceedsAvailable(f"{order.left} is left of the order {order.id}")
    shares = _shares(amount, lefts)
    found = {
        each.id: _step(each, each.returned.paid + share, None, order.terms)
        for each, share in zip(order.items, shares, strict=True)
        if not share.is_zero
    }
    # With the last cent, what a coupon had paid for alone comes back, too: of an order that is refunded nobody keeps.
    free = [each for each in order.items if each.split.paid.is_zero] if amount == order.left else []
    for each in free:
        rest = _step(each, each.split.paid, Fraction(1), order.terms)
        if rest != Split.nothing(order.currency):
            found[each.id] = rest
    return found


def by_items(order: Order, quantities: Mapping[str, int], amounts: Mapping[str, Money]) -> dict[str, Split]:
    """So many, or so much, of some items; the last of an item brings all that is left of it.

    Two at 10.00 of which 5.00 were given back: the first brings 10.00, the second the other 5.00.

    Args:
        quantities: by item id, each above zero.
        amounts: by the ids of other items, each above zero.

    Raises:
        RefundExceedsAvailable: more than is left of an item.
    """
    found: dict[str, Split] = {}
    for each in order.items:
        if each.id in amounts:
            if amounts[each.id] > each.left:
                raise RefundExceedsAvailable(f"{each.left} is left of {each.id}")
            found[each.id] = _step(each, each.returned.paid + amounts[each.id], None, order.terms)
        wanted = quantities.get(each.id)
        if wanted is None:
            continue
        done = each.returned_quantity + wanted
        if done > each.quantity or (each.left.is_zero and not each.split.paid.is_zero):
            left = each.quantity - each.returned_quantity
            raise RefundExceedsAvailable(f"{left} of {each.quantity} are left of {each.id}")
        found[each.id] = _step(each, _paid_after(each, done), Fraction(done, each.quantity), order.terms)
    return found


def taken(order: Order, back: OrderReturn) -> Order:
    """The order with what a return takes of its items; what it took is put back where it is undone."""
    return replace(order, items=tuple(_with(each, back) for each in order.items))


def by_provider(order: Order, parts: Mapping[str, Split]) -> dict[str | None, Split]:
    """The sums of parts, by who sold the items; under None what the marketplace sold itself."""
    sums: dict[str | None, Split] = {}
    for each in order.items:
        if each.id in parts:
            sums[each.provider_id] = sums.get(each.provider_id, Split.nothing(order.currency)) + parts[each.id]
    return sums


def _with(item: OrderItem, back: OrderReturn) -> OrderItem:
    part = back.parts.get(item.id)
    if part is None:
        return item
    quantity = back.quantities.get(item.id, 0)
    sign = -1 if back.undone else 1
    change = -part if back.undone else part
    before = Split.nothing(part.paid.currency) if item.disputed is None else item.disputed
    return replace(
        item,
        returned=item.returned + change,
        returned_quantity=item.returned_quantity + sign * quantity,
        disputed=before + change if back.is_dispute else item.disputed,
    )


def _paid_after(item: OrderItem, done: int) -> Money:
    """What the buyer has got back of an item once ``done`` of its quantity are given back."""
    paid, currency = item.split.paid, item.split.paid.currency
    if done == item.quantity:
        return paid
    step = charge_step(currency)
    until, before = (
        Money.rounded(Fraction(paid.micros * each, item.quantity), currency, step)
        for each in (done, item.returned_quantity)
    )
    return min(item.returned.paid + until - before, paid)


def _step(item: OrderItem, paid: Money, share: Fraction | None, terms: MarketplaceTerms) -> Split:
    """What has to be given back of an item's parts so that ``paid`` is given back in all.

    Args:
        share: of the item, where it is given back by number; it counts where the buyer paid nothing.
    """
    whole, before = _less_fee(item.split, terms), item.returned
    if paid == whole.paid and (share is None or share == 1):
        return whole - before
    ratio = Fraction(paid.micros, whole.paid.micros) if whole.paid.micros else share or Fraction(0)
    step = charge_step(paid.currency)
    tax = _part(whole.tax, ratio, step)
    if not whole.net.is_zero:
        ratio = Fraction((paid - tax).micros, whole.net.micros)
    wanted = {
        "tax": tax,
        "promotion": _part(whole.promotion, ratio, step),
        "commission": _part(whole.commission, ratio, step),
        "commission_tax": _part(whole.commission_tax, ratio, step),
    }
    steps = {name: each - getattr(before, name) for name, each in wanted.items()}
    return _within(paid - before.paid, steps, whole - before, owed=not whole.tax_owed.is_zero)


def _within(paid: Money, steps: dict[str, Money], left: Split, owed: bool) -> Split:
    """A step that takes of no part more than is left of it, and gives none back.

    The earning is the rest. Where rounding would make that less than nothing, or more than is left of it, the others
    make up for it, the commission first: of 0.03 at 50 % with a tax of 100 % on the commission, 0.01 would give back
    0.01 of both, and 0.01 more than there is. And what came back from a bank may have been rounded the other way.

    Args:
        steps: what is to be given back of tax, promotion, commission and its tax.
        owed: whether the marketplace owes the tax.
    """
    zero = Money.zero(paid.currency)
    most: dict[str, Money] = {name: getattr(left, name) for name in steps}
    parts = {name: min(max(each, zero), most[name]) for name, each in steps.items()}

    def earning() -> Money:
        tax_owed = parts["tax"] if owed else zero
        return paid + parts["promotion"] - tax_owed - parts["commission"] - parts["commission_tax"]

    for name in ("commission", "commission_tax", "promotion", *(["tax"] if owed else [])):
        rest = earning()
        off = rest - min(max(rest, zero), left.earning)  # above zero: others have to take more
        change = -off if name == "promotion" else off
        parts[name] = min(max(parts[name] + change, zero), most[name])
    tax = parts["tax"]
    return Split(
        paid, parts["promotion"], tax, tax if owed else zero, parts["commission"], parts["commission_tax"], earning()
    )


def _less_fee(whole: Split, terms: MarketplaceTerms) -> Split:
    """What can be given back of an item: of its commission, the marketplace may keep a part as a fee for refunds.

    Of 15.00 it keeps 20 %, 5.00 at the most: 3.00. The provider gives back 88.00 where it had earned 85.00.
    """
    currency = whole.paid.currency
    percent = exact_fraction(terms.refund_fee_percent) / 100
    kept = Money.rounded(whole.commission.micros * percent, currency, charge_step(currency))
    if terms.refund_fee_most is not None:
        kept = min(kept, Money(terms.refund_fee_most, currency), whole.commission)
    return replace(whole, commission=whole.commission - kept, earning=whole.earning + kept)


def _part(of: Money, ratio: Fraction, step: int) -> Money:
    return Money.rounded(of.micros * ratio, of.currency, step)


def _shares(amount: Money, weights: Sequence[Money]) -> list[Money]:
    """An amount by weights, in steps that can be charged."""
    currency = amount.currency
    if sum_money(weights, currency).is_zero:
        return [Money.zero(currency) for _ in weights]
    step = charge_step(currency)
    parts = Money.from_minor(amount.minor // step, currency).allocate([each.micros for each in weights])
    return [Money.from_minor(part.minor * step, currency) for part in parts]


def fee_shares(order: Order, fee: Money) -> dict[str | None, Money]:
    """A fee by who sold, over what the items cost: 3.20 over 60.00 and 40.00 is 1.92 and 1.28; under None the rest."""
    sums: dict[str | None, Money] = {}
    for each in order.items:
        sums[each.provider_id] = sums.get(each.provider_id, Money.zero(order.currency)) + each.gross
    if all(each.is_zero for each in sums.values()):
        return {}
    return dict(zip(sums, fee.allocate([each.micros for each in sums.values()]), strict=True))
