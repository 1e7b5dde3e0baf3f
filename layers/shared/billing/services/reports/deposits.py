"""What is in each deposit: a phase of the hourly reconciliation, a page of one payout's lines at a time.

Stripe lists the lines of a payout that its schedule made once it is ready (``reconciliation_status``), which may be
days later; until then each run asks again. A page is one commit, as in the other phases: a crash repeats it, and each
line's item has the payout's and the line's id.
"""

from collections.abc import Callable
from dataclasses import replace

from billing.domain.deposits import Deposit, DepositLine, deposit_line, listed
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Query, Ref, Unit
from billing.services.reports.ports import StripeAccount

_PAGE = 60
"""Lines of a page: an item for each, and a transaction holds 100."""


def next_page(
    unit: Unit, stripe: StripeAccount, place: str | None, books_of: Callable[[str], str | None]
) -> tuple[bool, str | None]:
    """Stage a page of the deposit that comes after a place in the list of those that are not done.

    Args:
        books_of: in whose books a line is, by its id.

    Returns:
        whether there is more to do in this run, and from which place.
    """
    page = unit.query(Query(Deposit, index="open", value="deposits", limit=1, start=place))
    if not page.items:
        return False, None
    ref = Ref(Deposit, PLATFORM, page.items[0].id)
    before = unit.load(ref).require(ref)  # the index may lag behind
    after = before if before.done else _listed(unit, stripe, before, books_of)
    if after is not before:
        unit.save(after)
    stays = after.itemised is True and not after.done
    return stays or page.next_cursor is not None, place if stays else page.next_cursor


def _listed(unit: Unit, stripe: StripeAccount, before: Deposit, books_of: Callable[[str], str | None]) -> Deposit:
    if before.itemised is None:
        payout = stripe.payout(before.id)
        if payout is None:  # Stripe knows the line and not the payout: that is for a person to ask about
            return replace(before, itemised=False, done=True)
        if payout.itemised is None:
            return before if before.arrives_on == payout.arrives_on else replace(before, arrives_on=payout.arrives_on)
        before = replace(before, itemised=payout.itemised, arrives_on=payout.arrives_on, done=not payout.itemised)
        if before.done:
            return before
    found = stripe.lines_of_payout(before.id, before.place, _PAGE)
    made = (deposit_line(before.id, line, PLATFORM, None) for line in found.lines if line.id != before.line_id)
    by_ref = {Ref(DepositLine, PLATFORM, each.id): each for each in made}
    there = unit.load(*by_ref)
    # A page that moved shows a line again: it is counted already.
    new = [each for ref, each in by_ref.items() if there.get(ref) is None]
    for each in new:
        unit.save(replace(each, books_of=books_of(each.line.id)))
    return listed(before, [each.line for each in new], found.next_place)
