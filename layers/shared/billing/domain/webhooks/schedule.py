"""When a delivery is tried again. Pure: given what was begun and what came of it, what is due, and when.

    first ── 5 s ── 5 min ── 30 min ── 2 h ── 5 h ── 10 h ── 14 h ── 20 h ── 24 h ── failed

Ten attempts over 75 hours. A claim moves a delivery on before anything is sent, so that a sender that dies has cost an
attempt and nothing else: the alarm clock finds the delivery again.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState, Notice
from billing.domain.webhooks.watch import is_carried

RETRIES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After each attempt of the schedule that failed, the pause before the next one, in seconds."""
JITTER = 0.10
"""A pause is longer by up to a tenth, so that what failed together does not come again together."""
LONGEST_RETRY_AFTER_S = 86_400
_ASKS_TO_WAIT = (429, 503)
FIRST_LOOK = timedelta(seconds=60)
"""When somebody looks at what was handed to the queue, if no attempt was begun until then."""
LEASE = timedelta(seconds=60)
"""How long an attempt that was begun is left alone: four times the 15 s that it may take."""
ENQUEUED = timedelta(minutes=10)
"""The same for what the worker hands to the queue, which may have a backlog then."""
SHORTEST_ALARM_S = 60
"""What is due sooner is given to the queue with a delay; the alarm clock looks once a minute."""
MOST_CRASHES = 3
"""How often what was asked for by hand is begun, where no attempt is ever heard of again."""
EVENTS_KEPT = timedelta(days=30)
"""For as long as there is something to send (``Settings.event_ttl_s``); no delivery outlives its event."""
WINDOW_S = 15
"""The length of an endpoint's start window."""


def retry_at(step: int, ended_at: datetime, share: float, retry_after_s: int | None = None) -> datetime | None:
    """When the schedule's next attempt is due, after its ``step``-th has failed; None where that was the last.

    Args:
        ended_at: when the attempt ended.
        share: of the jitter, from 0 to 1.
        retry_after_s: what the receiver asked for; it moves the next attempt later (a day at most), never earlier.
    """
    if not 1 <= step <= len(RETRIES_S):
        return None
    pause_s = RETRIES_S[step - 1] * (1 + JITTER * share)
    return ended_at + timedelta(seconds=max(pause_s, min(retry_after_s or 0, LONGEST_RETRY_AFTER_S)))


def is_by_hand(delivery: Delivery, number: int) -> bool:
    """Whether an attempt is one that was asked for by hand; if it crashed, so is the one that makes up for it."""
    return delivery.asked is not None and number >= delivery.asked


def is_exhausted(delivery: Delivery) -> bool:
    """Whether no attempt of the schedule is left."""
    return delivery.step > len(RETRIES_S)


def is_wanted(delivery: Delivery, number: int) -> bool:
    """Whether an attempt is to be begun: it is the next one, and somebody wants it, the schedule or a caller."""
    if number != delivery.attempt + 1:
        return False  # it was begun already, by whoever got the same message
    if is_by_hand(delivery, number):
        return True
    return delivery.state is DeliveryState.PENDING and not is_exhausted(delivery)


def claimed_until(delivery: Delivery, now: datetime, share: float) -> datetime:
    """When the alarm clock looks at a delivery again whose next attempt is begun now: when that will have been retried.

    An attempt that is never heard of again has failed: the schedule goes on. But it is left alone for a minute.
    """
    by_hand = is_by_hand(delivery, delivery.attempt + 1)
    following = None if by_hand else retry_at(delivery.step + 1, now, share)
    return max(following or now, now + LEASE)


def begun(delivery: Delivery, number: int, next_due_at: datetime) -> Delivery:
    """The delivery once its attempt has begun.

    Args:
        number: the attempt's.
        next_due_at: see ``claimed_until``.
    """
    step = delivery.step + (0 if is_by_hand(delivery, number) else 1)
    return replace(delivery, attempt=number, step=step, due_at=next_due_at)


def after_attempt(delivery: Delivery, attempt: Attempt, share: float) -> Delivery:
    """The delivery after an attempt.

    Args:
        delivery: as it was loaded before the attempt was begun, or as it was when it had begun.
        share: of the jitter, from 0 to 1.
    """
    if delivery.attempt != attempt.number:
        delivery = begun(delivery, attempt.number, attempt.at)
    by_hand = is_by_hand(delivery, attempt.number)
    if attempt.succeeded:
        return _succeeded(delivery, attempt.at)
    ended_at = attempt.at + timedelta(milliseconds=attempt.duration_ms)
    asked_s = attempt.retry_after_s if attempt.status in _ASKS_TO_WAIT else None
    if by_hand:
        resumes_at = delivery.resumes_at
        if resumes_at is not None and asked_s is not None:
            resumes_at = max(resumes_at, ended_at + timedelta(seconds=min(asked_s, LONGEST_RETRY_AFTER_S)))
        return replace(delivery, asked=None, due_at=resumes_at, resumes_at=None)
    due_at = retry_at(delivery.step, ended_at, share, asked_s)
    return replace(delivery, state=DeliveryState.PENDING, due_at=due_at) if due_at else given_up(delivery)


