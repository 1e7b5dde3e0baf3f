"""Issue 16: an attempt is claimed before it is dialled, and what a receiver does is an answer."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from billing.domain.kernel.errors import Unavailable
from billing.domain.kernel.event_types import EventType
from billing.domain.tenant import Mode
from billing.domain.webhooks.delivery import DeliveryState
from billing.domain.webhooks.endpoint import DisabledReason, EndpointStatus, WebhookEndpoint
from billing.domain.webhooks.health import EndpointHealth
from billing.domain.webhooks.schedule import notice, redelivered
from billing.integrations.webhooks.signing import signature_headers
from billing.services.webhooks.sending import Outcome
from billing.services.webhooks.transport import Answer, Reason
from tests.support.sending import BROKEN, EVENT_ID, NOW, OK, Died, Receiver, Stage


def test_16_what_is_accepted_is_done() -> None:
    stage = Stage()
    assert stage.send().outcome is Outcome.SUCCEEDED
    assert stage.delivery.state is DeliveryState.SUCCEEDED
    assert stage.delivery.due_at is None
    (attempt,) = stage.deliveries.log
    assert (attempt.number, attempt.at, attempt.status, attempt.succeeded) == (1, NOW, 200, True)
    assert stage.health.successes == [(NOW, 40)]
    assert stage.health.slots == [NOW]  # the same time, by which the slot is given back


def test_16_the_claim_moves_a_delivery_on_before_anything_is_dialled() -> None:
    seen = []

    class Watching(Receiver):
        def send(self, parcel):
            seen.append(stage.delivery)
            return super().send(parcel)

    stage = Stage(receiver=Watching(OK))
    stage.send()
    assert (seen[0].attempt, seen[0].step) == (1, 1)
    assert seen[0].due_at == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.DNS, Reason.BLOCKED_ADDRESS, Reason.TLS, Reason.CONNECTION])
def test_scenarios_26_and_37_what_the_owner_may_mend_is_tried_again(reason: Reason) -> None:
    stage = Stage(receiver=Receiver(Answer(15_000, None, reason)))
    assert stage.send().outcome is Outcome.FAILED
    assert stage.health.failures == [(EVENT_ID, NOW, reason.value)]
    assert stage.delivery.state is DeliveryState.PENDING
    # In five seconds by the queue, on the lane of those that fail.
    assert stage.queue.sent == [(notice(stage.delivery), True, 20)]


def test_16_the_schedule_is_ten_attempts_over_three_days() -> None:
    stage = Stage(receiver=Receiver(BROKEN))
    stage.send()
    moments = [round(each.total_seconds()) for each in stage.to_the_end()]
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert stage.delivery.state is DeliveryState.FAILED
    assert stage.delivery.due_at is None
    assert [each[2] for each in stage.queue.sent] == [5]  # every later one is the alarm clock's


def test_16_retry_after_moves_the_next_attempt_later_and_never_earlier() -> None:
    for asked_s, pause_s in ((600, 600), (1, 5)):
        stage = Stage(receiver=Receiver(Answer(0, 429, Reason.STATUS, retry_after_s=asked_s)))
        stage.send()
        assert stage.delivery.due_at == NOW + timedelta(seconds=pause_s)


def test_16_a_notice_that_comes_twice_is_worked_once() -> None:
    stage = Stage(receiver=Receiver(BROKEN))
    asked = notice(stage.delivery)
    assert stage.send(asked).outcome is Outcome.FAILED
    assert stage.send(asked).outcome is Outcome.UNWANTED
    assert len(stage.receiver.got) == 1


def test_16_of_two_senders_that_race_one_sends() -> None:
    """Both have loaded the delivery before either claims it."""
    stage = Stage()
    asked, reports = notice(stage.delivery), []
    real = stage.health.open_slot

    def other_first(*args):
        stage.health.open_slot = real
        reports.append(stage.send(asked))
        return real(*args)

    stage.health.open_slot = other_first
    reports.append(stage.send(asked))
    assert [each.outcome for each in reports] == [Outcome.SUCCEEDED, Outcome.UNWANTED]
    assert len(stage.receiver.got) == 1


def test_16_a_notice_of_another_tenants_delivery_finds_nothing() -> None:
    stage = Stage()
    assert stage.send(replace(notice(stage.delivery), tenant_id="other")).outcome is Outcome.UNWANTED


def change(stage: Stage, **fields) -> None:
    stage.units.put(replace(stage.units.of(WebhookEndpoint)[0], **fields))


def test_16_to_an_endpoint_that_was_disabled_meanwhile_nothing_is_sent() -> None:
    """It is kept, and can be redelivered (scenario 35)."""
    stage = Stage()
    change(stage, status=EndpointStatus.DISABLED)
    assert stage.send().outcome is Outcome.SKIPPED
    assert (stage.delivery.state, stage.delivery.attempt) == (DeliveryState.SKIPPED, 0)
    assert stage.receiver.got == []
    change(stage, status=EndpointStatus.ENABLED)
    stage.delivery = redelivered(stage.delivery, stage.now)
    assert stage.send().outcome is Outcome.SUCCEEDED


def test_16_to_an_endpoint_that_was_deleted_meanwhile_nothing_is_sent() -> None:
    stage = Stage()
    stage.units.entities.clear()
    assert stage.send().outcome is Outcome.SKIPPED
    assert stage.delivery.due_at is None


def test_16_an_event_that_is_not_kept_any_more_is_given_up() -> None:
    stage = Stage()
    stage.events.clear()
    assert stage.send().outcome is Outcome.EXPIRED
    assert stage.delivery.state is DeliveryState.FAILED


def test_16_a_full_window_puts_off_and_costs_no_attempt() -> None:
    stage = Stage()
    stage.health.is_open = False
    assert stage.send().outcome is Outcome.PUT_OFF
    assert (stage.delivery.attempt, stage.receiver.got) == (0, [])
    assert stage.delivery.due_at == NOW + timedelta(seconds=15)  # the next window begins
    assert stage.queue.sent == [(notice(stage.delivery), True, 15)]  # nobody knows yet that it answers
    stage.health.is_open, stage.now = True, NOW + timedelta(seconds=15)
    assert stage.send().outcome is Outcome.SUCCEEDED


def test_scenario_39_a_backlog_comes_again_spread_over_minutes() -> None:
    """What waited for hours is not asked for every 15 s, 50,000 at a time."""
    stage = Stage()
    stage.health.is_open, stage.now = False, NOW + timedelta(hours=10)
    sender = stage.sender()
    sender._jitter = lambda: 1.0
    sender.send(notice(stage.delivery))
    assert stage.delivery.due_at == stage.now + timedelta(seconds=15 + 900)
    assert stage.queue.sent == []


def test_16_gone_disables_and_says_so() -> None:
    stage = Stage(receiver=Receiver(Answer(40, 410, Reason.STATUS)))
    stage.send()
    (endpoint,) = stage.units.of(WebhookEndpoint)
    assert (endpoint.status, endpoint.disabled_reason) == (EndpointStatus.DISABLED, DisabledReason.GONE)
    assert [each for each, _ in stage.units.events] == [EventType.WEBHOOK_ENDPOINT_DISABLED]
    assert (stage.delivery.state, stage.delivery.due_at) == (DeliveryState.SKIPPED, None)
    assert [each.status for each in stage.deliveries.log] == [410]
    assert stage.queue.sent == []


def test_16_a_day_of_failures_is_told_once_and_five_disable() -> None:
    stage = Stage(receiver=Receiver(BROKEN), now=NOW + timedelta(days=1))
    stage.health.now = EndpointHealth(failing_since=NOW, last_failure_at=NOW)
    stage.send()
    stage.alarm()
    assert [each for each, _ in stage.units.events] == [EventType.WEBHOOK_ENDPOINT_FAILING]
    stage.now = NOW + timedelta(days=5, hours=1)
    recent = (stage.now - timedelta(hours=20), stage.now - timedelta(hours=1))
    stage.health.now = replace(stage.health.now, failed_events=recent)
    stage.alarm()
    (endpoint,) = stage.units.of(WebhookEndpoint)
    assert endpoint.disabled_reason is DisabledReason.FAILING


def test_scenario_31_secret_and_url_are_those_of_the_moment_and_the_event_is_not() -> None:
    """Rotated while an event is at its third retry: that one is signed with both."""
    stage = Stage(receiver=Receiver(BROKEN, BROKEN, OK))
    old = stage.endpoint.secret
    stage.send()
    stage.alarm()
    new = "whsec_" + "bmV3" * 8
    until = stage.now + timedelta(days=1)
    change(stage, secret=new, previous_secret=old, previous_until=until, url="https://other.example/")
    stage.alarm()
    first, _, third = stage.receiver.got
    assert (first.endpoint.url, third.endpoint.url) == ("https://hooks.example/in", "https://other.example/")
    assert first.body == third.body
    headers = signature_headers(third.endpoint, third.event_id, third.body, third.at)
    for secret in (old, new):
        signature = Webhook(secret).sign(EVENT_ID, third.at, third.body.decode())
        assert signature in headers["webhook-signature"].split(" ")


def test_scenarios_32_and_33_the_body_is_what_was_committed_with_its_version() -> None:
    stage = Stage()
    stage.send()
    sent = json.loads(stage.receiver.got[0].body)
    assert sent["data"]["object"] == {"id": "inv_1", "version": 3, "total": 100}
    assert (sent["id"], sent["type"]) == (EVENT_ID, "invoice.paid")


@pytest.mark.parametrize(
    ("mode", "flag", "allowed"),
    [(Mode.TEST, True, True), (Mode.TEST, False, False), (Mode.LIVE, True, False), (Mode.LIVE, False, False)],
)
def test_16_loopback_is_for_test_tenants_of_a_local_stack(mode: Mode, flag: bool, allowed: bool) -> None:
    stage = Stage(mode=mode, loopback=flag)
    stage.send()
    assert stage.receiver.got[0].loopback is allowed


def test_16_events_for_a_bus_go_to_the_bus() -> None:
    stage = Stage()
    change(stage, url=None, event_bus_arn="arn:aws:events:us-east-1:222222222222:event-bus/x")
    stage.send()
    assert (len(stage.bus.got), len(stage.receiver.got)) == (1, 0)


def test_16_a_fault_of_ours_costs_no_attempt_and_does_not_come_back_every_minute() -> None:
    def broken(*_, **__):
        raise KeyError("a bug")

    stage = Stage(body=broken)
    with pytest.raises(KeyError):
        stage.send()
    assert (stage.delivery.attempt, stage.receiver.got) == (0, [])
    assert stage.delivery.due_at == NOW + timedelta(minutes=15)
    stage.body = Stage().body
    assert stage.send().outcome is Outcome.SUCCEEDED  # a redrive, as soon as it is mended; twice does nothing more
    assert stage.send(notice(replace(stage.delivery, attempt=0))).outcome is Outcome.UNWANTED


def test_16_a_table_that_does_not_answer_is_a_message_that_comes_again() -> None:
    def busy(*_, **__):
        raise Unavailable("busy", retry_after_s=1)

    stage = Stage(body=busy)
    before = stage.delivery
    with pytest.raises(Unavailable):
        stage.send()
    assert stage.delivery == before


CALLS = ["get", "begin", "load", "get", "open_slot", "claim", "send", "settle"]


@pytest.mark.parametrize("first", [OK, BROKEN], ids=["accepted", "refused"])
@pytest.mark.parametrize("call", range(1, 11))
def test_scenario_30_whoever_dies_after_a_call_has_it_sent_at_least_once_in_the_same_bytes(
    first: Answer, call: int
) -> None:
    stage = Stage(receiver=Receiver(first, OK), dies_after=call)
    try:
        stage.send()
    except Died:
        assert len(stage.calls) == call
    else:
        assert len(stage.calls) < call  # it has no more calls than that
    stage.dies_after = None
    stage.to_the_end()
    assert stage.delivery.state is DeliveryState.SUCCEEDED
    got = stage.receiver.got
    assert 1 <= len(got) <= 3
    assert len({(each.event_id, each.body) for each in got}) == 1
    assert stage.calls[:8][:call] == CALLS[:call]


CARRIED = ["get", "begin", "load", "get", "open_slot", "send", "settle"]
"""A first attempt is its message's, which nobody else is shown: no claim."""


