"""Issue 16: when a delivery is tried again, and what becomes of one that somebody asks for by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.webhooks.delivery import (
    WEBHOOK_SHARDS,
    Attempt,
    Delivery,
    DeliveryState,
    Notice,
    delivery_id,
    endpoint_of,
    event_of,
    is_webhook_shard,
    webhook_shard,
)
from billing.domain.webhooks.schedule import (
    JITTER,
    LEASE,
    MOST_CRASHES,
    RETRIES_S,
    after_attempt,
    begun,
    claimed_until,
    delay_s,
    is_exhausted,
    is_wanted,
    next_window,
    notice,
    overtaken,
    redelivered,
    retry_at,
    skipped,
    unheard,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
SHARES = st.floats(0, 1)
NEW = Delivery(
    id="dlv_01A_01B",
    tenant_id="ten_1",
    endpoint_id="we_01A",
    event_id="evt_01B",
    event_type="invoice.paid",
    created_at=NOW,
    due_at=NOW + timedelta(seconds=60),
    version=1,
)


def _attempt(number: int, *, ok: bool = False, at: datetime = NOW, **more: object) -> Attempt:
    status = {"status": 200} if ok else {"status": 500, "reason": "status"}
    return Attempt(**{"delivery_id": NEW.id, "number": number, "at": at, "duration_ms": 0, **status, **more})


def _tried(delivery: Delivery, at: datetime, *, ok: bool = False, share: float = 0.0, **more: object) -> Delivery:
    """The delivery after its next attempt."""
    claimed = begun(delivery, delivery.attempt + 1, claimed_until(delivery, at, share))
    return after_attempt(claimed, _attempt(claimed.attempt, ok=ok, at=at, **more), share)


@given(SHARES)
def test_ten_attempts_each_as_late_as_the_contract_says_and_up_to_a_tenth_later(share: float) -> None:
    """The pauses are 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, and then the delivery has failed."""
    delivery, at, pauses = NEW, NOW, []
    for number in range(1, 11):
        assert is_wanted(delivery, number)
        assert not is_wanted(delivery, number + 1)
        delivery = _tried(delivery, at, share=share)
        assert delivery.attempt == delivery.step == number
        if delivery.due_at is not None:
            pauses.append((delivery.due_at - at).total_seconds())
            at = delivery.due_at
    assert RETRIES_S == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert len(pauses) == 9
    assert all(s <= pause <= s * (1 + JITTER) + 1e-6 for s, pause in zip(RETRIES_S, pauses, strict=True))
    assert delivery.state is DeliveryState.FAILED
    assert not is_wanted(delivery, 11)


@given(st.integers(1, 9), SHARES, st.integers(-5, 200_000))
def test_retry_after_moves_the_next_attempt_later_by_a_day_at_most_and_never_earlier(
    step: int, share: float, asked_s: int
) -> None:
    plain, moved = retry_at(step, NOW, share), retry_at(step, NOW, share, asked_s)
    assert plain is not None
    assert moved is not None
    assert moved == max(plain, NOW + timedelta(seconds=min(asked_s, 86_400)))


@pytest.mark.parametrize("status", [429, 503, 500, 301])
def test_only_429_and_503_are_asked_when_to_come_again(status: int) -> None:
    after = _tried(NEW, NOW, status=status, retry_after_s=7200)
    assert after.due_at == NOW + timedelta(seconds=7200 if status in (429, 503) else 5)


@given(st.integers(0, 9), SHARES)
def test_a_sender_that_dies_has_cost_an_attempt_and_a_minute_at_least(step: int, share: float) -> None:
    """The claim itself moves the delivery on: nothing that crashes keeps it from its schedule, or repeats for ever."""
    delivery = replace(NEW, attempt=step, step=step)
    claimed = begun(delivery, step + 1, claimed_until(delivery, NOW, share))
    assert claimed.due_at is not None
    assert claimed.due_at - NOW >= LEASE
    assert claimed.step == step + 1
    assert is_wanted(claimed, step + 2) is not is_exhausted(claimed)
    given_up = unheard(claimed, NOW)
    assert given_up is None if step < 9 else given_up is not None and given_up.state is DeliveryState.FAILED


@given(st.integers(0, 9), st.booleans())
def test_an_attempt_by_hand_has_a_number_and_no_step(step: int, ok: bool) -> None:
    """A redelivery does not reset the schedule: what was due next is due as it was, unless the receiver has it now."""
    pending = replace(NEW, attempt=step, step=step, due_at=NOW + timedelta(hours=9))
    asked = redelivered(pending, NOW)
    assert redelivered(asked, NOW) == asked
    assert is_wanted(asked, step + 1)
    after = _tried(asked, NOW, ok=ok)
    assert (after.attempt, after.step, after.asked) == (step + 1, step, None)
    if ok:
        assert (after.state, after.due_at, after.succeeded_at) == (DeliveryState.SUCCEEDED, None, NOW)
    else:
        assert (after.state, after.due_at) == (DeliveryState.PENDING, pending.due_at)


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.SUCCEEDED])
def test_what_has_ended_is_tried_once_more_and_has_ended_again(state: DeliveryState) -> None:
    succeeded_at = NOW if state is DeliveryState.SUCCEEDED else None
    ended = replace(NEW, state=state, attempt=10, step=10, due_at=None, succeeded_at=succeeded_at)
    assert not is_wanted(ended, 11)
    after = _tried(redelivered(ended, NOW), NOW)
    assert (after.state, after.due_at, after.asked) == (state, None, None)
    assert _tried(redelivered(ended, NOW), NOW, ok=True).state is DeliveryState.SUCCEEDED


def test_what_was_skipped_begins_its_schedule() -> None:
    delivery = skipped(replace(NEW, attempt=2, step=2))
    assert (delivery.state, delivery.due_at) == (DeliveryState.SKIPPED, None)
    assert not is_wanted(delivery, 3)
    asked = redelivered(delivery, NOW)
    assert (asked.state, asked.step, asked.attempt) == (DeliveryState.PENDING, 0, 2)
    assert _tried(asked, NOW).due_at == NOW + timedelta(seconds=5)


def test_what_a_disabled_endpoint_has_already_it_has() -> None:
    done = replace(NEW, state=DeliveryState.SUCCEEDED, succeeded_at=NOW, attempt=1, step=1)
    assert skipped(redelivered(done, NOW)).state is DeliveryState.SUCCEEDED


def test_what_is_asked_for_during_an_attempt_is_owed_after_it() -> None:
    """Attempt 3 is under way when somebody asks: whatever comes of it, 4 is begun, then the schedule goes on."""
    loaded = replace(NEW, attempt=2, step=2)
    claimed = begun(loaded, 3, NOW + timedelta(hours=1))
    stored = redelivered(claimed, NOW)
    assert (stored.asked, stored.resumes_at) == (4, claimed.due_at)
    failed = overtaken(stored, after_attempt(loaded, _attempt(3), 0), 3)
    assert (failed.asked, failed.due_at, failed.state) == (4, stored.due_at, DeliveryState.PENDING)
    assert failed.resumes_at == NOW + timedelta(seconds=RETRIES_S[2])
    done = overtaken(stored, after_attempt(loaded, _attempt(3, ok=True), 0), 3)
    assert (done.asked, done.due_at, done.state) == (4, stored.due_at, DeliveryState.SUCCEEDED)
    assert is_wanted(done, 4)
    assert done.resumes_at is None


def test_the_outcome_of_an_attempt_that_took_too_long_counts_only_if_it_is_a_success() -> None:
    """Attempt 1 was given up and attempt 2 is under way: a late failure of 1 says nothing, a late 200 ends it."""
    loaded = NEW
    second = begun(begun(loaded, 1, NOW), 2, NOW + timedelta(hours=1))
    assert overtaken(second, after_attempt(loaded, _attempt(1), 0), 1) == second
    done = overtaken(second, after_attempt(loaded, _attempt(1, ok=True), 0), 1)
    assert (done.state, done.due_at) == (DeliveryState.SUCCEEDED, None)
    assert overtaken(done, after_attempt(begun(loaded, 1, NOW), _attempt(2), 0), 2) == done


def test_what_was_asked_for_by_hand_is_not_begun_for_ever() -> None:
    """A sender that dies on one delivery again and again: three more tries, and the schedule goes on where it was."""
    asked = redelivered(replace(NEW, attempt=1, step=1, due_at=NOW + timedelta(hours=2)), NOW)
    delivery, tries = asked, 0
    while unheard(delivery, NOW) is None:
        delivery = begun(delivery, delivery.attempt + 1, claimed_until(delivery, NOW, 0))
        tries += 1
    after = unheard(delivery, NOW)
    assert tries == MOST_CRASHES + 1
    assert after is not None
    assert (after.asked, after.step, after.due_at) == (None, 1, NOW + timedelta(hours=2))


def test_only_the_first_retry_is_too_soon_for_the_alarm_clock() -> None:
    assert [delay_s(_tried(replace(NEW, step=n), NOW), NOW) for n in range(10)] == [5] + [None] * 9


@given(st.integers(0, 100), SHARES)
def test_a_full_window_is_tried_again_within_the_next_one(after_s: int, share: float) -> None:
    now = NOW + timedelta(seconds=after_s)
    at = next_window(now, share)
    assert now < at <= now + timedelta(seconds=30)
    assert 0 <= at.timestamp() - (now.timestamp() // 15 + 1) * 15 <= 15


def test_an_id_says_of_which_endpoint_and_event_it_is() -> None:
    made = delivery_id(NEW.endpoint_id, NEW.event_id)
    assert (made, endpoint_of(made), event_of(made)) == (NEW.id, NEW.endpoint_id, NEW.event_id)
    assert notice(NEW) == Notice("ten_1", NEW.id, 1)
    assert notice(NEW).endpoint_id == "we_01A"
    for other in ("", "dlv_", "dlv_1", "dlv_1_", "dlv_1_2_3", "evt_1_2"):
        with pytest.raises(ValueError, match="not the id"):
            endpoint_of(other)


def test_deliveries_are_in_shards_of_their_own() -> None:
    """Scenario 39: no shard of theirs is one of the billing worker's, of a test clock's, or of the payout worker's."""
    shards = {webhook_shard(f"dlv_{n}_{n}") for n in range(400)}
    assert shards == {f"w{n:02d}" for n in range(WEBHOOK_SHARDS)}
    assert all(map(is_webhook_shard, shards))
    assert not any(is_webhook_shard(each) for each in ("00", "15", "p00", "clock#ten_1#clk_1"))
    assert all(a < b for a, b in pairwise(sorted(shards)))
