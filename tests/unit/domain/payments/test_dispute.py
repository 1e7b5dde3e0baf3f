"""Disputes: whatever order Stripe's news come in, and however often, they end in the same state and the same books."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import settlement
from billing.domain.kernel.money import Money, sum_money
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.payments import dispute
from billing.domain.payments.dispute import Dispute, DisputeSnapshot, DisputeStatus
from billing.domain.payments.payment import Payment
from tests.support.invoices import accounts, opened, payment

AT = datetime(2026, 11, 21, 22, tzinfo=UTC)
LATER = AT + timedelta(days=3)
LAW = settings(max_examples=80, deadline=None)
S = DisputeStatus
NEWS = DisputeSnapshot("du_1", S.NEEDS_RESPONSE, Money(20_000_000, "USD"), "fraudulent", True, AT, LATER)
PAID: Payment = payment(10_000)

# A dispute's lives at Stripe: each step is a state that somebody may have asked for. Its money may go and come a
# moment before or after its status changes.
_INQUIRY = [(S.WARNING_NEEDS_RESPONSE, False), (S.WARNING_UNDER_REVIEW, False)]
_DISPUTE = [(S.NEEDS_RESPONSE, False), (S.NEEDS_RESPONSE, True), (S.UNDER_REVIEW, True)]
LIVES = [
    start + middle + end
    for start, middle, ends in [
        (_INQUIRY, [], [[(S.WARNING_CLOSED, False)]]),
        ([], _DISPUTE, [[(S.WON, True), (S.WON, False)], [(S.LOST, True)], [(S.PREVENTED, False)], []]),
        (_INQUIRY, _DISPUTE, [[(S.WON, False)], [(S.LOST, True)]]),
    ]
    for end in ends
]


def snapshot(step: tuple[DisputeStatus, bool]) -> DisputeSnapshot:
    status, withdrawn = step
    return replace(NEWS, status=status, withdrawn=withdrawn)


class Written:
    """A dispute as units of work write it, one after the other."""

    def __init__(self) -> None:
        self.dispute: Dispute | None = None
        self.entries: list[LedgerEntry] = []

    def hear(self, word: DisputeSnapshot) -> bool:
        """Whether anything changed."""
        before = self.dispute
        after = dispute.opened(PAID, word, LATER) if before is None else dispute.with_snapshot(before, word, LATER)
        if after is before:
            return False
        entry = dispute.entry_for(before, after, LATER)
        self.entries += [entry] if entry else []
        self.dispute = replace(after, version=after.version + 1)
        return True

    @property
    def state(self) -> Any:
        """All of it but how many steps it took."""
        assert self.dispute is not None
        return replace(self.dispute, version=0), accounts(self.entries)


def heard(words: list[DisputeSnapshot]) -> Written:
    written = Written()
    for word in words:
        written.hear(word)
    return written


@st.composite
def told(draw: st.DrawFn) -> tuple[list[DisputeSnapshot], list[DisputeSnapshot]]:
    """A life in its order, and the same news as webhooks bring them: some not at all, some twice, but the last."""
    life = [snapshot(step) for step in draw(st.sampled_from(LIVES))]
    some = draw(st.lists(st.sampled_from(life), max_size=8))
    return life, draw(st.permutations([*some, life[-1]]))


@LAW
@given(told())
def test_any_order_and_any_repetition_of_news_ends_in_the_same_state_and_the_same_books(
    case: tuple[list[DisputeSnapshot], list[DisputeSnapshot]],
) -> None:
    life, came = case
    assert heard(came).state == heard(life).state


@LAW
@given(told())
def test_the_books_hold_what_is_off_the_account_and_every_entry_balances_and_is_its_own(
    case: tuple[list[DisputeSnapshot], list[DisputeSnapshot]],
) -> None:
    written = heard(case[1])
    dispute = written.dispute
    assert dispute is not None
    gone = dispute.amount.minor if dispute.withdrawn else 0
    lost = gone if dispute.status is S.LOST else 0
    expected = {Account.CASH: -gone, Account.DISPUTES: gone - lost, Account.BAD_DEBT: lost}
    assert accounts(written.entries) == {account: amount for account, amount in expected.items() if amount}
    assert all(sum_money((p.amount for p in entry.postings), "USD").is_zero for entry in written.entries)
    assert len({entry.id for entry in written.entries}) == len(written.entries)


@LAW
@given(told())
def test_the_same_news_again_changes_nothing(case: tuple[list[DisputeSnapshot], list[DisputeSnapshot]]) -> None:
    written = heard(case[1])
    for word in case[1]:
        assert written.hear(word) is False


@LAW
@given(told())
def test_what_it_takes_is_held_back_of_the_payment_and_said_on_the_invoice(
    case: tuple[list[DisputeSnapshot], list[DisputeSnapshot]],
) -> None:
    held, invoice = PAID, opened(10_000)
    written = Written()
    for word in case[1]:
        if written.hear(word):
            assert written.dispute is not None
            held = dispute.held_back(held, written.dispute)
            invoice = settlement.flagged(invoice, written.dispute)
    told_of = written.dispute
    assert told_of is not None
    assert held.disputed == ({told_of.id: told_of.amount} if told_of.withdrawn else {})
    assert held.refundable == (PAID.amount if not told_of.withdrawn else Money.zero("USD"))
    assert invoice.disputes == {told_of.id: told_of.status.value}
    assert invoice.taken_back == held.disputed


def test_its_id_is_the_same_whichever_of_its_events_comes_first() -> None:
    ids = {dispute.opened(PAID, snapshot(step), at).id for step in LIVES[1] for at in (AT, LATER)}
    assert len(ids) == 1
    assert dispute.dispute_id(replace(NEWS, stripe_dispute_id="du_2")) not in ids


def test_it_is_closed_when_it_was_first_heard_to_be() -> None:
    won = dispute.opened(PAID, snapshot((S.WON, True)), AT)
    assert won.closed_at == AT
    back = dispute.with_snapshot(won, snapshot((S.WON, False)), LATER)
    assert (back.withdrawn, back.closed_at) == (False, AT)


def test_twenty_dollars_go_come_back_or_are_lost() -> None:
    """The worked example of ``entry_for``."""
    taken = dispute.opened(PAID, NEWS, AT)
    held = dispute.entry_for(None, taken, AT)
    won = dispute.entry_for(taken, dispute.with_snapshot(taken, snapshot((S.WON, False)), AT), AT)
    lost = dispute.entry_for(taken, dispute.with_snapshot(taken, snapshot((S.LOST, True)), AT), AT)
    assert accounts([held]) == {Account.DISPUTES: 20_000, Account.CASH: -20_000}
    assert accounts([held, won]) == {}
    assert accounts([held, lost]) == {Account.BAD_DEBT: 20_000, Account.CASH: -20_000}


def test_two_disputes_of_a_payment_stand_beside_each_other() -> None:
    first = dispute.opened(PAID, NEWS, AT)
    second = dispute.opened(PAID, replace(NEWS, stripe_dispute_id="du_2"), AT)
    both = dispute.held_back(dispute.held_back(PAID, first), second)
    assert set(both.disputed) == {first.id, second.id}
    won = dispute.with_snapshot(first, snapshot((S.WON, False)), LATER)
    assert set(dispute.held_back(both, won).disputed) == {second.id}


@pytest.mark.parametrize("status", [s for s in S if s.is_closed])
def test_what_is_closed_is_not_opened_again(status: DisputeStatus) -> None:
    closed = dispute.opened(PAID, snapshot((status, status is S.LOST)), AT)
    for step in (*_INQUIRY, *_DISPUTE):
        assert dispute.with_snapshot(closed, snapshot(step), LATER) is closed


OPEN_IN_ORDER = [S.WARNING_NEEDS_RESPONSE, S.WARNING_UNDER_REVIEW, S.NEEDS_RESPONSE, S.UNDER_REVIEW]


@pytest.mark.parametrize("now", OPEN_IN_ORDER)
@pytest.mark.parametrize("told", OPEN_IN_ORDER)
def test_issue_11_14_an_inquiry_becomes_a_dispute_and_late_news_never_turn_that_back(
    now: DisputeStatus, told: DisputeStatus
) -> None:
    """Each state of an open dispute follows those before it, also skipping some; no later one is undone."""
    before = dispute.opened(PAID, snapshot((now, False)), AT)
    after = dispute.with_snapshot(before, snapshot((told, False)), LATER)
    if OPEN_IN_ORDER.index(told) > OPEN_IN_ORDER.index(now):
        assert (after.status, after.closed_at) == (told, None)
    else:
        assert after is before


def test_issue_11_14_what_the_bank_holds_is_not_given_back_by_news_that_come_late() -> None:
    """The same state, as it was before its money was withdrawn, is older."""
    before = dispute.opened(PAID, snapshot((S.NEEDS_RESPONSE, True)), AT)
    assert dispute.with_snapshot(before, snapshot((S.NEEDS_RESPONSE, False)), LATER) is before
