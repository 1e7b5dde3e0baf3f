"""The benchmark of usage: what is replayed is the same in all but its keys, and the figures are worked out rightly."""

import json
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.session import Session

from benchmarks.events import received_event
from benchmarks.report import Row, Section, load_all, save_all
from benchmarks.usage import cost as usage_cost
from benchmarks.usage import table as usage
from benchmarks.usage import work as usage_work
from benchmarks.usage.case import BATCH, KINDS, SUM, Kind, quantity
from benchmarks.usage.run import Run, cpu_s_of
from benchmarks.usage.units import Asked, KindAsked, billed_requests, stored_bytes
from benchmarks.usage.work import Recorder, events_in, reissued
from billing.schemas.usage.events import MOST_EVENTS
from billing.services.usage.counting import EVENT_KEPT_S
from local.stack.routes import template

TENANT = "ten_01M80SR4YTH2493VQ7YZ0D26XV"
FRESH = "f" * 26


def put(key: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "events", "Item": {"event_key": {"S": key}, **more}}}


def update(item: str) -> dict[str, Any]:
    key = {"subscription_key": {"S": f"{TENANT}#sub_01M80SR4YTH2493VQ7YZ0D26XV"}, "item": {"S": item}}
    return {"Update": {"TableName": "totals", "Key": key, "UpdateExpression": "ADD #c0 :v0"}}


EVENT = put(f"{TENANT}#e#3d0c1f9e-6a5b-4f6e-9f3c-2b7a1c8d9e0f", digest={"S": "0" * 32}, value={"N": "2.5"})
SEEN = put(f"{TENANT}#u#{'0' * 64}", expires_at={"N": "1795298400"})
WRITES = [EVENT, SEEN, update("total#00000000#calls#00"), update("series#calls#2026-11-22#00")]
RECORDED = json.dumps({"TransactItems": WRITES, "ClientRequestToken": "a"}).encode()


# What is replayed


