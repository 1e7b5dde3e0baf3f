"""The double-entry ledger: every entry's postings sum to zero, so money is moved and never made.

A debit is positive and a credit negative; an account's balance is the sum of its postings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import require_utc
from billing.domain.lines.tax_records import TaxRecord


class Account(StrEnum):
    """The accounts of a tenant's books."""

    RECEIVABLE = "receivable"  # what customers owe
    REVENUE = "revenue"
    TAX_PAYABLE = "tax_payable"  # tax collected for an authority
    CASH = "cash"  # the balance at Stripe, to the transaction
    CASH_CLEARING = "cash_clearing"  # what moved at Stripe and has no line of its account yet, or the other way round
    CURRENCY_EXCHANGE = "currency_exchange"  # what Stripe converted: what it gave in one currency, what in the other
    CUSTOMER_BALANCE = "customer_balance"  # credit that customers have with the tenant, or small sums that they owe it
    REFUNDS = "refunds"  # what was given back without a credit note
    DISPUTES = "disputes"  # what payers' banks hold while a dispute is open
    BAD_DEBT = "bad_debt"  # receivables that nobody will pay, and disputes that were lost
    COMMISSION_REVENUE = "commission_revenue"  # what a marketplace keeps of what its providers sell
    PROMOTIONS = "promotions"  # coupons that a marketplace pays for, on what its providers sell
    PROCESSING_FEES = "processing_fees"  # Stripe's
    PROVIDER_PENDING = "provider_pending"  # what providers earned and cannot be paid yet
    PROVIDER_PAYABLE = "provider_payable"  # what providers can be paid; below zero what they owe
    PROVIDER_HELD = "provider_held"  # what open disputes hold of that
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"  # claimed by a payout whose transfer is not confirmed, or that failed
    BANK = "bank"  # the tenant's own bank account, into which Stripe pays its balance


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry.

    Args:
        account: the account it is posted to.
        amount: a debit if positive, a credit if negative.
        party: the customer's or provider's id, where the account is kept by party.
    """

    account: Account
    amount: Money
    party: str | None = None


@dataclass(frozen=True, slots=True)
class Receivable:
    """What a customer owes, or is owed: what an entry that moves it has to know of it.

    Args:
        customer_id: whose it is.
        invoice_id: of which invoice; None for a sale without one, and for an order.
        test_clock_id: the customer's clock, in whose time the entry is posted; None for the wall clock.
    """

    customer_id: str
    invoice_id: str | None
    test_clock_id: str | None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Postings of one currency that together record one fact and sum to zero.

    Args:
        id: the entry's id.
        kind: what happened, e.g. "invoice_finalized".
        source_id: the fact it records: an invoice's or payment's id.
        posted_at: aware, UTC.
        postings: at least two.
        tenant_id: in whose books; empty for those of the tenant whose unit of work saves it.
        balance_transaction_id: the line of the account at Stripe that a posting to cash is, where it is known.
        invoice_id: the invoice whose receivable it moves, or whose money it says is disputed, where there is one: aging
            is a sum by it.
        test_clock_id: the clock in whose time it was posted; None for the wall clock's, which reports are made of.
            Who makes an entry always says which; a default is only for entries that are older than this field.
        tax_records: what its posting to tax payable says to the tax authority, of a marketplace's orders; of invoices
            and credit notes the documents say it.

    Raises:
        CurrencyMismatch: the postings mix currencies (a ValueError).
        ValueError: fewer than two postings, a sum other than zero, or a time that is not UTC.
    """

    entity_name: ClassVar[str] = "LedgerEntry"

    id: str
    kind: str
    source_id: str
    posted_at: datetime
    postings: tuple[Posting, ...]
    tenant_id: str = ""
    balance_transaction_id: str | None = None
    invoice_id: str | None = None
    test_clock_id: str | None = None
    tax_records: tuple[TaxRecord, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "posted_at", require_utc(self.posted_at, "posted_at"))
        object.__setattr__(self, "postings", tuple(self.postings))
        if len(self.postings) < 2:
            raise ValueError(f"entry {self.id} needs at least two postings, has {len(self.postings)}")
        total = sum_money((posting.amount for posting in self.postings), self.postings[0].amount.currency)
        if not total.is_zero:
            raise ValueError(f"entry {self.id} does not balance: {total}")


OF_CUSTOMERS = frozenset({Account.RECEIVABLE, Account.CUSTOMER_BALANCE, Account.DISPUTES, Account.BAD_DEBT})
"""The accounts whose postings name customers."""


def customer_of(entry: LedgerEntry) -> str | None:
    """Whose entry it is, as its postings say it: an entry is about one customer at most.

    None of what is no customer's, or whose postings come to nothing for its customer.
    """
    return next((each.party for each in entry.postings if each.party and each.account in OF_CUSTOMERS), None)


