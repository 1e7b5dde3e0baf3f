"""The benchmarks of calls and of p95: what is sent again is the same work each time, and the answers are looked at."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from benchmarks.calls.book import WARM_CALLS, Book
from benchmarks.counting import Tally
from benchmarks.latency import bare_function
from benchmarks.latency import cases as latency_cases
from benchmarks.latency.bare import Recorder, Wire, script
from benchmarks.latency.cases import CLIENTS, Ask, Unexpected
from benchmarks.latency.table import Shot, fire
from benchmarks.shop import signature

TENANT = "ten_01M80SR4YTH2493VQ7YZ0D26XV"
CUSTOMER = "cus_01M80SR4YTH2493VQ7YZ0D26XW"
PAYMENT = "pay_01M80SR4YTH2493VQ7YZ0D26XX"
RECORD = f"{TENANT}#POST /v1/payments#{'ab' * 32}"
ASKED = f'/v1/payments{{"customerId": "{CUSTOMER}"}}'
KEYS = {
    "callers": ["caller_id"],
    "idempotency": ["record_id"],
    "customers": ["tenant_id", "id"],
    "payments": ["tenant_id", "id"],
}


def to_dynamodb(operation: str, **body: Any) -> Wire:
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Authorization": "AWS4-HMAC-SHA256 ..."}
    return Wire("POST", "http://127.0.0.1:9/", headers, json.dumps(body))


def put(table: str, condition: str | None = None, **item: str) -> dict[str, Any]:
    made: dict[str, Any] = {"TableName": table, "Item": {name: {"S": value} for name, value in item.items()}}
    if condition is not None:
        made |= {"ConditionExpression": condition, "ExpressionAttributeNames": {"#0": "id"}}
    return {"Put": made}


RECORDING = [
    to_dynamodb(
        "UpdateItem",
        TableName="callers",
        Key={"caller_id": {"S": "key#1"}},
        UpdateExpression="ADD #minute :one",
        ConditionExpression="#status = :active AND #minute < minute_limit",
        ExpressionAttributeNames={"#minute": "m29412300", "#status": "status"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":active": {"S": "active"}},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    ),
    to_dynamodb(
        "BatchGetItem",
        RequestItems={
            "customers": {"Keys": [{"tenant_id": {"S": TENANT}, "id": {"S": CUSTOMER}}]},
            "idempotency": {"Keys": [{"record_id": {"S": RECORD}}]},
        },
    ),
    to_dynamodb(
        "TransactWriteItems",
        ClientRequestToken="c" * 32,
        TransactItems=[
            put("idempotency", "attribute_not_exists (#0)", record_id=RECORD),
            put("payments", "attribute_not_exists (#0)", tenant_id=TENANT, id=PAYMENT),
            put("customers", "#0 = :0", tenant_id=TENANT, id=CUSTOMER, body=json.dumps({"id": CUSTOMER})),
        ],
    ),
    Wire(
        "POST",
        "http://127.0.0.1:8/v1/payment_intents",
        {"Idempotency-Key": f"k:{TENANT}:payment:{PAYMENT}"},
        f"customer=cus_1&metadata[payment_id]={PAYMENT}",
    ),
]


def sent(nth: str) -> list[dict[str, Any]]:
    """What the bare function would send, with tokens that begin with ``nth``."""
    made = json.loads(script(RECORDING, ASKED, KEYS).dumped("{}"))
    tokens = [f"{nth}{n}".ljust(16, nth) for n in range(made["tokens"])]
    filled: list[dict[str, Any]] = json.loads(bare_function._filled(json.dumps(made["wires"]), tokens))
    return filled


def test_what_is_sent_again_has_new_ids_wherever_they_stand() -> None:
    update, load, commit, charge = sent("7")
    puts = [each["Put"]["Item"] for each in json.loads(commit["body"])["TransactItems"]]
    record, payment = puts[0]["record_id"]["S"], puts[1]["id"]["S"]
    assert (len(record), record[:60]) == (len(RECORD), RECORD[:60])
    assert (len(payment), payment[:14]) == (len(PAYMENT), PAYMENT[:14])
    assert record != RECORD
    assert payment != PAYMENT
    assert record in load["body"]
    assert payment in charge["body"]
    assert charge["headers"]["Idempotency-Key"].startswith(f"k:{TENANT}:payment:{payment}")
    assert json.loads(commit["body"])["ClientRequestToken"] != "c" * 32
    assert urlsplit(f"http://{update['host']}{update['path']}").port == 9


def test_no_two_times_are_alike() -> None:
    first, second = sent("7"), sent("8")
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False, False, False]
    keys = {wires[3]["headers"]["Idempotency-Key"] for wires in (first, second)}
    assert len(keys) == 2


def test_what_the_request_names_stays_as_it_is() -> None:
    _, load, commit, _ = sent("7")
    assert CUSTOMER in load["body"]
    assert json.loads(commit["body"])["TransactItems"][2]["Put"]["Item"]["id"]["S"] == CUSTOMER


def test_conditions_go_and_take_with_them_what_only_they_used() -> None:
    update, _, commit, _ = sent("7")
    assert json.loads(update["body"]) == {
        "TableName": "callers",
        "Key": {"caller_id": {"S": "key#1#bare"}},
        "UpdateExpression": "ADD #minute :one",
        "ExpressionAttributeNames": {"#minute": "m29412300"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    assert all(each["Put"].keys() == {"TableName", "Item"} for each in json.loads(commit["body"])["TransactItems"])


# Recording, and the function that sends


@dataclass
class Peer:
    """A server that notes what it is sent."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Peer]:
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            peer.asked.append((self.command, self.path, body))
            self.send_response(peer.status)
            for name, value in {**peer.headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield peer
    finally:
        for connection in bare_function._connections.values():
            connection.close()
        bare_function._connections.clear()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Peer]:
    monkeypatch.setenv("CASES", str(tmp_path))
    monkeypatch.setattr(bare_function, "_cases", {})
    with serving() as started:
        wires = [Wire("POST", f"{started.url}/v1/refunds?n={n}", {"Idempotency-Key": "k"}, f"n={n}") for n in (1, 2)]
        made = script(wires, "", {})
        (tmp_path / "refund.json").write_text(made.dumped('{"data": {}}'))
        yield started


