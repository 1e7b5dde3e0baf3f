"""The cost sheet: the page says what the script works out, and the script's arithmetic is right."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cost.__main__ import main
from benchmarks.cost.bills import SHARDS, Sheet, total
from benchmarks.cost.inputs import Facts, Given, Measured
from benchmarks.cost.page import MIX, PAGE, ROUTES, TABLES, rendered, sheet
from benchmarks.prices import ALL
from local.stack.settings import ROOT

CALL = {
    "round_trips": 3.0,
    "read_units": 8.0,
    "write_units": 10.0,
    "stripe_calls": 1.0,
    "cpu_ms": 10.0,
    "log_bytes": 1000.0,
    "events": 2.0,
    "stored_audit_bytes": 1000.0,
    "stored_events_bytes": 0.0,
    "stored_idempotency_bytes": 0.0,
    "stored_bytes": 2**30 / 1_000_000,
}


class FakeFacts(Facts):
    """A template with a key, two alarms, a queue and functions of 512 MB."""

    def __init__(self) -> None:
        worker = {"Type": "AWS::Serverless::Function", "Properties": {"Events": {"Due": {"Type": "SQS"}}}}
        worker["Properties"]["SnapStart"] = {"ApplyOn": "None"}  # type: ignore[index]
        api = {"Type": "AWS::Serverless::Function", "Properties": {}}
        names = ("BillingWorker", "PayoutWorker", "WebhookWorker", "ReportWorker", "EventFeed")
        resources: dict[str, Any] = {f"{name}Function": worker for name in names} | {"ApiFunction": api}
        resources |= {"Key": {"Type": "AWS::KMS::Key"}, "One": {"Type": "AWS::CloudWatch::Alarm"}}
        resources |= {"Two": {"Type": "AWS::CloudWatch::Alarm"}}
        super().__init__({"Resources": resources, "Globals": {"Function": {"MemorySize": 512}}})


@pytest.fixture
def made() -> Sheet:
    calls = {"GET x": CALL, "Stripe webhook: x": CALL, **{f"{each}: a turn with nothing due": CALL for each in SHARDS}}
    fed = {"write_units": 1.0, "read_units": 0.0, "cpu_ms": 1.0, "round_trips": 0.1}
    return Sheet(Measured("", "", calls, {}, {}, {"place an event in the feed": fed}), FakeFacts(), Given())


def test_21_the_page_says_what_the_script_works_out() -> None:
    text = PAGE.read_text()
    assert text == rendered(text, sheet())
    assert all(f"<!-- {name} -->" in text for name in TABLES)


def test_21_a_stale_page_is_noticed_and_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "cost.md"
    page.write_text("before\n<!-- given -->\nsomething else\n<!-- end -->\nafter\n")
    monkeypatch.setattr("benchmarks.cost.__main__.PAGE", page)
    monkeypatch.setattr("sys.argv", ["cost", "--check"])
    assert main() == 1
    assert "something else" in page.read_text()
    monkeypatch.setattr("sys.argv", ["cost"])
    assert main() == 0
    assert page.read_text().startswith("before\n<!-- given -->\n| taken as given |")
    assert page.read_text().endswith("<!-- end -->\nafter\n")
    monkeypatch.setattr("sys.argv", ["cost", "--check"])
    assert main() == 0


def test_21_the_figures_are_those_that_the_benchmark_writes(tmp_path: Path) -> None:
    def table(title: str, name: str) -> list[Any]:
        row = {"cells": [name], "verdict": "", "figures": {"write_units": 1.23456}}
        return [{"title": title, "columns": [], "rows": [row], "notes": []}]

    tables = {
        "calls": table("DynamoDB and Stripe, per warm call", "GET x"),
        "usage": table("What usage asks for", "count") + table("A million usage events at list price, USD", "Lambda"),
        "webhooks": table("What a delivery asks for", "send it"),
    }
    found = Measured.taken({"at": "2026-03-01", "machine": "arm64", "python": "3.13", "tables": tables})
    path = tmp_path / "measured.json"
    found.save(path)
    assert Measured.load(path) == found
    assert (found.calls, found.machine) == ({"GET x": {"write_units": 1.2346}}, "arm64, Python 3.13")


def test_21_a_run_without_a_table_that_is_needed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"at": "", "machine": "", "python": "", "tables": {}}))
    monkeypatch.setattr("sys.argv", ["cost", "--take", str(path)])
    assert main() == 1
    assert "has no table 'calls'" in capsys.readouterr().err


def test_21_a_million_calls_are_what_each_asks_for_times_the_list_price(made: Sheet) -> None:
    bill = made.call("GET x")
    assert bill["API Gateway"] == pytest.approx(1.00)
    assert bill["DynamoDB, writes"] == pytest.approx(6.25)
    assert bill["DynamoDB, reads"] == pytest.approx(1.00)
    # 10 ms of CPU at 512 of 1,769 MB, three requests of 5 ms, one of 400: 0.4496 s of half a gigabyte.
    assert bill["Lambda"] == pytest.approx(0.20 + 0.4495508 * 0.5 * 13.3334, abs=1e-4)
    assert bill["logs"] == pytest.approx((1000 + 350 + 330) * 1e6 / 2**30 * 0.5)


def test_21_a_webhook_does_not_come_through_the_api(made: Sheet) -> None:
    assert made.call("Stripe webhook: x")["API Gateway"] == 0


def test_21_what_expires_is_paid_until_then_and_what_stays_each_month(made: Sheet) -> None:
    kept = made.kept("GET x")
    months = 400 / (365 / 12)
    assert kept["kept until it expires"] == pytest.approx(1000e6 / 2**30 * months * 0.45)
    assert kept["a month of what stays"] == pytest.approx(0.45)


def test_21_a_mix_is_its_parts_by_their_shares(made: Sheet) -> None:
    whole, half = made.mixed({"GET x": 1.0}), made.mixed({"GET x": 0.5, "Stripe webhook: x": 0.5})
    assert whole["API Gateway"] == 2 * half["API Gateway"]
    assert whole["DynamoDB, writes"] == pytest.approx(half["DynamoDB, writes"])
    assert whole["events' feed"] == pytest.approx(made.events(2))


def test_21_an_idle_month_is_minutes_times_what_each_wakes(made: Sheet) -> None:
    bill = made.idle(snapshots=True)
    minutes, shards = 365 / 12 * 24 * 60, sum(SHARDS.values())
    assert bill["keys and secrets"] == 1.00
    assert bill["alarms"] == pytest.approx(0.20)
    assert bill["DynamoDB, reads"] == pytest.approx(minutes * shards * 8 * 0.125e-6)
    assert bill["SQS, messages"] == pytest.approx(minutes * (8 + 2 * shards) * 0.5e-6)
    assert bill["SnapStart"] == pytest.approx(0.5 * minutes * 60 * 0.0000015046)  # the API's function alone has it
    assert total(bill) - total(made.idle(snapshots=False)) == pytest.approx(bill["SnapStart"])


def test_21_more_of_anything_measured_never_costs_less(made: Sheet) -> None:
    for name in ("round_trips", "read_units", "write_units", "stripe_calls", "cpu_ms", "log_bytes"):
        dearer = replace(made.measured, calls={"GET x": CALL | {name: CALL[name] * 2}})
        assert total(replace(made, measured=dearer).call("GET x")) > total(made.call("GET x"))


def test_21_the_mix_is_a_whole_and_every_route_was_measured() -> None:
    assert sum(MIX.values()) == pytest.approx(1)
    assert {*MIX, *ROUTES} <= set(Measured.load().calls)


def test_21_each_price_has_a_date_and_a_source_and_is_written_in_one_place() -> None:
    assert all(date.fromisoformat(each.at) <= date(2026, 11, 30) for each in ALL)
    for each in ALL:
        offer, page = re.fullmatch(r"(AWS|Amazon|aws)\w+", each.source), each.source.startswith("aws.amazon.com/")
        assert offer or page or "not confirmed" in each.note, each.name
    elsewhere = [path for path in (ROOT / "benchmarks").rglob("*.py") if "0.0000133334" in path.read_text()]
    assert [path.name for path in elsewhere] == ["prices.py"]
