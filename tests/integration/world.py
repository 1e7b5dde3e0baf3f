"""The whole product in one process: moto for AWS, the Stripe sandbox in a thread, the real handlers.

Every event that a handler gets comes from a file in ``events/``; a test only fills in what it is about.
"""

import base64
import copy
import importlib
import io
import json
import logging
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
import stripe
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from local.stack.routes import api_routes, template
from local.stripe_sandbox.testing import Control
from local.stripe_sandbox.webhooks import signature
from tests.support.tables import table_definitions

Json = dict[str, Any]
EVENTS = Path(__file__).parents[2] / "events"
REGION = "us-east-1"
TAX_WEBHOOK_SECRET = "taxsec_integration"
_OWNERS = ("tenant_id", "record_id", "event_key", "subscription_key")
"""Attributes that begin with the tenant's id."""
COUNTER = re.compile(r"[a-z]\d+")
BUSINESS_MONTHLY = {
    "id": "business-monthly",
    "name": "Business",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_999_000},
        {"key": "seats", "type": "licensed", "unitAmount": 500_000},
    ],
}
"""100 seats: $49.99 + 100 x $5.00 = $549.99."""


@cache
def _event_text(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text()


def event(name: str) -> Json:
    """A fresh copy of a sample event."""
    loaded: Json = json.loads(_event_text(name))
    return loaded


class Context:
    """What Lambda passes beside the event."""

    function_name = "ledgerline-test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:ledgerline-test"
    aws_request_id = "5f0c6a0e-6f2d-4f0c-9d0e-1a2b3c4d5e6f"

    def get_remaining_time_in_millis(self) -> int:
        """As at the start of a worker's minute."""
        return 60_000


class Clock:
    """The wall clock of the product under test: the real one, moved or stopped. Sleeping on it takes no time."""

    def __init__(self) -> None:
        self._shift = timedelta()
        self._frozen: datetime | None = None

    def __call__(self) -> datetime:
        """Now."""
        return (self._frozen or datetime.now(UTC)) + self._shift

    def advance(self, **delta: float) -> None:
        """Let time pass: ``advance(hours=24)``."""
        self._shift += timedelta(**delta)

    def freeze(self, at: datetime) -> None:
        """Stop at an instant."""
        self._frozen, self._shift = at, timedelta()

    def sleep(self, seconds: float) -> None:
        """What the product's ``pause`` does."""
        self._shift += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Back to the real time."""
        self._frozen, self._shift = None, timedelta()


@dataclass(frozen=True)
class Answer:
    """A handler's response, as a client sees it."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)

    @property
    def data(self) -> Any:
        """``data`` of the envelope; what went wrong where there is none."""
        assert "data" in self.json, self.json
        return self.json["data"]

    @property
    def error(self) -> Json:
        """``error`` of the body."""
        found: Json = self.json["error"]
        return found

    @property
    def bad_fields(self) -> dict[str, str]:
        """The reasons by field of ``details``."""
        return {detail["field"]: detail["reason"] for detail in self.error["details"]}


def _is_about(data: Json, tenant_id: str, own: set[str]) -> bool:
    """Whether an event of Stripe's is about a tenant: its object, its PaymentIntent, or its customer (of late) is."""
    about = data["object"]
    if (about.get("metadata") or {}).get("tenant_id") == tenant_id:
        return True
    former = (data.get("previous_attributes") or {}).get("customer")
    named = (about.get("payment_intent"), about.get("customer"), former)
    return any(isinstance(each, str) and each in own for each in named)


@cache
def _keys() -> dict[str, list[str]]:
    """The names of each table's key attributes."""
    return {
        plain: [each["AttributeName"] for each in definition["KeySchema"]]
        for plain, definition in table_definitions().items()
    }


@cache
def _routes() -> list[tuple[re.Pattern[str], int, str]]:
    """The template's routes: pattern, how general it is, and the function's folder."""
    document = template()
    found = []
    for logical_id, keys in api_routes(document).items():
        folder = Path(document["Resources"][logical_id]["Properties"]["CodeUri"]).name
        for key in keys:
            path = "/{proxy+}" if key == "$default" else key.partition(" ")[2]
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path).replace(re.escape("{proxy+}"), ".+"))
            general = 2 * path.count("+}") + path.count("{") + (key == "$default") * 100
            found.append((re.compile(pattern), general, folder))
    return sorted(found, key=lambda route: route[1])