def test_the_bare_function_sends_what_was_recorded_and_answers_as_the_product_did(peer: Peer) -> None:
    answer = bare_function.lambda_handler({"rawPath": "/bare/refund"}, None)
    assert peer.asked == [("POST", "/v1/refunds?n=1", "n=1"), ("POST", "/v1/refunds?n=2", "n=2")]
    assert (answer["statusCode"], answer["body"]) == (200, '{"data": {}}')


@pytest.mark.parametrize(("status", "headers"), [(400, {}), (200, {"Idempotent-Replayed": "true"})])
def test_the_bare_function_fails_where_it_would_do_less_work(peer: Peer, status: int, headers: dict[str, str]) -> None:
    peer.status, peer.headers = status, headers
    with pytest.raises(RuntimeError, match=r"POST /v1/refunds\?n=1 answered"):
        bare_function.lambda_handler({"rawPath": "/bare/refund"}, None)


def test_a_recording_has_what_went_to_dynamodb_and_to_stripe_and_nothing_else() -> None:
    with serving() as stripe, serving() as other:
        session = Session()
        session.set_credentials("test", "test")
        dynamodb: Any = session.create_client("dynamodb", "us-east-1", endpoint_url=other.url)
        recorder = Recorder(dynamodb, stripe.url)
        dynamodb.delete_item(TableName="before", Key={})
        with recorder.recording() as wires:
            requests.post(f"{stripe.url}/v1/refunds", data="a=1", timeout=60)
            requests.post(other.url, timeout=60)
            dynamodb.delete_item(TableName="inside", Key={})
        requests.post(f"{stripe.url}/v1/refunds", timeout=60)
        dynamodb.delete_item(TableName="after", Key={})
        dynamodb.close()
    assert [(wire.url, wire.operation) for wire in wires] == [
        (f"{stripe.url}/v1/refunds", ""),
        (f"{other.url}/", "DeleteItem"),
    ]
    assert [wire.body for wire in wires] == ["a=1", '{"TableName": "inside", "Key": {}}']
    assert not {"host", "content-length"} & {name.lower() for wire in wires for name in wire.headers}


