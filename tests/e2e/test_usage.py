"""Usage on the deployed stack: HTTP, the template's queue and workers, and invoices on a test clock."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from local.client import Answer, Client
from local.demo.books import every
from local.demo.usage import Usage, messages_waiting
from local.demo.year import same_bill
from tests.e2e.conftest import Seller, Stack

METER = {"key": "e2e-calls", "aggregation": "sum", "dimensions": ["model"]}
CENTS = 1_000
CALLS: dict[str, Any] = {
    "key": "calls",
    "type": "metered",
    "meter": "e2e-calls",
    "model": "per_unit",
    "unitAmount": CENTS,
    "groupBy": ["model"],
}
WEEKLY: dict[str, Any] = {
    "id": "e2e-weekly-calls",
    "name": "Calls",
    "currency": "USD",
    "interval": "week",
    "components": [{"key": "base", "type": "flat", "unitAmount": 100_000}, CALLS],
}
START = datetime(2027, 1, 4, tzinfo=UTC)
WEEK = timedelta(days=7)


@dataclass
class Customer:
    """A subscription by the week, on a test clock; each unit costs a cent, by model."""

    client: Client
    clock_id: str
    id: str
    now: datetime = START
    run: str = field(default_factory=lambda: f"{time.time_ns():x}")

    def event(self, name: str, quantity: str, at: datetime, model: str = "small", **other: Any) -> dict[str, Any]:
        """An event of this test's own."""
        return {
            "eventId": f"{self.run}-{name}",
            "subscriptionId": self.id,
            "meter": "e2e-calls",
            "quantity": quantity,
            "timestamp": at.isoformat(),
            "properties": {"model": model},
            **other,
        }

    def send(self, *events: dict[str, Any], key: str | None = None) -> Answer:
        return self.client.call("POST", "/v1/usage/events", {"events": list(events)}, key=key)

    def accept(self, *events: dict[str, Any]) -> Any:
        answer = self.send(*events)
        assert answer.status == 202, answer.body
        return answer.data

    def counted(self, name: str) -> Any:
        """The event, once it is counted."""
        path = f"/v1/usage/events/{self.run}-{name}"
        wait_for(lambda: self.client.call("GET", path).status == 200)
        return self.client.get(path)

    def totals(self, query: str = "") -> dict[tuple[str, str], Decimal]:
        """Totals by when their period begins, and model."""
        rows = self.client.get(f"/v1/usage?subscription={self.id}&limit=100{query}")
        return {(row["period"]["start"], row["dimensions"].get("model", "")): Decimal(row["total"]) for row in rows}

    def kept_aside(self) -> dict[str, str]:
        """Why events of this test's were not counted."""
        found = [event for each in every(self.client, "/v1/usage/rejections?limit=100") for event in each["events"]]
        mine = [event for event in found if event["eventId"].startswith(self.run)]
        assert len(mine) == len({event["eventId"] for event in mine}), "one of them was reported twice"
        return {event["eventId"][len(self.run) + 1 :]: event["reason"] for event in mine}

    def advance(self, to: datetime) -> None:
        self.client.post(f"/v1/test-clocks/{self.clock_id}/advance", {"frozenTime": to.isoformat()})
        self.now = to  # not before: what is sent meanwhile would be of a time that the clock knows nothing of
        self.client.arrived(self.clock_id)

    def preview(self) -> Any:
        return self.client.post("/v1/invoices/preview", {"subscriptionId": self.id})

    def invoices(self) -> list[Any]:
        """Oldest first."""
        return list(self.client.get(f"/v1/invoices?subscription={self.id}&limit=100"))[::-1]


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait as long as a message may take that failed once: it comes again after three minutes."""
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


def wait_until_worked(client: Client) -> None:
    """Until no message of usage is left."""
    wait_for(lambda: messages_waiting(client) == 0)


def metered(invoice: Any) -> list[tuple[str, str, Decimal, int]]:
    """Description, model, quantity and amount of the lines for usage."""
    return [
        (line["description"], line["dimensions"]["model"], Decimal(line["quantity"]), line["amount"])
        for line in invoice["lines"]
        if line["component"] == "calls"
    ]


@pytest.fixture(scope="module")
def seller(stack: Stack) -> Seller:
    return Seller.new(stack, "Usage")


@pytest.fixture
def customer(seller: Seller) -> Customer:
    client = seller.client
    client.call("POST", "/v1/meters", METER)  # 409 where an earlier test made it
    client.call("POST", "/v1/plans", WEEKLY)
    clock = client.post("/v1/test-clocks", {"frozenTime": START.isoformat()})
    who = client.post("/v1/customers", {"name": "Metered", "testClockId": clock["id"]})
    wanted = {"customerId": who["id"], "planId": WEEKLY["id"], "paymentMethodId": "pm_card_visa"}
    subscription = client.post("/v1/subscriptions", wanted)
    assert subscription["state"] == "active"
    return Customer(client, clock["id"], subscription["id"])


def test_the_usage_of_the_demo_holds_at_every_step(client: Client) -> None:
    invoices = Usage(client, count=3_000).play()
    numbers = [invoice["number"] for invoice in invoices]
    assert [each.rpartition("-")[2] for each in numbers] == ["000001", "000002", "000003"]
    assert {each.partition(".TC")[0] for each in numbers} == {"T"}  # a series of the clock's
    assert {invoice["status"] for invoice in invoices} == {"paid"}


def test_events_are_counted_once_and_shown_by_period_and_by_hour(customer: Customer) -> None:
    events = [
        customer.event("a", "0.1", START),
        customer.event("b", "0.2", START + timedelta(minutes=4), "large"),
        customer.event("c", "1.000000001", START),
    ]
    key = f"usage-{customer.run}"
    first, replay = customer.send(*events, key=key), customer.send(*events, key=key)
    assert (first.status, first.data) == (202, {"accepted": 3, "duplicates": 0})
    assert (replay.headers["Idempotent-Replayed"], replay.content) == ("true", first.content)
    assert customer.accept(events[0], events[0], events[2]) == {"accepted": 2, "duplicates": 1}
    stored = customer.counted("b")
    assert (stored["status"], stored["value"], stored["dimensions"]) == ("counted", "0.2", {"model": "large"})
    wait_until_worked(customer.client)
    day = "2027-01-04T00:00:00Z"
    assert customer.totals() == {(day, "large"): Decimal("0.2"), (day, "small"): Decimal("1.100000001")}
    hours = "&meter=e2e-calls&granularity=hour&from=2027-01-04T00:00:00Z&to=2027-01-05T00:00:00Z"
    assert customer.totals(hours) == {(day, ""): Decimal("1.300000001")}


def test_a_correction_takes_back_what_is_there_and_no_more(customer: Customer) -> None:
    customer.accept(customer.event("wrong", "10", START))
    customer.counted("wrong")
    customer.accept(customer.event("less", "-7.5", START, corrects=f"{customer.run}-wrong"))
    customer.counted("less")
    assert customer.counted("wrong")["remaining"] == "2.5"
    customer.accept(customer.event("too-much", "-2.6", START, corrects=f"{customer.run}-wrong"))
    wait_until_worked(customer.client)
    assert list(customer.totals().values()) == [Decimal("2.5")]
    assert customer.kept_aside() == {"too-much": "exceeds_the_corrected_event"}


def test_one_wrong_event_is_named_by_its_index_and_none_is_accepted(customer: Customer) -> None:
    answer = customer.send(
        customer.event("good", "1", START),
        customer.event("early", "1", START + timedelta(minutes=6)),
        customer.event("old", "1", START - timedelta(days=36)),
        customer.event("negative", "1", START),
    )
    assert (answer.status, answer.body["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert [(each["field"], each["reason"]) for each in answer.body["error"]["details"]] == [
        ("events.1.timestamp", "too_far_in_the_future"),
        ("events.2.timestamp", "too_far_in_the_past"),
    ]
    shape = customer.send(customer.event("good", "1", START), customer.event("negative", "-1", START))
    assert [each["field"] for each in shape.body["error"]["details"]] == ["events.1.quantity"]
    customer.accept(customer.event("later", "3", START))
    customer.counted("later")
    wait_until_worked(customer.client)
    assert list(customer.totals().values()) == [Decimal(3)]


def test_what_cannot_be_counted_is_kept_aside_and_says_why(customer: Customer) -> None:
    customer.accept(customer.event("a", "1", START))
    customer.counted("a")
    customer.accept(
        customer.event("a", "2", START),
        customer.event("b", "1", START) | {"meter": "nobody-knows-it"},
        # Whose it is nobody knows, and so the wall clock says whether it is in time.
        customer.event("c", "1", datetime.now(UTC)) | {"subscriptionId": "sub_01M80GHFGPXHK28QJZXNVQJD1V"},
        customer.event("d", "4", START),
    )
    customer.counted("d")
    wait_until_worked(customer.client)
    assert customer.kept_aside() == {
        "a": "event_id_used_for_another_event",
        "b": "unknown_meter",
        "c": "unknown_subscription",
    }
    assert list(customer.totals().values()) == [Decimal(5)]
    # What was not counted has not used its id up.
    customer.accept(customer.event("b", "1", START))
    assert customer.counted("b")["quantity"] == "1"


def test_dimensions_are_billed_apart_and_late_usage_by_lines_of_its_own(customer: Customer) -> None:
    customer.advance(START + timedelta(days=6))
    customer.accept(customer.event("a", "100", START), customer.event("b", "7.25", START, "large"))
    customer.counted("a"), customer.counted("b")
    preview = customer.preview()
    assert metered(preview) == [
        ("Calls: calls (large)", "large", Decimal("7.25"), 7 * CENTS),
        ("Calls: calls (small)", "small", Decimal(100), 100 * CENTS),
    ]
    customer.advance(START + WEEK)
    first = customer.invoices()[-1]
    same_bill(preview, first)
    customer.accept(customer.event("late", "0.25", START + timedelta(days=1), "large"))
    customer.accept(customer.event("present", "2", START + WEEK, "large"))
    customer.counted("late"), customer.counted("present")
    customer.advance(START + 2 * WEEK)
    second = customer.invoices()[-1]
    # 7.25 cents were billed as 7, 7.5 are 8.
    assert metered(second) == [
        ("Calls: calls (large), late usage of 2027-01-04 to 2027-01-10", "large", Decimal("0.25"), CENTS),
        ("Calls: calls (large)", "large", Decimal(2), 2 * CENTS),
    ]
    late = next(line for line in second["lines"] if "late" in line["description"])
    assert late["period"] == {"start": "2027-01-04T00:00:00Z", "end": "2027-01-11T00:00:00Z"}
    assert {first["status"], second["status"]} == {"paid"}


def test_every_event_of_a_storm_is_billed_once_while_periods_are_closed(customer: Customer) -> None:
    """Four clients send, now and then the same again, while the clock passes the ends of three periods."""
    stop, sent, failures = threading.Event(), [0, 0, 0, 0], []

    def storm(n: int) -> None:
        mine, dice, number = customer.client.again(), Random(n), 0
        before: list[dict[str, Any]] = []
        while not stop.is_set():
            now = customer.now  # it may have moved on, by a week, when they arrive
            events = [
                customer.event(
                    f"{n}-{number + k}", str(dice.randrange(1, 9)), now + timedelta(minutes=4 - dice.randrange(20_000))
                )
                for k in range(25)
            ]
            events = [each for each in events if each["timestamp"] >= START.isoformat()]
            number += 25
            if not events:
                continue
            for batch in (events, before) if dice.random() < 0.3 and before else (events,):
                answer = mine.call("POST", "/v1/usage/events", {"events": batch})
                if answer.status != 202:
                    failures.append(answer.body)
                    return
            sent[n] += sum(int(each["quantity"]) for each in events)
            before = events

    threads = [threading.Thread(target=storm, args=(n,)) for n in range(4)]
    customer.advance(START + timedelta(days=6, hours=23))
    for each in threads:
        each.start()
    try:
        for week in (1, 2, 3):
            customer.advance(START + week * WEEK)
            customer.advance(START + week * WEEK + timedelta(hours=1))
    finally:
        stop.set()
        for each in threads:
            each.join()
    assert failures == []
    wait_until_worked(customer.client)
    assert sum(customer.totals().values()) == sum(sent) > 1000
    billed = [line for each in customer.invoices() for line in metered(each)]
    still_open = metered(customer.preview())
    assert sum(quantity for _, _, quantity, _ in billed + still_open) == sum(sent)
    customer.advance(START + 5 * WEEK)
    lines = [line for each in customer.invoices() for line in metered(each)]
    assert sum(quantity for _, _, quantity, _ in lines) == sum(sent)
    assert sum(amount for _, _, _, amount in lines) == sum(sent) * CENTS
    assert any("late usage" in line[0] for line in lines)


def test_no_usage_ends_in_the_dead_letter_queue(stack: Stack) -> None:
    attributes = stack.aws("sqs").get_queue_attributes(
        QueueUrl=stack.usage_dead_letter_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"
