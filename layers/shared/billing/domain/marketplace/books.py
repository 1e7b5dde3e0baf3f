"""What a marketplace's books say of its orders.

100.00 and 10.00 tax at 15 %, paid: Dr receivable 110.00; Cr provider pending 85.00, commission 15.00, tax payable
10.00. Half of it refunded before the earning is released: the reverse of half; afterwards from provider payable. A
dispute holds what was on the account (Dr payable, Cr held); lost, it takes the shares for good, and Cr disputes.
"""

from collections.abc import Mapping
from datetime import datetime

from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.marketplace.order import Order
from billing.domain.marketplace.returning import by_provider
from billing.domain.marketplace.split import Split


def sold(order: Order, at: datetime) -> LedgerEntry | None:
    """The sale, when the order is paid; None where it moves nothing."""
    parts = by_provider(order, {each.id: each.split for each in order.items})
    pending = dict.fromkeys(order.provider_ids, Account.PROVIDER_PENDING)
    return _entry(order, ("sold",), "order_sold", order.id, at, _parts(order, parts, pending, _owed(order)))


def returned(
    order: Order,
    fact: tuple[str, ...],
    source_id: str,
    parts: Mapping[str | None, Split],
    accounts: Mapping[str, Account],
    at: datetime,
    undone: bool = False,
) -> LedgerEntry | None:
    """What a refund takes back, from whom: the sale, reversed.

    Args:
        fact: what the entry's id is derived from.
        source_id: the refund's id.
        parts: by who sold.
        accounts: by provider, where its share is taken from.
        undone: the refund came to nothing: all of it is given again.
    """
    postings = _parts(order, parts, accounts, _owed(order), sign=1 if undone else -1)
    kind = "order_refund_undone" if undone else "order_refunded"
    return _entry(order, fact, kind, source_id, at, postings)


def dispute_lost(
    order: Order,
    fact: tuple[str, ...],
    source_id: str,
    parts: Mapping[str | None, Split],
    accounts: Mapping[str, Account],
    at: datetime,
    undone: bool = False,
) -> LedgerEntry | None:
    """What a lost dispute takes, from whom; the arguments are those of ``returned``."""
    postings = _parts(order, parts, accounts, (Account.DISPUTES, order.customer_id), sign=1 if undone else -1)
    kind = "order_dispute_reopened" if undone else "order_dispute_lost"
    return _entry(order, fact, kind, source_id, at, postings)


def dispute_held(
    order: Order, fact: tuple[str, ...], source_id: str, shares: Mapping[str, Money], at: datetime
) -> LedgerEntry | None:
    """What a dispute holds of providers' accounts: Dr payable, Cr held.

    Args:
        shares: by provider; below zero what it lets go.
    """
    postings: list[Posting] = []
    for provider_id, share in shares.items():
        postings += [
            Posting(Account.PROVIDER_PAYABLE, share, provider_id),
            Posting(Account.PROVIDER_HELD, -share, provider_id),
        ]
    return _entry(order, fact, "order_dispute_held", source_id, at, postings)


def beyond_the_items(
    order: Order, fact: tuple[str, ...], source_id: str, amount: Money, at: datetime, of_dispute: bool
) -> LedgerEntry | None:
    """What went back of an order beyond what was left of its items: the marketplace's expense, until room is made.

    Args:
        amount: below zero what a later return makes room for.
        of_dispute: a lost dispute took it, so it is a bad debt; else a refund did.
    """
    postings = [
        Posting(Account.BAD_DEBT if of_dispute else Account.REFUNDS, amount),
        Posting(Account.DISPUTES if of_dispute else Account.RECEIVABLE, -amount, order.customer_id),
    ]
    return _entry(order, fact, "order_return_short", source_id, at, postings)


def fee_borne(
    order: Order, payment_id: str, shares: Mapping[str, Money], accounts: Mapping[str, Account], at: datetime
) -> LedgerEntry | None:
    """The part of Stripe's fee that providers bear: Dr their accounts, Cr processing fees.

    The fee itself (Dr processing fees, Cr cash) is entered with its charge, whoever bears it.
    """
    postings = [Posting(accounts[each], share, each) for each, share in shares.items()]
    postings += [Posting(Account.PROCESSING_FEES, -share) for share in shares.values()]
    return _entry(order, ("fee", payment_id), "order_fee_borne", payment_id, at, postings)


def entry_id(order: Order, *fact: str) -> str:
    """The id of an entry about a fact of an order: one, however often the fact is told."""
    return derived("le", order.created_at, "order", order.id, *fact)


def _owed(order: Order) -> tuple[Account, str | None]:
    return Account.RECEIVABLE, order.customer_id


def _parts(
    order: Order,
    parts: Mapping[str | None, Split],
    accounts: Mapping[str, Account],
    against: tuple[Account, str | None],
    sign: int = 1,
) -> list[Posting]:
    """The postings of a sale (or with ``sign`` -1 of what is taken back), all parts together."""
    total = Split.nothing(order.currency)
    found: list[Posting] = []
    for provider_id, part in parts.items():
        total += part
        if provider_id is None:
            found.append(Posting(Account.REVENUE, _signed(-part.earning, sign)))
        else:
            found.append(Posting(accounts[provider_id], _signed(-part.earning, sign), provider_id))
    account, party = against
    return [
        Posting(account, _signed(total.paid, sign), party),
        Posting(Account.PROMOTIONS, _signed(total.promotion, sign)),
        *found,
        Posting(Account.COMMISSION_REVENUE, _signed(-total.commission, sign)),
        Posting(Account.TAX_PAYABLE, _signed(-(total.tax_owed + total.commission_tax), sign)),
    ]


def _signed(amount: Money, sign: int) -> Money:
    return amount if sign > 0 else -amount


def _entry(
    order: Order, fact: tuple[str, ...], kind: str, source_id: str, at: datetime, postings: list[Posting]
) -> LedgerEntry | None:
    moved = tuple(each for each in postings if not each.amount.is_zero)
    if not moved:
        return None
    made_id = entry_id(order, *fact)
    return LedgerEntry(made_id, kind, source_id, at, moved, invoice_id=None, test_clock_id=order.test_clock_id)