def test_a_wire_is_read_from_botocores_requests_too() -> None:
    request = AWSRequest("POST", "http://127.0.0.1:9/", {"X-Amz-Target": b"DynamoDB_20120810.Query"}, "{}").prepare()
    assert Wire.of(request).operation == "Query"


# What is measured


def test_requests_are_shared_among_the_clients_and_the_warm_up_is_not_looked_at() -> None:
    def shot(n: int) -> Shot:
        return Shot(lambda session: n, lambda answer: answer * 10)  # type: ignore[arg-type,return-value,operator]

    spans, answers = fire([shot(n) for n in range(4 * CLIENTS + 1)], 2 * CLIENTS)
    assert answers == [n * 10 for n in range(4 * CLIENTS + 1)]
    assert len(spans) == 2 * CLIENTS + 1
    assert spans == sorted(spans)


def test_another_answer_than_the_expected_one_is_not_measured() -> None:
    def refused(request: requests.Response) -> None:
        raise Unexpected("declined")

    shots = [Shot(lambda session: requests.Response(), refused)]
    with pytest.raises(Unexpected):
        fire(shots, 0)


API = Ask("payments", "POST", "/v1/payments", "key", body="{}", expected={"status": "succeeded"}, user="u")
WEBHOOK = Ask("stripe_webhook", "POST", "/webhooks/stripe", secret="whsec", body="{}", expected={"outcome": "applied"})


@pytest.mark.parametrize(
    ("ask", "status", "text"),
    [
        (API, 402, '{"error": {"code": "payment.declined"}}'),
        (API, 201, '{"data": {"status": "failed"}}'),
        (WEBHOOK, 200, '{"outcome": "duplicate"}'),
        (WEBHOOK, 500, '{"outcome": "not written yet"}'),
    ],
)
def test_an_answer_must_be_the_one_that_was_to_be_measured(ask: Ask, status: int, text: str) -> None:
    with pytest.raises(Unexpected):
        ask.data(status, text)


def test_the_expected_answers_are_taken() -> None:
    assert API.data(201, '{"data": {"status": "succeeded", "id": "pay_1"}}')["id"] == "pay_1"
    assert WEBHOOK.data(200, '{"outcome": "applied"}') == {"outcome": "applied"}


def test_an_ask_is_the_same_request_over_http_and_as_an_event() -> None:
    headers = API.event()["headers"]
    assert headers["x-user-id"] == "u"
    assert headers["idempotency-key"] == API.headers()["Idempotency-Key"]
    assert (API.event()["rawPath"], API.event()["body"]) == ("/v1/payments", "{}")


def test_a_webhook_is_signed_when_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(["t=1,v1=a", "t=2,v1=b"])
    monkeypatch.setattr(latency_cases, "signature", lambda body, secret: next(moments))
    assert [WEBHOOK.headers()["Stripe-Signature"] for _ in range(2)] == ["t=1,v1=a", "t=2,v1=b"]
    assert signature("{}", "whsec").startswith("t=")


# The table of calls


class Meter:
    """Counts what it was told."""

    def __init__(self, *trips: int) -> None:
        self._trips = list(trips)

    @contextmanager
    def open(self) -> Iterator[Tally]:
        yield Tally(dynamodb=["BatchGetItem"] * self._trips.pop(0))


@pytest.mark.parametrize(("trips", "expected"), [((3, 3, 3, 3), "ok"), ((3, 3, 4, 3), "over")])
def test_the_worst_of_a_routes_warm_calls_decides(trips: tuple[int, ...], expected: str) -> None:
    happened: list[str] = []
    book = Book(Meter(*trips))  # type: ignore[arg-type]

    def prepare() -> Any:
        return lambda: happened.append("call")

    book.route("any", 3, prepare)
    (row,) = book.section.rows
    assert (row.verdict, row.figures["round_trips"]) == (expected, max(trips))
    assert happened == ["call"] * (1 + WARM_CALLS)
