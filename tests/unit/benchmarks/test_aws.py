"""Issue 12: what ``make bench-aws`` reads from Lambda's own log lines. Their form is that of real logs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.aws.reports import Report, Starts, parse, starts
from benchmarks.aws.run import ROUTES, Target, notes, read_starts, row

ID = "8c360c87-d4b7-4423-b5f3-af02be3c1763"
WARM = (
    f"REPORT RequestId: {ID}\tDuration: 13.82 ms\tBilled Duration: 14 ms\t"
    "Memory Size: 512 MB\tMax Memory Used: 120 MB\t"
)
COLD = WARM + "Init Duration: 812.40 ms\t"
RESTORED = WARM + "Restore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t"
ANNOUNCED = "RESTORE_REPORT Restore Duration: 398.97 ms"
PUBLISHED = "INIT_REPORT Init Duration: 1670.77 ms\tPhase: init"


def test_a_warm_invocation_started_nothing() -> None:
    numbers = {"Duration": 13.82, "Billed Duration": 14.0, "Memory Size": 512.0, "Max Memory Used": 120.0}
    assert parse(WARM + "\n") == Report("REPORT", numbers)
    assert starts([WARM]) == Starts([], [], 1, 0, 120.0)


def test_without_snapstart_the_first_invocation_says_how_long_the_init_took() -> None:
    assert starts([COLD, WARM, WARM]) == Starts([812.40], [], 3, 0, 120.0)


def test_with_snapstart_a_restore_is_in_two_lines_and_counts_once() -> None:
    lines = [PUBLISHED, "RESTORE_START Runtime Version: python:3.13.v12", ANNOUNCED, f"START RequestId: {ID}", RESTORED]
    assert starts(lines) == Starts([1670.77], [398.97], 1, 0, 120.0)
    assert starts([ANNOUNCED]).restores == [398.97]


@pytest.mark.parametrize(
    "line",
    [
        "INIT_REPORT Init Duration: 10007.33 ms\tPhase: init\tStatus: timeout",
        "INIT_REPORT Init Duration: 150.79 ms\tPhase: init\tStatus: error\tError Type: Runtime.UserCodeSyntaxError",
        "RESTORE_REPORT Restore Duration: 1236.04 ms Status: error Error Type: Runtime.ExitError",
    ],
)
def test_a_start_that_failed_is_counted_and_its_time_is_not(line: str) -> None:
    assert starts([line]) == Starts(failed=1)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "REPORT",
        f"END RequestId: {ID}",
        '{"message": "request", "duration_ms": 12}',
        "REPORTED Duration: 3 ms",
        "INIT_START x",
    ],
)
def test_other_lines_are_no_reports(line: str) -> None:
    assert parse(line) is None


class Logs:
    """CloudWatch Logs, as far as it is asked."""

    def __init__(self, pages: list[list[str]], error: str = "") -> None:
        self.pages, self.error = pages, error
        self.asked: dict[str, Any] = {}

    def get_paginator(self, name: str) -> "Logs":
        assert name == "filter_log_events"
        return self

    def paginate(self, **asked: Any) -> Any:
        self.asked = asked
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "FilterLogEvents")
        return [{"events": [{"message": line} for line in page]} for page in self.pages]


def target(logs: Logs) -> Target:
    return Target("https://api.example.com", "llk_x", "ledgerline-prod", logs, 0)


def test_all_pages_of_the_functions_own_log_are_read() -> None:
    logs = Logs([[COLD], [f"START RequestId: {ID}\n{WARM}\n"]])
    found = read_starts(target(logs), ROUTES[1], 1_700_000_000.5)
    assert found == Starts([812.40], [], 2, 0, 120.0)
    assert logs.asked["logGroupName"] == "/ledgerline/ledgerline-prod/customers"
    assert logs.asked["startTime"] == 1_700_000_000_500


def test_a_log_that_may_not_be_read_costs_its_columns_and_is_named() -> None:
    found = read_starts(target(Logs([], "AccessDeniedException")), ROUTES[0], 0)
    assert found == "AccessDeniedException"
    assert row(ROUTES[0], 90.0, [10.0, 20.0], found).cells == ["GET /v1/health", "90", "10", "20", "-", "-", "-"]
    assert "Logs that could not be read: AccessDeniedException." in notes(25, [found])


def test_an_emulator_has_no_report_lines_and_the_table_says_so() -> None:
    said = " ".join(notes(25, [Starts(), Starts()]))
    assert "There are no REPORT lines in this stack's logs" in said
    assert "no REPORT lines" not in " ".join(notes(25, [starts([WARM])]))


def test_a_line_has_the_medians_and_how_many_they_are_of() -> None:
    found = starts([COLD, COLD.replace("812.40", "900.00"), COLD.replace("812.40", "700.00")])
    assert row(ROUTES[0], 950.0, [10.0, 20.0], found).cells[4:] == ["812 (3)", "-", "120"]


def test_five_routes_of_five_functions_are_measured() -> None:
    assert len({route.log for route in ROUTES}) == len(ROUTES) == 5
