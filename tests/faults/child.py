"""What a child does: it works through a job's steps, each of which answers with a line."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, TextIO

from botocore.session import get_session

from billing.bootstrap import payments, reports, storage, sweep
from billing.bootstrap import usage as usage_bootstrap
from billing.bootstrap.deliveries import delivery_queue
from billing.edge.workers.webhook_sender import THREADS
from billing.integrations.webhooks import dial
from billing.storage.packing import unpack
from billing.storage.table_names import MODELS, PLAIN_NAMES, use_tables
from billing.storage.tables import AuditItem, CallerItem, TaxRateUpdatesItem
from tests.faults import at_stripe, due_retries, payees, report_runs
from tests.faults.messages import Context, form_event, sqs_record, stream_record
from tests.faults.outside import OUTSIDE, Outside, wait_for
from tests.faults.rows import Rows
from tests.support.tables import create_tables

Json = dict[str, Any]

GROUPS = (
    "catalog", "customers", "search", "invoices", "payments", "stripe_webhook", "subscriptions", "tenants",
    "test_clocks", "billing_sweep", "billing_worker", "coupons", "usage", "usage_worker", "orders", "payouts",
    "payout_worker", "provider_accounts", "events", "event_feed", "webhooks", "webhook_publisher", "webhook_sender",
    "webhook_worker", "reports", "report_worker", "portal",
)  # fmt: skip
_BOOKS = [PLAIN_NAMES[model] for model in MODELS if model not in (AuditItem, CallerItem, TaxRateUpdatesItem)]
HANDLERS: dict[str, ModuleType] = {}
ONLY_WEBHOOK_SHARD = "w00"
"""All deliveries are in it, as all that is billed is in one: how many calls a flow makes must not depend on ids."""


@dataclass
class Clock:
    """The wall clock as the product sees it: it starts where a test says, and runs."""

    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    began: float = field(default_factory=time.monotonic)

    def set(self, start: datetime) -> None:
        """Start again from another time."""
        self.start, self.began = start, time.monotonic()

    def now(self) -> datetime:
        """The time."""
        return self.start + timedelta(seconds=time.monotonic() - self.began)

    def seconds(self) -> float:
        """The same, as what measures how long something takes."""
        return self.now().timestamp()


CLOCK = Clock()


class Child:
    """Works through a job's steps; each answer is a line."""

    def __init__(self, job: Json, out: TextIO) -> None:
        self._out = out
        self._world = job["world"]
        self._answered: Json = {}
        CLOCK.set(datetime.fromisoformat(job["at"]))
        if self._world:
            use_tables({PLAIN_NAMES[model]: self._world["prefix"] + PLAIN_NAMES[model] for model in MODELS})
            sweep.alarm()._queue_url = sweep.alarm()._clock_queue_url = self._world["queue_url"]
            sweep.alarm()._payout_queue_url = self._world["payout_queue_url"]
            sweep.alarm()._webhook_work_queue_url = self._world["webhook_work_queue_url"]
            sweep.alarm()._report_queue_url = self._world["report_queue_url"]
            usage_bootstrap.usage_queue()._queue_url = self._world["usage_queue_url"]
            reports.files()._bucket = self._world["report_bucket"]
            delivery_queue()._fast_url = delivery_queue()._slow_url = self._world["webhook_queue_url"]
            payments.stripe_secrets()._secret_id = self._world["secret_id"]
        # Threads do not outlive a fork, and an executor does not know: one that had any would wait for them for ever.
        HANDLERS["webhook_sender"].lambda_handler.__self__._threads = ThreadPoolExecutor(THREADS)
        dial._look_ups.cache_clear()

    def run(self, steps: list[Json]) -> None:
        """All steps, in order."""
        for step in steps:
            answer = getattr(self, "do_" + step.pop("do"))(**step)
            self._out.write(json.dumps(answer) + "\n")
            self._out.flush()

    def do_wait_until(self, unix: float) -> None:
        """Start together with the others."""
        time.sleep(max(0.0, unix - time.time()))

    def do_pause(self, seconds: float) -> None:
        """So much later than the others, on every clock."""
        time.sleep(seconds)

    def do_fault(self, **fault: Any) -> None:
        """From here on."""
        if "operations" in fault:
            fault["operations"] = tuple(fault["operations"])
        OUTSIDE.__dict__.update(Outside(**fault).__dict__)

    def do_touch(self, path: str) -> None:
        """Let go of what is held (``hold``)."""
        Path(path).touch()

    def do_wait_for(self, path: str) -> None:
        """Until another job made a file."""
        wait_for(path)

    def do_calls(self) -> list[str]:
        """What left the process so far."""
        return list(OUTSIDE.log)

    def do_later(self, seconds: float) -> None:
        """Time moves."""
        CLOCK.set(CLOCK.now() + timedelta(seconds=seconds))

    def do_http(self, group: str, method: str, path: str, key: str, body: Any = None, idem: str = "") -> Json:
        """One HTTP event."""
        headers = {"x-api-key": key, "content-type": "application/json"}
        if idem:
            headers["idempotency-key"] = idem
        http = {"method": method, "path": path, "sourceIp": "192.0.2.1"}
        path, _, query = path.partition("?")
        event: Json = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {"http": http, "requestId": "r", "stage": "$default"},
            "isBase64Encoded": False,
        }
        if query:
            event["queryStringParameters"] = dict(part.split("=", 1) for part in query.split("&"))
        if body is not None:
            event["body"] = json.dumps(body)
        answer = HANDLERS[group].lambda_handler(event, Context())
        self._answered = {
            "status": answer["statusCode"],
            "body": json.loads(answer["body"]),
            "headers": answer["headers"],
        }
        return self._answered

    def do_form(self, method: str, path: str, cookie: str = "", values: Json | None = None) -> Json:
        """What a browser sends to the portal: a page that is asked for, or a form."""
        answer = HANDLERS["portal"].lambda_handler(form_event(method, path, cookie, values), Context())
        return {"status": answer["statusCode"], "page": answer["body"], "cookies": answer.get("cookies", [])}

    def do_webhook(self, body: str, signature: str, path: str = "/webhooks/stripe") -> Json:
        """One delivery of Stripe's."""
        event = {
            "rawPath": path,
            "headers": {"stripe-signature": signature},
            "body": body,
            "isBase64Encoded": False,
            "requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.2"}},
        }
        answer = HANDLERS["stripe_webhook"].lambda_handler(event, Context())
        return {"status": answer["statusCode"], "body": json.loads(answer["body"])}

    def do_invoke(self, group: str, event: Json) -> Json:
        """One event of whatever else a function is fed by."""
        answer: Json = HANDLERS[group].lambda_handler(event, Context())
        return answer

    def do_sweep(self) -> Json:
        """The schedule's minute."""
        swept: Json = HANDLERS["billing_sweep"].lambda_handler({}, Context())
        return swept

    def do_turn(self, shard: str) -> Json:
        """One message for the worker, as the queue would bring it."""
        return self._work(json.dumps({"shard": shard}), "m1")

    def do_drain(self) -> int:
        """What the queue's event source does: each message to the worker, deleted when it is done."""
        worked = 0
        while message := self._receive():
            answer = self._work(message["Body"], message["MessageId"])
            if not answer["batchItemFailures"]:
                self._harness("sqs", "delete_message", ReceiptHandle=message["ReceiptHandle"])
            worked += 1
        return worked

    def do_payout_turn(self, shard: str) -> Json:
        """One message for the payout worker."""
        return self._work(json.dumps({"shard": shard}), "m1", "payout_worker")

    def do_payout_drain(self) -> int:
        """``do_drain``, of the payout worker's queue."""
        return self._drained("payout_queue_url", "payout_worker")

    def do_report_drain(self, records: int = 2) -> int:
        """``do_drain``, of the report worker's queue, with steps of so many records."""
        report_runs.short_steps(HANDLERS["report_worker"], records)
        return self._drained("report_queue_url", "report_worker")

    def do_report_turn(self, shard: str, records: int = 2) -> Json:
        """One message for the report worker, with steps of so many records."""
        report_runs.short_steps(HANDLERS["report_worker"], records)
        return self._work(json.dumps({"shard": shard}), "m1", "report_worker")

    def do_report_files(self, tenant_id: str) -> list[str]:
        """What is in the files of a tenant's runs, without ids and times."""
        OUTSIDE.on = False
        try:
            return report_runs.files(client("s3"), self._world["report_bucket"], tenant_id)
        finally:
            OUTSIDE.on = True

    def _drained(self, queue: str, worker: str) -> int:
        worked = 0
        while message := self._receive(queue):
            answer = self._work(message["Body"], message["MessageId"], worker)
            if not answer["batchItemFailures"]:
                self._harness("sqs", "delete_message", queue, ReceiptHandle=message["ReceiptHandle"])
            worked += 1
        return worked

    def do_webhook_turn(self, shard: str) -> Json:
        """One message for the webhook worker."""
        return self._work(json.dumps({"shard": shard}), "m1", "webhook_worker")

    def do_due_deliveries(self, tenant_id: str, count: int) -> int:
        """So many retries of webhooks that are due now."""
        OUTSIDE.on = False
        made = due_retries.put(tenant_id, count, CLOCK.now())
        OUTSIDE.on = True
        return made

    def do_webhook_drain(self) -> int:
        """What the event source of the webhooks' lanes does: what waits goes to the sender, and is deleted when done.

        A message that fails, or whose sender died, comes again, and then says for the how many-th time it came.
        """
        worked = 0
        attributes = ["ApproximateReceiveCount"]
        while message := self._receive("webhook_queue_url", MessageSystemAttributeNames=attributes):
            count = int(message["Attributes"]["ApproximateReceiveCount"])
            record = sqs_record(message["Body"], message["MessageId"], count)
            answer = HANDLERS["webhook_sender"].lambda_handler({"Records": [record]}, Context())
            if answer["batchItemFailures"]:
                break
            self._harness("sqs", "delete_message", "webhook_queue_url", ReceiptHandle=message["ReceiptHandle"])
            worked += 1
        return worked

    def do_onboarded(self, tenant_id: str) -> str:
        """A provider that can be paid out, made beside the API; the id of its account at Stripe."""
        OUTSIDE.on = False
        try:
            return payees.onboarded(tenant_id)
        finally:
            OUTSIDE.on = True

    def do_bank_says(self, account_id: str, status: str) -> list[int]:
        """The bank's word on each payout of a provider's account, unless it was said before."""
        found = at_stripe.payouts(self._world["stripe_key"], account_id)
        return [at_stripe.control("POST", f"payouts/{each['id']}/finish", {"status": status}) for each in found]

    def do_connect(self, account_id: str, types: list[str] | None = None, shuffle: int | None = None) -> list[Any]:
        """Stripe sends the events of a provider's account, those of some types alone, in order or as ``shuffle`` has
        it."""
        found = at_stripe.events_of_account(self._world["stripe_key"], account_id)
        wanted = [event for event in found if types is None or event["type"] in types]
        answers = []
        for kind, body, signature in at_stripe.deliveries(wanted, 1, shuffle, at_stripe.CONNECT_SECRET):
            answer = self.do_webhook(body, signature, "/webhooks/stripe-connect")
            answers.append([kind, answer["status"], answer["body"]["outcome"]])
        return answers

    def do_usage(self, bodies: list[str], receive_count: int = 1) -> list[int]:
        """A batch of messages for the usage worker, as the queue would bring it; answers which of them failed."""
        records = [sqs_record(body, str(n), receive_count) for n, body in enumerate(bodies)]
        answer = HANDLERS["usage_worker"].lambda_handler({"Records": records}, Context())
        return [int(each["itemIdentifier"]) for each in answer["batchItemFailures"]]

    def do_take_usage(self, queue: str = "usage_queue_url") -> list[str]:
        """What is on the usage queue, or another one, taken off it."""
        bodies: list[str] = []
        while messages := self._receive_usage(queue):
            bodies += [message["Body"] for message in messages]
            for message in messages:
                self._harness("sqs", "delete_message", queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def do_usage_drain(self) -> int:
        """What the usage queue's event source does: batches to the worker; what did not fail is deleted."""
        worked = 0
        while messages := self._receive_usage():
            records = [sqs_record(message["Body"], message["MessageId"], 1) for message in messages]
            answer = HANDLERS["usage_worker"].lambda_handler({"Records": records}, Context())
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for message in messages:
                if message["MessageId"] not in failed:
                    self._harness("sqs", "delete_message", "usage_queue_url", ReceiptHandle=message["ReceiptHandle"])
            worked += len(messages)
        return worked

    def _receive_usage(self, queue: str = "usage_queue_url") -> list[Json]:
        answer = self._harness("sqs", "receive_message", queue, MaxNumberOfMessages=10)
        found: list[Json] = answer.get("Messages") or []
        return found

    def _receive(self, queue: str = "queue_url", **wanted: Any) -> Json | None:
        found = self._harness("sqs", "receive_message", queue, MaxNumberOfMessages=1, **wanted).get("Messages")
        message: Json | None = found[0] if found else None
        return message

    def _harness(self, service: str, operation: str, queue: str = "queue_url", **arguments: Any) -> Any:
        """A call of the test's own: not counted, not harmed."""
        OUTSIDE.on = False
        try:
            return getattr(client(service), operation)(QueueUrl=self._world[queue], **arguments)
        finally:
            OUTSIDE.on = True

    def _work(self, body: str, message_id: str, worker: str = "billing_worker") -> Json:
        answer: Json = HANDLERS[worker].lambda_handler({"Records": [sqs_record(body, message_id, 1)]}, Context())
        return answer

    def do_stripe(self, method: str, path: str, body: Json | None = None) -> None:
        """The sandbox's control API: Stripe falls ill, or is well again, while the job goes on."""
        assert at_stripe.control(method, path, body) == 200, path

    def do_bank(self, path: str, body: Json | None = None) -> int:
        """The same, where it may have been done before: what a bank or a colleague decides at Stripe."""
        return at_stripe.control("POST", path, body)

    def do_payer(self, act: str, body: Json | None = None) -> int:
        """What a payer does in the form of the intent that the last request answered with, unless it is done."""
        return at_stripe.control("POST", f"{at_stripe.intent_of(self._answered)}/{act}", body)

    def do_deliver(
        self, tenant_id: str, since: int, types: list[str] | None = None, copies: int = 1, shuffle: int | None = None
    ) -> list[list[Any]]:
        """Stripe sends all its events about a tenant, those of some types alone, by default each once and in order."""
        found = at_stripe.events(self._world["stripe_key"], tenant_id, since)
        wanted = [event for event in found if types is None or event["type"] in types]
        answers = []
        for kind, body, signature in at_stripe.deliveries(wanted, copies, shuffle):
            answer = self.do_webhook(body, signature)
            answers.append([kind, answer["status"], answer["body"]["outcome"]])
        return answers

    def do_create_key(self) -> None:
        """The stack's KMS key."""
        key_id = client("kms").create_key()["KeyMetadata"]["KeyId"]
        client("kms").create_alias(AliasName=os.environ["KMS_KEY_ID"], TargetKeyId=key_id)

    def do_create_world(self, prefix: str, stripe_key: str, webhook_secrets: list[str]) -> Json:
        """Tables, a queue, a secret and a platform key of its own."""
        dynamodb = client("dynamodb")
        names = create_tables(dynamodb, prefix)
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "0"}
        url = client("sqs").create_queue(QueueName=f"{prefix}billing.fifo", Attributes=attributes)["QueueUrl"]
        payouts_url = client("sqs").create_queue(QueueName=f"{prefix}payouts.fifo", Attributes=attributes)["QueueUrl"]
        work_url = client("sqs").create_queue(QueueName=f"{prefix}webhooks.fifo", Attributes=attributes)["QueueUrl"]
        reports_url = client("sqs").create_queue(QueueName=f"{prefix}reports.fifo", Attributes=attributes)["QueueUrl"]
        usage_url = client("sqs").create_queue(QueueName=f"{prefix}usage", Attributes={"VisibilityTimeout": "0"})
        lane_url = client("sqs").create_queue(QueueName=f"{prefix}lane", Attributes={"VisibilityTimeout": "0"})
        client("s3").create_bucket(Bucket=f"{prefix}reports")
        secrets = {"webhook_secrets": webhook_secrets, "connect_webhook_secrets": [at_stripe.CONNECT_SECRET]}
        secret = json.dumps({"api_key": stripe_key, **secrets})
        client("secretsmanager").create_secret(Name=prefix + "stripe", SecretString=secret)
        from local.stack.platform_key import create_platform_key

        key = create_platform_key(dynamodb, names)
        return {
            "prefix": prefix,
            "queue_url": url,
            "payout_queue_url": payouts_url,
            "webhook_work_queue_url": work_url,
            "report_queue_url": reports_url,
            "report_bucket": f"{prefix}reports",
            "usage_queue_url": usage_url["QueueUrl"],
            "webhook_queue_url": lane_url["QueueUrl"],
            "secret_id": prefix + "stripe",
            "platform_key": key,
            "stripe_key": stripe_key,
            "webhook_secrets": webhook_secrets,
        }

    def do_feed(self, tenant_id: str, copies: int = 1, shuffle: int | None = None, batch: int = 100) -> int:
        """What the events' stream brings of a tenant so far, in batches; how many records failed.

        Args:
            copies: how often each record comes.
            shuffle: in which order; None for that of the ids.
        """
        rows = self._rows().of("events", tenant_id) * copies
        if shuffle is not None:
            Random(shuffle).shuffle(rows)
        failed = 0
        for start in range(0, len(rows), batch):
            records = [stream_record(row, n) for n, row in enumerate(rows[start : start + batch], start)]
            answer = HANDLERS["event_feed"].lambda_handler({"Records": records}, Context())
            failed += len(answer["batchItemFailures"])
        return failed

    def do_follow(self, key: str, cursor: str = "", rounds: int = 1, pause_s: float = 0.0) -> Json:
        """A poller that reads on until there is no more, so many times: places and ids that it saw, and its cursor."""
        seen: list[Any] = []
        for _ in range(rounds):
            more = True
            while more:
                query = "limit=3" + (f"&cursor={cursor}" if cursor else "")
                answer = self.do_http("events", "GET", f"/v1/events?{query}", key)
                assert answer["status"] == 200, answer
                seen += [[each["sequence"], each["id"]] for each in answer["body"]["data"]]
                pagination = answer["body"]["meta"]["pagination"]
                cursor, more = pagination["next_cursor"], pagination["has_more"]
            time.sleep(pause_s)
        return {"seen": seen, "cursor": cursor}

    def do_told(self, tenant_id: str, event_type: str) -> list[Json]:
        """The objects of a tenant's events of a type, opened."""
        rows = [row for row in self._rows().of("events", tenant_id) if row["type"] == event_type]
        OUTSIDE.on = False
        said = [unpack(storage.vault().open(tenant_id, f"event/{row['id']}", row["body"])) for row in rows]
        OUTSIDE.on = True
        return [json.loads(each)["object"] for each in said]

    def do_dump(self, tenant_id: str) -> Json:
        """Everything that the tables hold of a tenant, as it is stored."""
        return self._rows().dump(_BOOKS, tenant_id)

    def _rows(self) -> Rows:
        return Rows(self._world["prefix"])


CLIENTS: dict[str, Any] = {}


def client(service: str) -> Any:
    """A client of the tests' own, made once a process."""
    if service not in CLIENTS:
        CLIENTS[service] = get_session().create_client(service)
    return CLIENTS[service]