def masked(value: Any) -> Any:
    """A transaction with the length of its keys in the place of the keys."""
    text = ("event_key", "subscription_key")
    if isinstance(value, dict):
        return {name: len(each["S"]) if name in text else masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def test_a_replayed_transaction_is_the_recorded_one_but_for_its_keys() -> None:
    again = reissued(RECORDED, FRESH)
    assert masked(again["TransactItems"]) == masked(WRITES)
    assert again["ClientRequestToken"] != "a"


def test_replayed_events_are_new_each_time_and_totals_are_one_replays_own() -> None:
    def keys(fresh: str) -> tuple[list[str], list[str]]:
        items = reissued(RECORDED, fresh)["TransactItems"]
        puts = [each["Put"]["Item"]["event_key"]["S"] for each in items if "Put" in each]
        return puts, [each["Update"]["Key"]["subscription_key"]["S"] for each in items if "Update" in each]

    (first, totals), (second, same), (_, others) = keys(FRESH), keys(FRESH), keys("e" * 26)
    recorded = [each["Put"]["Item"]["event_key"]["S"] for each in WRITES if "Put" in each]
    assert len({*first, *second, *recorded}) == 6
    assert len(set(totals)) == 1
    assert totals == same != others
    assert all(key.startswith(f"{TENANT}#") for key in first + totals)


def test_a_seen_value_is_no_event() -> None:
    assert events_in(RECORDED) == 1


def client_answering(*answers: tuple[int, dict[str, Any]]) -> Any:
    """DynamoDB's client, whose requests go nowhere and are answered so."""
    config = Config(region_name="us-east-1", retries={"max_attempts": 0}, parameter_validation=False)
    session = Session()
    session.set_credentials("test", "test")
    client = session.create_client("dynamodb", config=config)
    left = iter(answers)

    class Body:
        def __init__(self, text: str) -> None:
            self.text = text

        def stream(self, **_: Any) -> Any:
            yield self.text.encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        status, body = next(left)
        return AWSResponse(request.url, status, {}, Body(json.dumps(body)))  # type: ignore[arg-type]

    client.meta.events.register("before-send.dynamodb", answer)  # type: ignore[arg-type]  # an answer is not sent for
    return client


def test_a_recorder_keeps_what_went_through_as_it_was_sent() -> None:
    canceled = {"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "no"}
    client = client_answering((200, {}), (400, canceled), (200, {}))
    recorder = Recorder()
    recorder.attach(client)
    client.transact_write_items(TransactItems=WRITES, ClientRequestToken="a")
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[EVENT], ClientRequestToken="b")
    client.transact_write_items(TransactItems=[SEEN], ClientRequestToken="c")
    assert [json.loads(each)["ClientRequestToken"] for each in recorder.transactions] == ["a", "c"]
    assert json.loads(recorder.transactions[0])["TransactItems"] == WRITES
    assert (recorder.take_events(), recorder.take_events()) == (1, 0)


def test_a_received_batch_is_what_the_worker_reads() -> None:
    from aws_lambda_powertools.utilities.data_classes import SQSEvent

    message = {
        "MessageId": "m1",
        "ReceiptHandle": "handle",
        "Body": "text",
        "MD5OfBody": "0" * 32,
        "Attributes": {"ApproximateReceiveCount": "2"},
    }
    (record,) = SQSEvent(received_event("arn:aws:sqs:us-east-1:000000000000:usage", [message])).records
    assert (record.message_id, record.body, record.receipt_handle) == ("m1", "text", "handle")
    assert record.attributes.approximate_receive_count == "2"
    assert record.aws_region == "us-east-1"


# What it stands on


def test_the_figures_are_about_what_is_deployed() -> None:
    found = template()
    assert found["Globals"]["Function"]["MemorySize"] == usage_cost.LAMBDA_MB
    assert found["Globals"]["Function"]["Architectures"] == ["arm64"]
    for name in ("UsageFunction", "UsageWorkerFunction"):
        assert "MemorySize" not in found["Resources"][name]["Properties"]
    events = found["Resources"]["UsageWorkerFunction"]["Properties"]["Events"]
    assert events["Accepted"]["Properties"]["BatchSize"] == usage_work.BATCH_MESSAGES
    assert EVENT_KEPT_S == usage_cost.KEPT_DAYS * 86_400
    assert BATCH == MOST_EVENTS


def test_each_kind_of_meter_has_events_that_it_counts() -> None:
    for kind in KINDS:
        measured = {
            *kind.settings.get("dimensions", []),
            *([kind.settings["property"]] if "property" in kind.settings else []),
        }
        assert set(kind.properties(0)) == measured
    assert sum(map(quantity, range(7))) == Decimal(14)


# The figures


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [([1], 1), ([65_536], 1), ([65_537], 2), ([65_536, 1], 2), ([15_000] * 10, 3)],
)
def test_sqs_bills_a_request_for_each_64_kb(sizes: list[int], requests: int) -> None:
    assert billed_requests(["a" * size for size in sizes]) == requests


def test_characters_that_take_more_bytes_are_billed_as_bytes() -> None:
    assert billed_requests(["é" * 32_769]) == 2


def test_storage_is_of_what_is_put_with_a_hundred_bytes_for_each_item() -> None:
    event = 9 + len(EVENT["Put"]["Item"]["event_key"]["S"]) + 6 + 32 + 5 + 3
    seen = 9 + len(SEEN["Put"]["Item"]["event_key"]["S"]) + 10 + 6
    assert stored_bytes(RECORDED) == event + seen + 200


def asked(**more: Any) -> Asked:
    plain: dict[str, Any] = {
        "events": 1_000,
        "operations": ("UpdateItem",),
        "calls": 3.0,
        "read_units": 2.0,
        "write_units": 5.0,
        "sqs_requests": 3.0,
        "cpu_s": 0.0512,
        "wait_s": 0.1,
        "invocations": 1,
    }
    return Asked(**(plain | more))


def kind_asked(kind: Kind = SUM) -> KindAsked:
    counted = asked(
        write_units=2_044.0, read_units=44.0, sqs_requests=4.0, cpu_s=0.1769 - 0.0512, wait_s=0.4, invocations=2
    )
    return KindAsked(kind, asked(), counted, stored_bytes=400.0, in_transaction=90.9)


