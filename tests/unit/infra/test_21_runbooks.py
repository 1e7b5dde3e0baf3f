"""Issue 21, number 3: every alarm has a runbook, names it, and goes off by what its runbook says."""

import re
from collections.abc import Mapping

import pytest

from local.stack.settings import ROOT
from tests.support.transformed import of_type
from tests.unit.infra.test_alarms import HOUR_S, fires

PAGE = (ROOT / "docs" / "operations.md").read_text()
PARTS = ("Says", "Look", "Do", "Over")
LETTER = {600.0: 1.0}
CRITICAL_LINE = {605.0: 1.0}
WAITS = {float(at): float(at) for at in range(0, HOUR_S, 60)}
"""The age in seconds of a message that nobody takes: each minute a minute more."""
LATE_STREAM = {at: age * 1000 for at, age in WAITS.items()}

SETS_OFF: dict[str, Mapping[float, float]] = {
    "BillingDeadLetterAlarm": LETTER,
    "ClockDeadLetterAlarm": LETTER,
    "PayoutDeadLetterAlarm": LETTER,
    "ReportDeadLetterAlarm": LETTER,
    "UsageDeadLetterAlarm": LETTER,
    "WebhookDeadLetterAlarm": LETTER,
    "WebhookSlowDeadLetterAlarm": LETTER,
    "WebhookWorkDeadLetterAlarm": LETTER,
    "StreamFailuresAlarm": LETTER,
    "EventFeedLateAlarm": LATE_STREAM,
    "WebhookPublisherLateAlarm": LATE_STREAM,
    "BillingBacklogAlarm": WAITS,
    "PayoutBacklogAlarm": WAITS,
    "UsageBacklogAlarm": WAITS,
    "WebhookWorkBacklogAlarm": WAITS,
    "ReportBacklogAlarm": {float(at): float(at) for at in range(0, 2 * HOUR_S, 60)},
    "SweepStoppedAlarm": {float(at): 64.0 for at in range(0, 1200, 60)},  # and then nothing
    "SweepErrorsAlarm": {60.0: 1.0, 120.0: 1.0, 240.0: 1.0},
    "WorkerErrorsAlarm": {600.0: 1.0},
    "WebhookErrorsAlarm": {60.0: 1.0, 120.0: 2.0, 180.0: 1.0},
    "TaxWebhookErrorsAlarm": {60.0: 1.0, 120.0: 2.0, 180.0: 1.0},
    "ParkedItemsAlarm": CRITICAL_LINE,
    "CriticalLinesAlarm": CRITICAL_LINE,
    "LedgerDiffersAlarm": CRITICAL_LINE,
    "ProvidersNotCoveredAlarm": CRITICAL_LINE,
    "ApiFaultsAlarm": {300.0 + each: 1.0 for each in range(6)},
    "ThrottlesAlarm": {10.0: 1.0},
}
"""What an alarm's metric shows when that happens of which its runbook speaks: by the second, what is counted then."""
QUIET: dict[str, Mapping[float, float]] = {
    "SweepStoppedAlarm": {float(at): 64.0 for at in range(0, HOUR_S, 60)},
    "SweepErrorsAlarm": {60.0: 1.0, 120.0: 1.0, 360.0: 1.0, 660.0: 1.0},
    "WebhookErrorsAlarm": {60.0: 1.0, 120.0: 1.0, 240.0: 1.0},
    "TaxWebhookErrorsAlarm": {60.0: 1.0, 120.0: 1.0, 240.0: 1.0},
    "ApiFaultsAlarm": {float(at): 1.0 for at in range(0, HOUR_S, 60)},
    "BillingBacklogAlarm": dict.fromkeys(WAITS, 420.0),  # a shard whose worker crashed
    "PayoutBacklogAlarm": dict.fromkeys(WAITS, 420.0),
    "WebhookWorkBacklogAlarm": dict.fromkeys(WAITS, 420.0),
    "ReportBacklogAlarm": dict.fromkeys(WAITS, 1020.0),
}
"""What must wake nobody; of the others that nothing is counted."""


def runbooks() -> dict[str, str]:
    """The text of each alarm's runbook; a heading may name several alarms."""
    section = PAGE.split("\n## Runbooks\n")[1].split("\n## ")[0]
    found: dict[str, str] = {}
    for text in section.split("\n### ")[1:]:
        heading, _, body = text.partition("\n")
        found |= dict.fromkeys(re.findall(r"`(\w+Alarm)`", heading), body)
    return found


ALARMS = sorted(of_type("AWS::CloudWatch::Alarm"))


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    assert sorted(runbooks()) == ALARMS


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_runbook_which_says_all_four_things(name: str) -> None:
    description = of_type("AWS::CloudWatch::Alarm")[name]["Properties"]["AlarmDescription"]
    assert description.endswith(f" - runbook {name} in docs/operations.md")
    assert re.findall(r"^- \*\*(\w+)\*\*: \S", runbooks()[name], re.MULTILINE) == list(PARTS)


def test_a_runbook_names_only_commands_that_there_are() -> None:
    from operations.__main__ import main

    told = set(re.findall(r"python -m operations ([\w-]+)", PAGE)) - {"COMMAND"}
    assert {"due", "unpark", "redrive", "replay-events", "trial-balance", "rotate-keys"} <= told <= set(main.commands)


def test_every_command_is_in_the_table_of_commands() -> None:
    from operations.__main__ import main

    table = PAGE.split("\n| command | does |\n")[1].split("\n\n")[0]
    assert {each.split()[0] for each in re.findall(r"`([^`]+)`", table)} >= set(main.commands)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_off_by_what_its_runbook_says_and_not_without(name: str) -> None:
    properties = of_type("AWS::CloudWatch::Alarm")[name]["Properties"]
    assert fires(properties, SETS_OFF[name], 2 * HOUR_S)
    assert not fires(properties, QUIET.get(name, {}))
