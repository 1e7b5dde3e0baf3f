"""What was told to end on a day: not a cent beyond it, and not an end before what was paid for (issue 11, 26)."""

from dataclasses import replace

import pytest

from billing.domain.kernel.errors import InvalidState
from billing.domain.kernel.periods import Interval, Period
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.changes import ProrationBehavior
from billing.domain.subscriptions.subscription import PausedBy, Subscription, SubscriptionState
from billing.domain.subscriptions.upcoming import next_step
from billing.domain.tenant import DunningAction
from tests.support.engine import changed, flat, nets, on, plan, running, seats, started

B = ProrationBehavior
S = SubscriptionState
START, HALF, END = on("2025-06-01"), on("2025-06-16"), on("2025-07-01")
PLAN = plan(flat(1000), seats(300))
YEAR = plan(flat(100_000), seats(100), name="Year", interval=Interval.YEAR)
DEAR = plan(flat(5000), seats(600), name="Dear")


def ending(**more: object) -> Subscription:
    return replace(running(PLAN, START, {"seats": 10}), cancel_at_period_end=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("behavior", B)
@pytest.mark.parametrize("state", [S.ACTIVE, S.PAST_DUE])
def test_11_26_another_interval_is_refused_what_is_about_to_end(behavior: ProrationBehavior, state: S) -> None:
    """A year would be billed, and the end of the month, or of that year, would come without a word."""
    with pytest.raises(InvalidState, match="about to end"):
        changed(ending(state=state), PLAN, HALF, to=YEAR, behavior=behavior)


def test_11_26_once_the_end_is_withdrawn_the_year_begins() -> None:
    step = changed(replace(ending(), cancel_at_period_end=False), PLAN, HALF, to=YEAR)
    assert step.subscription.current_period == Period(HALF, on("2026-06-16"))


@pytest.mark.parametrize("behavior", B)
@pytest.mark.parametrize("to", [PLAN, DEAR], ids=["seats", "plan"])
def test_11_26_a_change_of_what_is_about_to_end_bills_until_then(behavior: ProrationBehavior, to: object) -> None:
    """The end stays where it was told to be; what is billed is time before it."""
    step = changed(ending(), PLAN, HALF, to=to, quantities={"seats": 20}, behavior=behavior)  # type: ignore[arg-type]
    after = step.subscription
    assert (after.cancel_at_period_end, after.current_period.end) == (True, END)
    assert all(line.period is not None and line.period.end <= END for line in step.lines)
    last = changes.closing(after, PLAN, END, B.NONE)
    assert last == after.pending


def test_11_26_in_a_trial_that_is_about_to_end_nothing_is_billed_whatever_is_chosen() -> None:
    trial = replace(started(PLAN, START, {"seats": 10}, trial_days=15), cancel_at_period_end=True)
    after = changed(trial, PLAN, on("2025-06-05"), to=YEAR)
    assert (after.lines, after.subscription.cancel_at_period_end) == ((), True)
    upcoming = next_step(after.subscription, YEAR)
    assert (upcoming.at, upcoming.step.lines, upcoming.step.subscription.state) == (HALF, (), S.CANCELED)


def test_11_26_what_dunning_pauses_ends_on_the_day_all_the_same() -> None:
    """Told to end with June, unpaid and paused by dunning on the 16th: its alarm is June's end."""
    behind = ending(state=S.PAST_DUE, unpaid_invoice_ids=("in_1",))
    paused = lifecycle.with_alarm(lifecycle.dunned(behind, DunningAction.PAUSED, HALF), "07")
    assert (paused.state, paused.paused_by) == (S.PAUSED, PausedBy.DUNNING)
    assert paused.due is not None
    assert paused.due.at == END
    upcoming = next_step(paused, PLAN)
    assert (upcoming.at, upcoming.step.subscription.state, nets(upcoming.step.lines)) == (END, S.CANCELED, [])


def test_11_26_without_an_end_dunning_pauses_for_good() -> None:
    behind = replace(ending(state=S.PAST_DUE, unpaid_invoice_ids=("in_1",)), cancel_at_period_end=False)
    assert lifecycle.with_alarm(lifecycle.dunned(behind, DunningAction.PAUSED, HALF), "07").due is None


def test_11_26_paid_after_that_day_it_does_not_run_on() -> None:
    behind = ending(state=S.PAST_DUE, unpaid_invoice_ids=("in_1",))
    paused = lifecycle.dunned(behind, DunningAction.PAUSED, HALF)
    paid = lifecycle.invoice_paid(paused, "in_1", on("2025-07-05"), "07")
    assert paid.due is not None
    assert paid.due.at == END