def test_a_bill_is_units_times_prices() -> None:
    usd = {position.name: position.usd for position in usage_cost.bill(kind_asked())}
    # 0.1769 s of CPU take 0.1769 * 1769 / 512 = 0.61121 s, and with 0.5 s of waiting that is 1.11121 s of half a GB.
    lambdas = 1_000 * (1.1112129 * 0.5 * 0.0000133334 + 3 * 0.0000002)
    assert usd["HTTP API"] == pytest.approx(0.001)
    assert usd["Lambda"] == pytest.approx(lambdas, rel=1e-4)
    assert usd["SQS"] == pytest.approx(7_000 * 0.0000004)
    assert usd["DynamoDB, writes"] == pytest.approx(2.049 * 0.625)
    assert usd["DynamoDB, reads"] == pytest.approx(0.046 * 0.125)


def test_ninety_days_of_storage_are_2_96_months() -> None:
    assert usage_cost.storage_usd(kind_asked()) == pytest.approx(400e6 / 2**30 * 0.25 * 90 / (365 / 12))


def runs(through: list[float], raw: list[float]) -> usage.Runs:
    """Rounds of 1,000 events that took so many seconds, and as much CPU time."""

    def made(seconds: list[float]) -> list[Run]:
        return [Run(1_000, each, each) for each in seconds]

    singles = made([20.0, 20.0])
    return usage.Runs(made(through), made(through), made(raw), made(through), singles, singles)


@pytest.mark.parametrize(("seconds", "verdict"), [(1.25, "ok"), (1.26, "over")])
def test_ours_keeps_four_fifths_of_the_raw_clients_rate(seconds: float, verdict: str) -> None:
    first = usage.rates_section(runs([seconds] * 4, [1.0] * 4)).rows[0]
    assert first.verdict == verdict
    assert first.figures["ours_per_s"] == pytest.approx(1_000 / seconds)


def test_a_ratio_is_the_median_of_the_rounds_and_its_spread_is_shown() -> None:
    # In the third round the machine was busy: both sides took three times as long.
    first = usage.rates_section(runs([1.1, 1.0, 3.3, 2.0], [1.0, 1.0, 3.0, 1.0])).rows[0]
    assert first.figures["ratio"] == pytest.approx(1 / 1.1)
    assert first.cells[5] == "0.50 to 1.00"


def test_batches_have_to_be_ten_times_as_fast_as_single_events() -> None:
    verdicts = [row.verdict for row in usage.rates_section(runs([2.1] * 4, [2.1] * 4)).rows]
    assert verdicts == ["ok", "", "ok", "over", "over"]


def test_an_acceptance_of_more_than_three_calls_is_over_its_budget() -> None:
    singles = asked(events=1), asked(events=1)
    section = usage.calls_section([kind_asked(kind) for kind in KINDS], singles)
    assert [row.verdict for row in section.rows] == ["ok", "ok", *[""] * (len(KINDS) + 1)]
    assert len(usage.calls_section([kind_asked()], (asked(calls=4.0), singles[1])).over()) == 1


def test_the_bills_sum_stands_under_its_positions() -> None:
    rows = usage.cost_section([kind_asked(kind) for kind in KINDS]).rows
    assert rows[5].cells[0] == "together"
    for kind in range(len(KINDS)):
        parts = [row.figures[f"usd_{kind}"] for row in rows]
        assert parts[5] == pytest.approx(sum(parts[:5]))


def test_cpu_time_is_this_processs() -> None:
    before = cpu_s_of(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert 0.05 <= cpu_s_of(os.getpid()) - before < 1


def test_tables_come_back_from_their_file(tmp_path: Path) -> None:
    sections = [Section("One", ["what"], [Row(["a"], "ok", {"n": 1.0})], ["note"]), Section("Two", ["what"])]
    save_all(sections, tmp_path / "out.json")
    assert load_all(tmp_path / "out.json") == sections
    sections[0].save(tmp_path / "one.json")
    assert load_all(tmp_path / "one.json") == sections[:1]
