"""The books of a charge: what it brought, to the line of the account at Stripe, and what Stripe took for it."""

from collections.abc import Iterable
from datetime import datetime

from billing.domain.ledger import LedgerEntry
from billing.domain.payments.balance_line import Source, entered
from billing.domain.payments.payment import ChargeResult, Payment, with_facts
from billing.services.kernel.work import Work


def enter(work: Work, payment: Payment, entries: Iterable[LedgerEntry], at: datetime) -> None:
    """Stage the entries of a payment that succeeded just now, with Stripe's fee where that is known already."""
    lines = payment.taken.lines if payment.taken is not None else ()
    for entry in entered(entries, lines, Source(payment.id, payment.created_at, payment.test_clock_id), at):
        work.save(entry)


def learnt(work: Work, payment: Payment, result: ChargeResult, at: datetime) -> Payment:
    """The settled payment, completed with facts of its charge that Stripe did not know at first; staged if new.

    Its cash and Stripe's fee are entered with them.
    """
    after = with_facts(payment, result)
    if after is payment:
        return payment
    enter(work, after, (), at)
    return work.save(after)
