"""Issue 16: no delivery outlives its event, whatever keeps it from being attempted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.domain.webhooks.delivery import DeliveryState
from billing.domain.webhooks.schedule import EVENTS_KEPT, unheard
from billing.services.webhooks.sending import Outcome
from tests.support.sending import NOW, Stage


class Unreadable(Exception):
    """An endpoint, or a tenant, that cannot be read, and never will be."""


def test_16_what_can_never_be_prepared_ends_with_its_event() -> None:
    """It was put off by a quarter of an hour for ever, each time with messages for the dead-letter queue."""
    stage = Stage()

    def broken(tenant_id: str):
        raise Unreadable

    stage.units.begin = broken
    for _ in range(40 * 24):
        if stage.delivery.due_at is None:
            break
        stage.now = max(stage.now + timedelta(hours=1), stage.delivery.due_at)
        try:
            stage.alarm()
        except Unreadable:
            continue
    assert (stage.delivery.state, stage.delivery.due_at) == (DeliveryState.FAILED, None)
    assert stage.now - NOW <= EVENTS_KEPT + timedelta(hours=2)


def test_16_a_notice_of_a_forgotten_event_ends_its_delivery_before_anything_is_read() -> None:
    stage = Stage(now=NOW + EVENTS_KEPT)
    assert stage.send().outcome is Outcome.EXPIRED
    assert (stage.delivery.state, stage.delivery.due_at, stage.receiver.got) == (DeliveryState.FAILED, None, [])
    assert "begin" not in stage.calls


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.SUCCEEDED])
def test_16_the_alarm_clock_gives_up_what_is_older_than_its_event(state: DeliveryState) -> None:
    has_it = NOW if state is DeliveryState.SUCCEEDED else None
    owed = replace(Stage().delivery, state=state, succeeded_at=has_it, asked=1)
    assert unheard(owed, NOW + EVENTS_KEPT - timedelta(seconds=1)) is None
    ended = unheard(owed, NOW + EVENTS_KEPT)
    expected = DeliveryState.SUCCEEDED if has_it else DeliveryState.FAILED
    assert ended is not None
    assert (ended.state, ended.due_at, ended.asked) == (expected, None, None)