def carried(**fields) -> Stage:
    """A delivery that has no alarm: its message, and its endpoint's watch, are all that wait for it."""
    stage = Stage(**fields)
    stage.delivery = replace(stage.delivery, due_at=None)
    return stage


def test_16_a_first_attempt_is_written_once_and_an_attempt_that_comes_again_is_claimed() -> None:
    stage = carried()
    assert stage.send().outcome is Outcome.SUCCEEDED
    assert stage.calls[: len(CARRIED)] == CARRIED
    assert (stage.delivery.state, stage.delivery.attempt, stage.delivery.version) == (DeliveryState.SUCCEEDED, 1, 2)
    stage = carried()
    assert stage.sender().send(notice(stage.delivery), again=True).outcome is Outcome.SUCCEEDED
    assert "claim" in stage.calls


def test_16_a_first_attempt_that_fails_has_an_alarm_from_then_on() -> None:
    stage = carried(receiver=Receiver(BROKEN, OK))
    assert stage.send().outcome is Outcome.FAILED
    assert (stage.delivery.attempt, stage.delivery.step) == (1, 1)
    assert stage.delivery.due_at == NOW + timedelta(seconds=5, milliseconds=40)
    stage.alarm()
    assert (stage.delivery.state, stage.delivery.attempt) == (DeliveryState.SUCCEEDED, 2)