def delay_s(delivery: Delivery, now: datetime) -> int | None:
    """With which delay the queue is to be told of a delivery's next attempt; None where the alarm clock does that."""
    if delivery.due_at is None:
        return None
    left_s = (delivery.due_at - now).total_seconds()
    return max(0, round(left_s)) if left_s < SHORTEST_ALARM_S else None


def overtaken(stored: Delivery, after: Delivery, number: int) -> Delivery:
    """What to write of an attempt's outcome where the delivery changed while the attempt was under way.

    Somebody asked for another attempt by hand, which stays owed; or the attempt took so long that another one was
    begun, which then decides. But what the receiver has, it has.

    Args:
        stored: the delivery as it is by now.
        after: what it would be but for that (``after_attempt``).
        number: the attempt's.
    """
    if stored.attempt < number:  # it was not claimed, and got an alarm meanwhile
        stored = replace(stored, attempt=number, step=after.step)
    owed = stored.asked is not None and stored.asked > number
    if after.state is DeliveryState.SUCCEEDED:
        done = _succeeded(stored, after.succeeded_at)
        return replace(done, asked=stored.asked, due_at=stored.due_at) if owed else done
    if stored.attempt > number or stored.state is DeliveryState.SUCCEEDED:
        return stored
    if owed:
        return replace(stored, state=after.state, resumes_at=after.due_at)
    return replace(stored, state=after.state, due_at=after.due_at, asked=None, resumes_at=None)


def given_up(delivery: Delivery) -> Delivery:
    """Of the schedule nothing is left. One that was redelivered although it had succeeded has still succeeded."""
    has_it = delivery.succeeded_at is not None
    state = DeliveryState.SUCCEEDED if has_it else DeliveryState.FAILED
    return replace(delivery, state=state, due_at=None, asked=None, resumes_at=None)


def skipped(delivery: Delivery) -> Delivery:
    """What was due to an endpoint that is disabled, or gone: nothing is sent, and it can be redelivered."""
    if delivery.succeeded_at is not None:
        return given_up(delivery)
    return replace(delivery, state=DeliveryState.SKIPPED, due_at=None, asked=None, resumes_at=None)


def redelivered(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery once somebody asked for an attempt now.

    Of what was skipped nothing was ever tried, so its schedule begins. Everything else gets one attempt more, whatever
    was tried before, and its schedule goes on as it was.
    """
    due_at = now + FIRST_LOOK
    if delivery.state is DeliveryState.SKIPPED:
        return replace(delivery, state=DeliveryState.PENDING, step=0, due_at=due_at, asked=None, resumes_at=None)
    if delivery.asked is not None and delivery.asked > delivery.attempt:
        return delivery  # it is owed already
    if is_carried(delivery):
        return replace(delivery, due_at=due_at)  # its first attempt is on its way as it is
    resumes_at = delivery.due_at if delivery.state is DeliveryState.PENDING else None
    if delivery.asked is not None:  # of one that is under way nothing was heard yet
        resumes_at = delivery.resumes_at
    return replace(delivery, asked=delivery.attempt + 1, due_at=due_at, resumes_at=resumes_at)


def unheard(delivery: Delivery, now: datetime) -> Delivery | None:
    """What becomes of a delivery that is due and of which nothing more is to be begun; None where something is.

    Its event is forgotten: whatever kept it from being attempted until now would keep it for ever. Or the last attempt
    of the schedule was begun and never heard of; or one that was asked for by hand was begun again and again, and never
    heard of.
    """
    if is_forgotten(delivery, now):
        return given_up(delivery)
    if delivery.asked is not None and delivery.attempt >= delivery.asked + MOST_CRASHES:
        if delivery.state is DeliveryState.PENDING and not is_exhausted(delivery):
            return replace(delivery, asked=None, due_at=delivery.resumes_at or now, resumes_at=None)
        return given_up(delivery)
    return None if is_wanted(delivery, delivery.attempt + 1) else given_up(delivery)


def is_forgotten(delivery: Delivery, now: datetime) -> bool:
    """Whether the event is too old to be kept, so that there is nothing to send any more."""
    return now >= delivery.created_at + EVENTS_KEPT


def next_window(now: datetime, share: float) -> datetime:
    """When to try an endpoint again whose start window is full: somewhere in the next one.

    Args:
        share: from 0 to 1.
    """
    begins = (int(now.timestamp()) // WINDOW_S + 1) * WINDOW_S
    return datetime.fromtimestamp(begins + WINDOW_S * share, UTC)


def notice(delivery: Delivery) -> Notice:
    """Says that the delivery's next attempt is to be begun."""
    return Notice(delivery.tenant_id, delivery.id, delivery.attempt + 1)


def _succeeded(delivery: Delivery, at: datetime | None) -> Delivery:
    return replace(
        delivery,
        state=DeliveryState.SUCCEEDED,
        succeeded_at=delivery.succeeded_at or at,
        due_at=None,
        asked=None,
        resumes_at=None,
    )
