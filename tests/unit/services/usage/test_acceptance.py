"""Chunks of accepted events: nothing is lost or doubled, each fits its message, and a retry makes the same ones."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.errors import Unavailable
from billing.domain.usage.event import UsageEvent
from billing.integrations.aws.usage_queue import SqsUsageQueue, chunk_message, parse_chunk
from billing.services.usage.acceptance import MOST_BYTES, MOST_EVENTS, chunked
from billing.services.usage.ports import Chunk

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SQS_MESSAGE_BYTES = 262_144


def event(n: int, subscription: str = "sub_1", meter: str = "calls", **fields: Any) -> UsageEvent:
    return UsageEvent(f"e-{n}", subscription, meter, Decimal(fields.pop("quantity", 1)), AT, **fields)


# What the API lets through, at its longest too.
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
EVENTS = st.lists(
    st.builds(
        UsageEvent,
        VISIBLE,
        st.sampled_from(["sub_1", "sub_2", "s" * 100]),
        st.sampled_from(["calls", "tokens"]),
        st.decimals(-(10**12), 10**12, places=9),
        st.datetimes(datetime(1970, 1, 1), datetime(2499, 12, 31), timezones=st.just(UTC)),
        st.dictionaries(st.text("abc.-_", min_size=1, max_size=40), st.text(max_size=200), max_size=20),
        st.none() | VISIBLE,
    ),
    max_size=300,
    unique_by=lambda each: each.event_id,
)


@given(EVENTS)
def test_every_event_is_in_one_chunk(events: list[UsageEvent]) -> None:
    chunks = chunked("ten_1", "key", events)
    found = [each for chunk in chunks for each in chunk.events]
    assert sorted(found, key=lambda each: each.event_id) == sorted(events, key=lambda each: each.event_id)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert all(len(chunk.id) == 40 for chunk in chunks)


@given(EVENTS)
def test_a_chunk_fits_into_a_transaction_and_a_message(events: list[UsageEvent]) -> None:
    for chunk in chunked("ten_1", "key", events):
        assert 1 <= len(chunk.events) <= MOST_EVENTS
        message = chunk_message(chunk)
        assert message.isascii()
        assert len(message) <= MOST_BYTES + 200


@given(EVENTS)
def test_a_message_says_what_the_chunk_says(events: list[UsageEvent]) -> None:
    for chunk in chunked("ten_1", "key", events):
        assert parse_chunk(chunk_message(chunk)) == chunk


def test_the_widest_events_fit() -> None:
    """20 properties of 200 characters that take twelve bytes each: 49 KB an event."""
    wide = {f"{n:040d}": "\U0001f642" * 200 for n in range(20)}
    chunks = chunked("ten_1", "key", [event(n, properties=wide) for n in range(20)])
    assert [len(chunk.events) for chunk in chunks] == [4] * 5
    assert all(len(chunk_message(chunk)) < SQS_MESSAGE_BYTES for chunk in chunks)


def test_corrections_come_last_and_by_themselves() -> None:
    events = [event(n, corrects=f"e-{n - 1}" if n % 2 else None) for n in range(6)]
    first, second = chunked("ten_1", "key", events)
    assert {each.event_id for each in first.events} == {"e-0", "e-2", "e-4"}
    assert {each.event_id for each in second.events} == {"e-1", "e-3", "e-5"}


def test_what_changes_one_total_stays_together() -> None:
    """Three subscriptions in turn: no chunk begins with one, leaves it, and comes back to it."""
    chunks = chunked("ten_1", "key", [event(n, f"sub_{n % 3}", f"m{n % 2}") for n in range(240)])
    places = [(each.subscription_id, each.meter) for chunk in chunks for each in chunk.events]
    assert places == sorted(places)


def test_a_retry_makes_the_same_chunks_and_another_request_makes_others() -> None:
    events = [event(n) for n in range(200)]
    ids = [chunk.id for chunk in chunked("ten_1", "key", events)]
    assert [chunk.id for chunk in chunked("ten_1", "key", list(events))] == ids
    for other in (
        chunked("ten_1", "key2", events),
        chunked("ten_2", "key", events),
        chunked("ten_1", "key", [event(n, quantity=2) for n in range(200)]),
        chunked("ten_1", "key", [event(n + 1000) for n in range(200)]),
    ):
        assert not set(ids) & {chunk.id for chunk in other}


GOOD: dict[str, Any] = {
    "v": 1,
    "id": "c",
    "tenant": "t",
    "events": [["e", "s", "m", "1", "2026-11-22T12:00:00Z", {}, None]],
}


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"events": []},
        {"events": "abcdefg"},
        {"events": [["e", "s", "m", "1", "2026-11-22T12:00:00Z", {}]]},
        {"id": 7},
        {"tenant": None},
        *(
            {"events": [[*GOOD["events"][0][:n], bad, *GOOD["events"][0][n + 1 :]]]}
            for n, bad in (
                (0, 1),
                (1, None),
                (2, []),
                (3, 1.5),
                (3, "x"),
                (3, "NaN"),
                (3, "Infinity"),
                (4, "2026-11-22T12:00:00"),
                (4, "0001-01-01T00:00:00+14:00"),
                (5, None),
                (5, {"a": 1}),
                (6, 0),
            )
        ),
    ],
)
def test_a_poison_message_is_a_value_error_that_quotes_nothing(change: dict[str, Any]) -> None:
    assert parse_chunk(json.dumps(GOOD)).events
    with pytest.raises(ValueError, match=r"^a message that is no chunk of usage events$") as refused:
        parse_chunk(json.dumps(GOOD | change))
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("body", ["", "zoe", "null", "[]", "7", '"text"', "[" * 5000, '{"v":1}'])
def test_what_is_no_message_at_all_is_a_value_error(body: str) -> None:
    with pytest.raises(ValueError, match="no chunk"):
        parse_chunk(body)


# --- the queue


class Client:
    """SQS: refuses what its script says, and keeps the rest."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.calls: list[list[str]] = []
        self.bodies: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        """A batch; the script's step is an error, or how many of it are refused."""
        assert QueueUrl == "queue"
        assert len(Entries) <= 10
        assert sum(len(each["MessageBody"]) for each in Entries) <= SQS_MESSAGE_BYTES
        assert len({each["Id"] for each in Entries}) == len(Entries)
        self.calls.append([each["Id"] for each in Entries])
        step = self.script.pop(0) if self.script else 0
        if isinstance(step, Exception):
            raise step
        self.bodies += [each["MessageBody"] for each in Entries[step:]]
        failed = [{"Id": each["Id"], "Code": "InternalError", "SenderFault": False} for each in Entries[:step]]
        return {"Successful": [{"Id": each["Id"]} for each in Entries[step:]], **({"Failed": failed} if failed else {})}


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendMessageBatch")