def test_16_a_full_window_gives_a_first_attempt_an_alarm() -> None:
    stage = carried()
    stage.health.is_open = False
    assert stage.send().outcome is Outcome.PUT_OFF
    assert stage.delivery.due_at == NOW + timedelta(seconds=15)


@pytest.mark.parametrize("first", [OK, BROKEN], ids=["accepted", "refused"])
@pytest.mark.parametrize("call", range(1, 10))
def test_scenario_30_whoever_dies_over_a_first_attempt_has_its_message_come_again(first: Answer, call: int) -> None:
    stage = carried(receiver=Receiver(first, OK), dies_after=call)
    asked = notice(stage.delivery)
    try:
        stage.send(asked)
    except Died:
        stage.dies_after = None
        stage.now += timedelta(minutes=6)
        stage.sender().send(asked, again=True)
    else:
        assert len(stage.calls) < call
    stage.to_the_end()
    assert stage.delivery.state is DeliveryState.SUCCEEDED
    assert 1 <= len(stage.receiver.got) <= 3
    assert len({(each.event_id, each.body) for each in stage.receiver.got}) == 1


def test_16_whoever_dies_twice_over_a_first_attempt_leaves_it_to_the_alarm_clock() -> None:
    """The second one has claimed it: no message has to come a third time."""
    stage = carried(dies_after=CARRIED.index("send") + 1)
    asked = notice(stage.delivery)
    with pytest.raises(Died):
        stage.send(asked)
    stage.now += timedelta(minutes=6)
    stage.calls.clear()
    with pytest.raises(Died):
        stage.sender().send(asked, again=True)
    stage.dies_after = None
    assert stage.delivery.due_at is not None
    stage.to_the_end()
    assert stage.delivery.state is DeliveryState.SUCCEEDED