def invoice_finalized(
    entry_id: str,
    invoice_id: str,
    receivable: Receivable,
    net: Money,
    tax: Money,
    at: datetime,
    *,
    of_lines: bool = False,
) -> LedgerEntry | None:
    """Record that a customer owes an invoice: debit receivable, credit revenue and tax.

    $10.00 net and $2.00 tax: Dr receivable 12.00, Cr revenue 10.00, Cr tax payable 2.00. Postings of zero are
    left out.

    Args:
        entry_id: the id of the entry to make.
        invoice_id: the fact.
        receivable: what is owed.
        net: the invoice's total before tax, after discounts.
        tax: the tax on it, same currency.
        at: when it was finalized, UTC.
        of_lines: it has lines with amounts, and is entered even if they come to nothing: 50.00 for next year less
            50.00 for this one move what is earned when, and 100.00 less a coupon of 100 % are billed and given.

    Returns:
        The entry, or None where there is nothing to enter (a free plan's invoice). Net -2.00 with tax 2.00
        also totals zero (an untaxed credit of 12.00 beside a taxed 10.00 at 20 %), but is posted: the tax is
        owed.

    Raises:
        CurrencyMismatch: net and tax differ in currency.
        ValueError: `at` is not UTC.
    """
    postings = (
        Posting(Account.RECEIVABLE, net + tax, receivable.customer_id),
        Posting(Account.REVENUE, -net),
        Posting(Account.TAX_PAYABLE, -tax),
    )
    moved = tuple(posting for posting in postings if not posting.amount.is_zero)
    if not moved and of_lines:
        moved = postings[:2]
    return _entry(entry_id, "invoice_finalized", invoice_id, at, moved, receivable) if moved else None


def payment_received(
    entry_id: str, payment_id: str, receivable: Receivable, amount: Money, at: datetime
) -> LedgerEntry:
    """Record that a customer paid: debit cash, credit receivable.

    Args:
        entry_id: the id of the entry to make.
        payment_id: the fact.
        receivable: what goes down.
        amount: what was paid, above zero.
        at: when, UTC.

    Raises:
        ValueError: the amount is zero or negative, or `at` is not UTC.
    """
    if amount <= Money.zero(amount.currency):
        raise ValueError(f"a payment must be above zero: {amount}")
    postings = (Posting(Account.CASH, amount), Posting(Account.RECEIVABLE, -amount, receivable.customer_id))
    return _entry(entry_id, "payment_received", payment_id, at, postings, receivable)


