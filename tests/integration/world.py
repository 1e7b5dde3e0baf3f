"""The whole product in one process: moto for AWS, the Stripe sandbox in a thread, the real handlers.

Every event that a handler gets comes from a file in ``events/``; a test only fills in what it is about.
"""

import copy
import io
import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import requests
import stripe
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models.dynamo_type import DynamoType

from billing.domain.access.signing_keys import SIGNING_KEYS_ID
from billing.domain.tenant import PLATFORM
from local.stripe_sandbox.testing import Control
from local.stripe_sandbox.webhooks import signature
from tests.integration import lambdas
from tests.integration.lambdas import Answer, Context, Json, event, http_event, invoke, request
from tests.integration.tenant import BUSINESS_MONTHLY, Tenant
from tests.integration.time_and_chance import Clock, Entropy
from tests.support.items import readable
from tests.support.tables import is_of_tenants, table_definitions

__all__ = [
    "BUSINESS_MONTHLY",
    "TAX_WEBHOOK_SECRET",
    "Answer",
    "Clock",
    "Context",
    "Entropy",
    "Json",
    "Logs",
    "Tenant",
    "World",
    "event",
    "http_event",
    "invoke",
    "request",
]

REGION = "us-east-1"
TAX_WEBHOOK_SECRET = "taxsec_integration"
_SIGNING_KEYS = DynamoType({"S": SIGNING_KEYS_ID})
_OWNERS = ("tenant_id", "record_id", "event_key", "subscription_key", "owner_key", "moved_key", "term_key")
"""Attributes that begin with the tenant's id."""
COUNTER = re.compile(r"[a-z]\d+")


def _is_about(data: Json, tenant_id: str, own: set[str]) -> bool:
    """Whether an event of Stripe's is about a tenant: its object, its PaymentIntent, or its customer (of late) is."""
    about = data["object"]
    if (about.get("metadata") or {}).get("tenant_id") == tenant_id:
        return True
    former = (data.get("previous_attributes") or {}).get("customer")
    named = (about.get("payment_intent"), about.get("customer"), former)
    return any(isinstance(each, str) and each in own for each in named)


def _is_empty(queue_url: str) -> bool:
    """Whether nothing waits in a queue, not even out of sight: to ask moto for what is not there takes its time."""
    return not get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].queues[queue_url.rpartition("/")[2]]._messages


@cache
def _keys() -> dict[str, list[str]]:
    """The names of each table's key attributes."""
    return {
        plain: [each["AttributeName"] for each in definition["KeySchema"]]
        for plain, definition in table_definitions().items()
    }


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


