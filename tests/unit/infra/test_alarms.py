"""Alarms fire: each as arithmetic over its own properties in the transformed template.

CloudWatch looks at whole periods: an alarm goes off when ``EvaluationPeriods`` of them in a row breach the threshold; a
period without data counts as ``TreatMissingData`` says.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.transformed import of_type, said, transformed

HOUR_S = 3600


def alarm(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = of_type("AWS::CloudWatch::Alarm")[f"{name}Alarm"]["Properties"]
    return properties


def fires(properties: Mapping[str, Any], points: Mapping[float, float], until_s: float = HOUR_S) -> bool:
    """Whether an alarm goes off over a metric.

    Args:
        points: from the second of a data point to its value.
        until_s: when one stops looking.
    """
    period = properties["Period"]
    by_period: dict[int, list[float]] = defaultdict(list)
    for at, value in points.items():
        by_period[int(at // period)].append(value)
    run = 0
    for n in range(int(until_s // period)):
        run = run + 1 if _breaches(properties, by_period.get(n)) else 0
        if run >= properties["EvaluationPeriods"]:
            return True
    return False


def _breaches(properties: Mapping[str, Any], values: list[float] | None) -> bool:
    if values is None:
        return bool(properties["TreatMissingData"] == "breaching")
    value = {"Sum": sum, "Maximum": max}[properties["Statistic"]](values)
    threshold = properties["Threshold"]
    return value > threshold if properties["ComparisonOperator"] == "GreaterThanThreshold" else value < threshold


def test_a_crash_of_the_worker_every_six_minutes_sets_the_alarm_off() -> None:
    """A shard whose worker crashed is hidden for the queue's visibility timeout: its crashes come no closer."""
    hidden_s = transformed()["Resources"]["BillingQueue"]["Properties"]["VisibilityTimeout"]
    crashes = {float(at): 1.0 for at in range(0, HOUR_S, hidden_s)}
    assert hidden_s == 360
    assert fires(alarm("WorkerErrors"), crashes)
    assert not fires(alarm("WorkerErrors"), {})


def test_a_sweep_that_is_called_and_sends_nothing_sets_the_alarm_off() -> None:
    assert alarm("SweepStopped")["MetricName"] == "NumberOfMessagesSent"
    assert said(alarm("SweepStopped")["Dimensions"][0]["Value"]) == "BillingQueue.QueueName"
    every_minute = {float(at): 16.0 for at in range(0, HOUR_S, 60)}
    assert not fires(alarm("SweepStopped"), every_minute)
    assert fires(alarm("SweepStopped"), {at: n for at, n in every_minute.items() if at < 1200})
    assert fires(alarm("SweepErrors"), {float(at): 1.0 for at in range(0, HOUR_S, 60)})


def test_one_message_among_the_dead_sets_an_alarm_off_for_every_queue() -> None:
    queues = {name.removesuffix("DeadLetters") for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetters")}
    assert queues == {"Billing", "Clock", "Payout", "Usage", "WebhookWork", "Webhook", "WebhookSlow", "Report"}
    for name in queues:
        properties = alarm(f"{name}DeadLetter")
        assert said(properties["Dimensions"][0]["Value"]) == f"{name}DeadLetters.QueueName"
        assert fires(properties, {0.0: 1.0})
        assert not fires(properties, {0.0: 0.0})


@pytest.mark.parametrize("name", ["Usage", "Billing", "Payout", "WebhookWork"])
def test_a_queue_that_nobody_works_sets_an_alarm_off_within_half_an_hour(name: str) -> None:
    ages = {float(at): float(at) for at in range(0, HOUR_S, 60)}
    assert fires(alarm(f"{name}Backlog"), ages, HOUR_S / 2)
    assert not fires(alarm(f"{name}Backlog"), dict.fromkeys(ages, 400.0))  # a crashed shard is hidden for 360 s


def test_timeouts_and_failed_imports_are_faults_though_no_line_of_ours_says_so() -> None:
    faults = of_type("AWS::Logs::MetricFilter")["ApiFaults"]["Properties"]
    assert faults["FilterPattern"] == '{ ($.status = "5*") && ($.status != "502") }'  # 502: a declined card
    assert said(faults["LogGroupName"]) == "ApiLog"  # the gateway's own log
    (metric,) = faults["MetricTransformations"]
    assert said(metric["MetricName"]) == said(alarm("ApiFaults")["MetricName"]) == "AWS::StackName-api-faults"
    assert fires(alarm("ApiFaults"), {float(at): 1.0 for at in range(0, 300, 50)})


def test_a_lack_of_concurrency_is_seen_for_the_whole_account() -> None:
    assert (alarm("Throttles")["MetricName"], "Dimensions" in alarm("Throttles")) == ("Throttles", False)
    assert fires(alarm("Throttles"), {0.0: 1.0})


def test_every_alarm_tells_the_topic_where_there_is_one() -> None:
    for name, each in of_type("AWS::CloudWatch::Alarm").items():
        assert each["Properties"]["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic", name