def function_of(path: str) -> str:
    """The folder of the function that the template routes a path to."""
    return next((folder for pattern, _, folder in _routes() if pattern.fullmatch(path)), "service")


def invoke(group: str, lambda_event: Json) -> Json:
    """Call a Lambda."""
    handler = importlib.import_module(f"functions.{group}.handler")
    answer: Json = handler.lambda_handler(lambda_event, Context())
    return answer


def http_event(
    method: str,
    path: str,
    *,
    key: str | None = None,
    idempotency_key: str | None = None,
    body: str | bytes | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Json:
    """An API Gateway event (payload 2.0) from ``events/http_*.json``."""
    made = event("http_get" if method == "GET" else "http_post")
    http = made["requestContext"]["http"]
    made["rawPath"] = http["path"] = path
    http["method"] = method
    made["rawQueryString"] = query
    made.pop("queryStringParameters", None)
    if query:
        # As API Gateway does in payload 2.0: what is there several times is joined by commas.
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            values.setdefault(name, []).append(value)
        made["queryStringParameters"] = {name: ",".join(each) for name, each in values.items()}
    made.pop("body", None)
    if isinstance(body, bytes):
        made |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    elif body is not None:
        made["body"] = body
    for name, value in {"x-api-key": key, "idempotency-key": idempotency_key}.items():
        made["headers"].pop(name, None)
        if value is not None:
            made["headers"][name] = value
    made["headers"] |= headers or {}
    return made


def request(lambda_event: Json) -> Answer:
    """Send an HTTP event to the function that the template routes it to."""
    raw = invoke(function_of(lambda_event["rawPath"]), lambda_event)
    encoded = raw.get("isBase64Encoded", False)
    content = base64.b64decode(raw["body"]) if encoded else raw["body"].encode()
    return Answer(raw["statusCode"], raw["headers"], content)


@dataclass
class Tenant:
    """A tenant with a key, and the shortest words for what a test asks of it."""

    world: "World"
    id: str
    key: str
    data: Json
    since: int = 0
    """When it was made, in Unix seconds, as Stripe's clock has it."""

    def get(self, path: str, /, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        """A read."""
        named = {name.rstrip("_"): value for name, value in query.items()}
        return request(http_event("GET", path, key=self.key, query=urlencode(named, doseq=True), headers=headers))

    def post(
        self,
        path: str,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A write, under a key of its own where none is given."""
        return self._write("POST", path, body, idempotency_key, headers)

    def patch(self, path: str, body: Any, /, *, idempotency_key: str | None = None) -> Answer:
        """A change."""
        return self._write("PATCH", path, body, idempotency_key, None)

    def delete(self, path: str, /) -> Answer:
        """A removal."""
        return self._write("DELETE", path, None, None, None)

    def _write(
        self, method: str, path: str, body: Any, idempotency_key: str | None, headers: dict[str, str] | None
    ) -> Answer:
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        key = idempotency_key or secrets.token_hex(10)  # sixteen digits by chance might be a card number
        return request(http_event(method, path, key=self.key, idempotency_key=key, body=text, headers=headers))

    def customer(self, **fields: Any) -> str:
        """A new customer's id."""
        made: str = self.post("/v1/customers", {"name": "Zoë Ölmez", "email": "zoe@example.com", **fields}).data["id"]
        return made

    def plan(self, **fields: Any) -> str:
        """A new plan's id: $49.99 a month and $5 a seat."""
        made: str = self.post("/v1/plans", BUSINESS_MONTHLY | fields).data["id"]
        return made

    def meter(self, key: str = "api_calls", **fields: Any) -> str:
        """A new meter's key: the sum of its events' quantities."""
        made: str = self.post("/v1/meters", {"key": key, "aggregation": "sum", **fields}).data["key"]
        return made

    def subscribe(self, method: str | None = "pm_card_visa", **fields: Any) -> Json:
        """A new subscription of 100 seats to a plan that is made where there is none."""
        if self.get("/v1/plans/business-monthly").status == 404:
            self.plan()
        body = {"planId": "business-monthly", "quantities": {"seats": 100}, "paymentMethodId": method, **fields}
        made: Json = self.post(
            "/v1/subscriptions", {name: value for name, value in body.items() if value is not None}
        ).data
        return made

    def only_invoice(self, **query: Any) -> Json:
        """The one invoice that a list shows."""
        (invoice,) = self.get("/v1/invoices", **query).data
        return dict(invoice)

    def only_payment(self, **query: Any) -> Json:
        """The one payment that a list shows."""
        (payment,) = self.get("/v1/payments", **query).data
        return dict(payment)


class Logs:
    """What the product's logger writes, line by line, as CloudWatch would get it."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)

    @property
    def text(self) -> str:
        """All of it since ``clear``."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[Json]:
        """The structured lines."""
        return [json.loads(line) for line in self.text.splitlines()]

    def clear(self) -> None:
        """Forget it."""
        self._stream.seek(0)
        self._stream.truncate()


@dataclass
class World:
    """Everything around the handlers."""

    aws: Any
    """From a service's name to its boto3 client."""
    tables: dict[str, str]
    clock: Clock
    platform_key: str
    queue_url: str
    usage_queue_url: str
    stripe: stripe.StripeClient
    sandbox: Control
    sandbox_url: str
    stripe_secret_id: str
    webhook_secret: str
    logs: Logs = field(default_factory=Logs)
    delivered: set[str] = field(default_factory=set)
    writes: list[tuple[str, list[str]]] = field(default_factory=list)
    """What the product asked DynamoDB to write: operation and tables."""
    items: list[tuple[str, Json]] = field(default_factory=list)
    """The items that it put, with their tables."""
    kept: list[tuple[str, Json]] = field(default_factory=list)
    """Those of what a whole module shares."""
    made: list[str] = field(default_factory=list)
    """Ids of the tenants that were made."""

    def tenant(self, **fields: Any) -> Tenant:
        """A new tenant in test mode, made through the API."""
        since = int(time.time())
        body = {"name": "Acme", "mode": "test", "currency": "USD", "invoicePrefix": "ACME", **fields}
        made = self.platform().post("/v1/tenants", body).data
        self.made.append(made["id"])
        return Tenant(self, made["id"], made["apiKey"], made, since)

    def platform(self) -> Tenant:
        """The operator, as a caller."""
        return Tenant(self, "platform", self.platform_key, {})

    # What is stored

    def rows(self, table: str) -> list[Json]:
        """Every item of a table, as DynamoDB has it."""
        pages = self.aws("dynamodb").get_paginator("scan").paginate(TableName=self.tables[table])
        return [item for page in pages for item in page["Items"]]

    def rows_of(self, table: str, tenant_id: str) -> list[Json]:
        """A tenant's items of a table that it is the hash key of, in order of their range keys."""
        pages = (
            self.aws("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.tables[table],
                KeyConditionExpression="tenant_id = :tenant",
                ExpressionAttributeValues={":tenant": {"S": tenant_id}},
            )
        )
        return [item for page in pages for item in page["Items"]]

    def everything_of(self, tenant_id: str) -> str:
        """The raw items of a tenant in every table, as one text."""
        found = []
        for table in self.tables:
            if table in ("callers", "idempotency", "usage_events", "usage_totals"):
                found += [row for row in self.rows(table) if tenant_id in json.dumps(row)]
            else:
                found += self.rows_of(table, tenant_id)
        return json.dumps(found, ensure_ascii=False)

    def snapshot(self) -> dict[str, list[str]]:
        """Every table's content without the callers' counters. Slow: where one call is meant, look at ``writes``."""
        found = {}
        for table in self.tables:
            rows = self.rows(table)
            if table == "callers":
                rows = [{k: v for k, v in row.items() if not COUNTER.fullmatch(k)} for row in rows]
                rows = [row for row in rows if "key_id" in row]  # a user's item is nothing but counters
            found[table] = sorted(json.dumps(row, sort_keys=True) for row in rows)
        return found

    def note_write(self, params: Json, model: Any, **_: Any) -> None:
        """botocore's hook, before every call of the product's DynamoDB client."""
        if model.name == "TransactWriteItems":
            puts = [next(iter(each.values())) for each in params["TransactItems"]]
        elif model.name in ("PutItem", "UpdateItem", "DeleteItem"):
            puts = [params]
        else:
            return
        self.writes.append((model.name, [put["TableName"] for put in puts]))
        self.items += [(put["TableName"], put["Item"]) for put in puts if "Item" in put]
        # Totals are never put: an update makes them.
        self.items += [(put["TableName"], put["Key"]) for put in puts if "subscription_key" in put.get("Key", {})]

    def forget_tenants(self) -> None:
        """Delete what belongs to the tenants in ``made``."""
        mine: list[tuple[str, Json]] = []
        others: list[tuple[str, Json]] = []
        for table, item in self.items:
            named = (item[name] for name in _OWNERS if name in item)
            owner = next(named)["S"].partition("#")[0]
            done_with = owner in self.made or (owner, table) == ("platform", "idempotency")
            (mine if done_with else others).append((table, item))
        self._delete(mine)
        self.items = others
        self.begin()

    def begin(self) -> None:
        """What is there now is not the next test's own."""
        self.kept += self.items
        self.items.clear()
        self.made.clear()

    def forget_all(self) -> None:
        """Delete all that the product put into the tables, but for the platform's own settings."""
        written = [*self.kept, *self.items]
        self._delete(
            [
                (table, item)
                for table, item in written
                if item.get("tenant_id") != {"S": "platform"} or table != "tenants"
            ]
        )
        self.kept.clear()
        self.items.clear()

    def _delete(self, items: list[tuple[str, Json]]) -> None:
        """Straight out of moto's memory: as requests, these would be a good part of the suite's time."""
        backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION]
        for table, item in items:
            backend.delete_item(table, {name: item[name] for name in _keys()[table]})

    # Stripe's webhooks

    def webhook_event(self, payload: str, header: str) -> Json:
        """A function URL's event from ``events/``, with a body and a signature."""
        made = event("function_url_stripe_webhook")
        made["body"] = payload
        made["headers"]["stripe-signature"] = header
        return made

    def deliver(self, stripe_event: Json | str, *, secret: str | None = None, at: float | None = None) -> Json:
        """Have an event come in, signed as Stripe signs it; returns the Lambda's answer."""
        payload = stripe_event if isinstance(stripe_event, str) else json.dumps(stripe_event, indent=2)
        header = signature(secret or self.webhook_secret, payload, int(at if at is not None else time.time()))
        return invoke("stripe_webhook", self.webhook_event(payload, header))

    def tax_webhook_event(self, payload: str, header: str) -> Json:
        """The function URL's event of the tax provider's webhook, with a body and a signature."""
        made = event("function_url_tax_webhook")
        made["body"] = payload
        made["headers"]["tax-signature"] = header
        return made

    def deliver_tax(self, tax_event: Json | str, *, secret: str = TAX_WEBHOOK_SECRET, at: float | None = None) -> Json:
        """Deliver an event of the tax provider, signed as Stripe signs; the Lambda's answer."""
        payload = tax_event if isinstance(tax_event, str) else json.dumps(tax_event)
        header = signature(secret, payload, int(at if at is not None else self.clock().timestamp()))
        return invoke("tax_webhook", self.tax_webhook_event(payload, header))

    def stripe_events(self, tenant: Tenant, event_type: str = "*") -> list[Json]:
        """Stripe's events about a tenant's payments, oldest first."""
        page = self.stripe.v1.events.list({"limit": 100, "created": {"gte": tenant.since}})
        found = [json.loads(str(each)) for each in page.auto_paging_iter()]
        own = {intent["id"] for intent in self.intents(tenant)} | self.stripe_customers(tenant)
        mine = [e for e in found if _is_about(e["data"], tenant.id, own)]
        return [e for e in reversed(mine) if event_type in ("*", e["type"])]

    def stripe_customers(self, tenant: Tenant) -> set[str]:
        """The ids of the tenant's customers at Stripe."""
        page = self.stripe.v1.customers.list({"limit": 100, "created": {"gte": tenant.since}})
        found = [json.loads(str(each)) for each in page.auto_paging_iter()]
        return {str(each["id"]) for each in found if each["metadata"].get("tenant_id") == tenant.id}

    def deliver_all(self, tenant: Tenant) -> list[Json]:
        """Every event about the tenant that was not delivered yet; returns the answers."""
        waiting = [e for e in self.stripe_events(tenant) if e["id"] not in self.delivered]
        self.delivered |= {e["id"] for e in waiting}
        return [self.deliver(e) for e in waiting]

    def intents(self, tenant: Tenant) -> list[Json]:
        """The tenant's PaymentIntents at Stripe, newest first."""
        page = self.stripe.v1.payment_intents.list({"limit": 100, "created": {"gte": tenant.since}})
        found = [json.loads(str(each)) for each in page.auto_paging_iter()]
        return [intent for intent in found if intent["metadata"].get("tenant_id") == tenant.id]

    def charges(self, tenant: Tenant) -> list[Json]:
        """What Stripe took from the tenant's customers."""
        return [intent for intent in self.intents(tenant) if intent["status"] == "succeeded"]

    def acts(self, path: str, **body: Any) -> int:
        """Somebody acts beside the API (a payer, a bank); the status, for a payer's card may be declined."""
        return requests.post(f"{self.sandbox_url}/_sandbox/{path}", json=body, timeout=10).status_code

    def stripe_fails(self, kind: str, path: str, **more: Any) -> None:
        """Every request of a path fails until ``stripe_works``, however often it is tried."""
        self.sandbox.post("faults", kind=kind, path=path, times=1000, **more)

    def stripe_works(self) -> None:
        """No fault is left, and nobody remembers one."""
        from billing.bootstrap import payments as payments_bootstrap

        requests.delete(self.sandbox_url + "/_sandbox/faults", timeout=10).raise_for_status()
        payments_bootstrap.stripe_circuit().succeeded()

    # The worker

    def sqs_event(self, *bodies: str) -> Json:
        """A batch of messages, each from the sample's record."""
        made = event("sqs_billing_worker")
        sample = made["Records"][0]
        made["Records"] = []
        for n, body in enumerate(bodies):
            record = copy.deepcopy(sample) | {"messageId": f"message-{n}", "body": body}
            record["attributes"]["MessageGroupId"] = sha256(body.encode()).hexdigest()
            made["Records"].append(record)
        return made

    def work(self, *shards: str) -> Json:
        """A worker's turn at each shard."""
        return invoke("billing_worker", self.sqs_event(*(json.dumps({"shard": shard}) for shard in shards)))

    def queued(self) -> Iterator[str]:
        """Take the queue's messages, one at a time, until there is none."""
        sqs = self.aws("sqs")
        while True:
            got = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=1).get("Messages", [])
            if not got:
                return
            yield got[0]["Body"]
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=got[0]["ReceiptHandle"])

    def drain(self, times: int = 1) -> int:
        """Work through the queue, each message delivered ``times`` over; returns how many there were."""
        count = 0
        for body in self.queued():
            count += 1
            for _ in range(times):
                answer = invoke("billing_worker", self.sqs_event(body))
                assert answer == {"batchItemFailures": []}
        return count

    # Usage

    def usage_messages(self) -> list[Json]:
        """Take all that waits in the queue of usage events, as SQS gives it to a Lambda."""
        sqs = self.aws("sqs")
        found: list[Json] = []
        while got := sqs.receive_message(QueueUrl=self.usage_queue_url, MaxNumberOfMessages=10).get("Messages", []):
            for message in got:
                found.append({"messageId": message["MessageId"], "body": message["Body"]})
                sqs.delete_message(QueueUrl=self.usage_queue_url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def count_usage(self, messages: list[Json] | None = None, receive_count: int = 1) -> Json:
        """Give messages to the usage worker, ten at a time, those that wait where none are named; all that failed."""
        waiting = self.usage_messages() if messages is None else messages
        failed: list[Json] = []
        for start in range(0, len(waiting), 10):
            made = event("sqs_usage_worker")
            (sample,) = made["Records"]
            sample["attributes"]["ApproximateReceiveCount"] = str(receive_count)
            made["Records"] = [copy.deepcopy(sample) | message for message in waiting[start : start + 10]]
            failed += invoke("usage_worker", made)["batchItemFailures"]
        return {"batchItemFailures": failed}