def balance_used(entry_id: str, invoice_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record that a customer's balance paid an invoice (or, below zero, that an invoice paid into the balance).

    $20.00 of credit used: Dr customer balance 20.00, Cr receivable 20.00. An invoice over -$50.00 the other way round:
    Dr receivable 50.00, Cr customer balance 50.00.

    Args:
        entry_id: the id of the entry to make.
        invoice_id: the invoice or credit note.
        receivable: what goes down, and whose balance pays it.
        amount: what was used; negative where it grew; not zero.
        at: when, UTC.
    """
    postings = (
        Posting(Account.CUSTOMER_BALANCE, amount, receivable.customer_id),
        Posting(Account.RECEIVABLE, -amount, receivable.customer_id),
    )
    return _entry(entry_id, "balance_used", invoice_id, at, postings, receivable)


def credit_applied(entry_id: str, invoice_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record that credits of one invoice took something off another one, by way of the customer's balance.

    An invoice over -50.00 takes 30.00 off one over 100.00. For the first: Dr receivable 30.00, Cr customer balance; for
    the second: Dr customer balance 30.00, Cr receivable. The balance is as it was, and 70.00 and -20.00 are left.

    Args:
        entry_id: the id of the entry to make.
        invoice_id: the fact: of two invoices, the one whose receivable this is.
        receivable: what goes down.
        amount: what was taken off it; below zero what its credits took off others; not zero.
        at: when, UTC.
    """
    return replace(balance_used(entry_id, invoice_id, receivable, amount, at), kind="credit_applied")


def credit_noted(
    entry_id: str, credit_note_id: str, receivable: Receivable, net: Money, tax: Money, at: datetime
) -> LedgerEntry:
    """Record a credit note: debit revenue and tax, credit receivable.

    Args:
        entry_id: the id of the entry to make.
        credit_note_id: the fact.
        receivable: what goes down.
        net: what is credited before tax, same currency as ``tax``.
        tax: the tax in it.
        at: when, UTC.
    """
    postings = (
        Posting(Account.REVENUE, net),
        Posting(Account.TAX_PAYABLE, tax),
        Posting(Account.RECEIVABLE, -(net + tax), receivable.customer_id),
    )
    moved = tuple(posting for posting in postings if not posting.amount.is_zero)
    return _entry(entry_id, "credit_noted", credit_note_id, at, moved, receivable)


def written_off(entry_id: str, invoice_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record that nobody will pay what is left of an invoice (below zero: that somebody did after all).

    Args:
        entry_id: the id of the entry to make.
        invoice_id: the fact.
        receivable: what was owed.
        amount: what was still due, not zero.
        at: when, UTC.
    """
    postings = (Posting(Account.BAD_DEBT, amount), Posting(Account.RECEIVABLE, -amount, receivable.customer_id))
    return _entry(entry_id, "written_off", invoice_id, at, postings, receivable)


def refund_paid(entry_id: str, refund_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record that money went back to a customer: debit receivable, credit cash.

    A credit note over $20.00 put the receivable at -20.00; the refund brings it back to zero.

    Args:
        entry_id: the id of the entry to make.
        refund_id: the fact.
        receivable: what goes up.
        amount: what was refunded, above zero.
        at: when, UTC.

    Raises:
        ValueError: the amount is zero or negative, or `at` is not UTC.
    """
    if amount <= Money.zero(amount.currency):
        raise ValueError(f"a refund must be above zero: {amount}")
    postings = (Posting(Account.RECEIVABLE, amount, receivable.customer_id), Posting(Account.CASH, -amount))
    return _entry(entry_id, "refund_paid", refund_id, at, postings, receivable)


def refund_returned(entry_id: str, refund_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record that the bank sent a refund back: `refund_paid`, reversed.

    Args:
        entry_id: the id of the entry to make.
        refund_id: the fact.
        receivable: what goes down.
        amount: what came back, above zero.
        at: when, UTC.

    Raises:
        ValueError: the amount is zero or negative, or `at` is not UTC.
    """
    paid = refund_paid(entry_id, refund_id, receivable, amount, at)
    return reversed_entry(entry_id, "refund_returned", paid)


def reversed_entry(entry_id: str, kind: str, entry: LedgerEntry) -> LedgerEntry:
    """An entry the other way round, of the same time: what was a debit is a credit.

    Args:
        entry_id, kind: of the entry to make.
    """
    back = tuple(replace(each, amount=-each.amount) for each in entry.postings)
    return replace(entry, id=entry_id, kind=kind, postings=back)


def sold(entry_id: str, payment_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record a sale without an invoice, which its payment pays: debit receivable, credit revenue.

    Args:
        entry_id: the id of the entry to make.
        payment_id: the fact.
        receivable: what goes up, until ``payment_received`` brings it down again.
        amount: above zero.
        at: when, UTC.
    """
    postings = (Posting(Account.RECEIVABLE, amount, receivable.customer_id), Posting(Account.REVENUE, -amount))
    return _entry(entry_id, "sold", payment_id, at, postings, receivable)


def given_back(entry_id: str, refund_id: str, receivable: Receivable, amount: Money, at: datetime) -> LedgerEntry:
    """Record a refund that no credit note stands behind: debit refunds, credit receivable.

    ``refund_paid`` put the receivable at +20.00; this brings it back to zero.

    Args:
        entry_id: the id of the entry to make.
        refund_id: the fact.
        receivable: what goes down.
        amount: not zero; negative where the bank sent the refund back.
        at: when, UTC.
    """
    postings = (Posting(Account.REFUNDS, amount), Posting(Account.RECEIVABLE, -amount, receivable.customer_id))
    return _entry(entry_id, "given_back", refund_id, at, postings, receivable)


def dispute_moved(
    entry_id: str, dispute_id: str, receivable: Receivable, held: Money, gone: Money, at: datetime
) -> LedgerEntry:
    """Record what a dispute took from the account at Stripe, or gave back to it.

    Args:
        entry_id: the id of the entry to make.
        dispute_id: the fact.
        receivable: what its payment had paid; it stays paid.
        held: what more is held while it is open; negative where it is not held any more.
        gone: what more is lost for good.
        at: when, UTC.
    """
    postings = (
        Posting(Account.DISPUTES, held, receivable.customer_id),
        # Lost at once, nothing is held, and this alone says whose it is.
        Posting(Account.BAD_DEBT, gone, receivable.customer_id),
        Posting(Account.CASH, -(held + gone)),
    )
    moved = tuple(posting for posting in postings if not posting.amount.is_zero)
    return _entry(entry_id, "dispute_moved", dispute_id, at, moved, receivable)


def _entry(
    entry_id: str, kind: str, source_id: str, at: datetime, postings: tuple[Posting, ...], receivable: Receivable
) -> LedgerEntry:
    return LedgerEntry(
        entry_id,
        kind,
        source_id,
        at,
        postings,
        invoice_id=receivable.invoice_id,
        test_clock_id=receivable.test_clock_id,
    )