class Outbox:
    """The mails that the product sent, oldest first."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    def send(self, mail: Any) -> None:
        """Take one."""
        self.mails.append(mail)


@dataclass
class World:
    """Everything around the handlers."""

    aws: Any
    """From a service's name to its boto3 client."""
    tables: dict[str, str]
    clock: Clock
    platform_key: str
    queue_url: str
    clock_queue_url: str
    usage_queue_url: str
    stripe: stripe.StripeClient
    sandbox: Control
    sandbox_url: str
    stripe_secret_id: str
    webhook_secret: str
    connect_webhook_secret: str
    entropy: Entropy
    logs: Logs = field(default_factory=Logs)
    outbox: Outbox = field(default_factory=Outbox)
    delivered: set[str] = field(default_factory=set)
    writes: list[tuple[str, list[str]]] = field(default_factory=list)
    """What the product asked DynamoDB to write: operation and tables."""
    items: list[tuple[str, Json]] = field(default_factory=list)
    """The items that it put, with their tables."""
    kept: list[tuple[str, Json]] = field(default_factory=list)
    """Those of what a whole module shares."""
    signing_keys: Any = None
    made: list[str] = field(default_factory=list)
    """Ids of the tenants that were made."""
    counting: bool = False
    """Whether calls count against limits from one to the next (``pytest.mark.limits``)."""

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
        """Every item of a table, as DynamoDB has it, but for packed bodies, which are unpacked."""
        pages = self.aws("dynamodb").get_paginator("scan").paginate(TableName=self.tables[table])
        return [readable(item) for page in pages for item in page["Items"]]

    def rows_of(self, table: str, tenant_id: str) -> list[Json]:
        """The same of a tenant, from a table that it is the hash key of, in order of their range keys."""
        pages = (
            self.aws("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.tables[table],
                KeyConditionExpression="tenant_id = :tenant",
                ExpressionAttributeValues={":tenant": {"S": tenant_id}},
            )
        )
        return [readable(item) for page in pages for item in page["Items"]]

    def audit_of_strangers(self) -> list[Json]:
        """The audit rows of callers that nobody knows, oldest first, from all their partitions."""
        rows = [row for n in "0123456789ABCDEFGHJKMNPQRSTVWXYZ" for row in self.rows_of("audit", f"anonymous#{n}")]
        return sorted(rows, key=lambda row: str(row["id"]["S"]))

    def everything_of(self, tenant_id: str) -> str:
        """The items of a tenant in every table, as one text."""
        found = []
        for table in self.tables:
            if is_of_tenants(table):
                found += self.rows_of(table, tenant_id)
            else:
                found += [row for row in self.rows(table) if tenant_id in json.dumps(row)]
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

    def forget_counts(self) -> None:
        """Before each call, forget those before it, unless the test is about limits: a quick machine makes more of them
        in ten seconds than any caller may."""
        if not self.counting:
            for caller in self._callers().values():
                for name in [name for name in caller.attrs if COUNTER.fullmatch(name)]:
                    del caller.attrs[name]

    def _callers(self) -> dict[str, Any]:
        """The items of the callers, in moto's memory, by their ids."""
        backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION]
        found: dict[str, Any] = backend.tables[self.tables["callers"]].items
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
        # Totals of usage are never put, nor are watches of endpoints: an update makes them.
        keyed = [(put["TableName"], put["Key"]) for put in puts if "Key" in put]
        self.items += [(table, key) for table, key in keyed if "subscription_key" in key or "owner_key" in key]

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

    def keep_signing_keys(self) -> None:
        """Make the platform's, for all tests."""
        from billing.bootstrap import oauth as oauth_bootstrap

        oauth_bootstrap.signing().keys()
        self.signing_keys = self._settings_of_platform()[_SIGNING_KEYS]

    def restore_signing_keys(self) -> None:
        """What a test has rotated, or made in another year, is no other test's."""
        from billing.bootstrap import tokens as tokens_bootstrap

        self._settings_of_platform()[_SIGNING_KEYS] = self.signing_keys
        tokens_bootstrap.signing_keys().forget()

    def _settings_of_platform(self) -> dict[str, Any]:
        """Their items, in moto's memory, by their names."""
        backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION]
        found: dict[str, Any] = backend.tables[self.tables["tenants"]].items[DynamoType({"S": PLATFORM})]
        return found

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
        return lambdas.invoke("stripe_webhook", self.webhook_event(payload, header))

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
        return lambdas.invoke("tax_webhook", self.tax_webhook_event(payload, header))

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
        return requests.post(f"{self.sandbox_url}/_sandbox/{path}", json=body, timeout=60).status_code

    def stripe_fails(self, kind: str, path: str, **more: Any) -> None:
        """Every request of a path fails until ``stripe_works``, however often it is tried."""
        self.sandbox.post("faults", kind=kind, path=path, times=1000, **more)

    def stripe_works(self) -> None:
        """No fault is left, and nobody remembers one."""
        from billing.bootstrap import payments as payments_bootstrap

        requests.delete(self.sandbox_url + "/_sandbox/faults", timeout=60).raise_for_status()
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
        return lambdas.invoke("billing_worker", self.sqs_event(*(json.dumps({"shard": shard}) for shard in shards)))

    def queued(self) -> Iterator[str]:
        """Take the messages of the worker's two queues, one at a time, until there is none."""
        sqs = self.aws("sqs")
        waiting = True
        while waiting:
            waiting = False
            for url in (self.queue_url, self.clock_queue_url):
                if _is_empty(url):
                    continue
                for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", []):
                    waiting = True
                    yield message["Body"]
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def drain(self, times: int = 1) -> int:
        """Work through the queue, each message delivered ``times`` over; returns how many there were."""
        count = 0
        for body in self.queued():
            count += 1
            for _ in range(times):
                answer = lambdas.invoke("billing_worker", self.sqs_event(body))
                assert answer == {"batchItemFailures": []}
        return count

    # Usage

    def usage_messages(self) -> list[Json]:
        """Take all that waits in the queue of usage events, as SQS gives it to a Lambda."""
        sqs = self.aws("sqs")
        found: list[Json] = []
        while not _is_empty(self.usage_queue_url) and (
            got := sqs.receive_message(QueueUrl=self.usage_queue_url, MaxNumberOfMessages=10).get("Messages")
        ):
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
            failed += lambdas.invoke("usage_worker", made)["batchItemFailures"]
        return {"batchItemFailures": failed}