def sent(client: Client, chunks: list[Chunk]) -> list[float]:
    """Sends; returns the pauses."""
    pauses: list[float] = []
    SqsUsageQueue(lambda: client, "queue", pauses.append, lambda: 1.0).send(chunks)
    return pauses


CHUNKS = [chunk for n in range(25) for chunk in chunked("ten_1", f"key-{n}", [event(n)])]


def test_messages_go_in_tens() -> None:
    client = Client()
    assert sent(client, CHUNKS) == []
    assert [len(call) for call in client.calls] == [10, 10, 5]
    assert sorted(client.bodies) == sorted(map(chunk_message, CHUNKS))


def test_a_batch_has_as_many_bytes_as_sqs_takes() -> None:
    wide = chunked("ten_1", "key", [event(n, properties={"a": "x" * 200, "b": "y" * 200}) for n in range(2000)])
    client = Client()
    sent(client, wide)
    assert max(len(call) for call in client.calls) < 10
    assert len(client.bodies) == len(wide)


@pytest.mark.parametrize(
    "error",
    [
        refusal("RequestThrottled", 403),
        refusal("KMS.ThrottlingException", 400),
        refusal("InternalFailure", 500),
        ConnectTimeoutError(endpoint_url="https://sqs"),
    ],
)
def test_a_busy_queue_is_asked_again_after_growing_pauses(error: Exception) -> None:
    client = Client(error, error, 1)
    assert sent(client, CHUNKS[:3]) == [0.05, 0.1, 0.2]
    assert client.calls == [["0", "1", "2"]] * 3 + [["0"]]
    assert len(client.bodies) == 3


def test_after_five_rounds_it_is_given_up() -> None:
    client = Client(*[1] * 10)
    with pytest.raises(Unavailable) as refused:
        sent(client, CHUNKS[:2])
    assert refused.value.retry_after_s
    assert len(client.calls) == 5


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_what_no_retry_changes_is_not_tried_again(code: str) -> None:
    client = Client(refusal(code, 400))
    with pytest.raises(Unavailable):
        sent(client, CHUNKS[:2])
    assert len(client.calls) == 1


def test_a_slow_queue_is_given_up_before_the_caller_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call takes two seconds and then fails: two of them are enough."""
    now = iter(range(0, 100, 2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    client = Client(*[ConnectTimeoutError(endpoint_url="https://sqs")] * 10)
    with pytest.raises(Unavailable):
        sent(client, CHUNKS[:1])
    assert len(client.calls) == 1


def test_a_thousand_events_cost_little() -> None:
    """Less than five times what it takes to write as much as JSON and to read it: of the budget of 0.05 ms an event, a
    tenth is for what is done here, and a machine's own time for JSON is what it is measured by."""
    events = [
        UsageEvent(f"e-{n}", "sub_1", "calls", Decimal(n), AT + timedelta(seconds=n), {"region": "eu"})
        for n in range(1000)
    ]
    plain = [["e", "sub_1", "calls", str(n), AT.isoformat(), {"region": "eu"}] for n in range(1000)]

    def ours() -> None:
        for chunk in chunked("ten_1", "key", events):
            parse_chunk(chunk_message(chunk))

    def measure() -> None:
        json.loads(json.dumps(plain, indent=1))  # indented, it is written by Python, not by C

    taken = {ours: float("inf"), measure: float("inf")}
    for _ in range(5):
        for work, before in taken.items():
            began = time.process_time()
            work()
            taken[work] = min(before, time.process_time() - began)
    assert taken[ours] < 5 * taken[measure]
