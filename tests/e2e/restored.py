"""The deployed code on other tables: what is done to a stack whose tables were restored, but for the alias `live`.

Each function that is needed gets another configuration, which is published as a version; then the function has its own
back. A queue of its own is between them, so that nothing of it is done by what is live.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.stack.settings import ROOT, STACK_NAME
from tests.e2e.conftest import Stack

WORKER, CLOCKS = "billing-worker", "test-clocks"


@dataclass(frozen=True)
class Restored:
    """Versions of some functions that know the restored tables.

    Args:
        tables: by their plain names.
        versions: by the functions' names, without the stack's.
    """

    stack: Stack
    tables: Mapping[str, str]
    queue_url: str
    versions: dict[str, str] = field(default_factory=dict)

    def point(self, name: str) -> None:
        """Publish a version of a function that is about the restored tables."""
        functions, full = self.stack.aws("lambda"), f"{STACK_NAME}-{name}"
        known = functions.get_function_configuration(FunctionName=full)["Environment"]["Variables"]
        plain = [each.partition("=")[0] for each in known["TABLES"].split()]
        ours = {"TABLES": " ".join(f"{each}={self.tables[each]}" for each in plain)}
        ours |= {each: self.queue_url for each in ("BILLING_QUEUE_URL", "CLOCK_QUEUE_URL") if each in known}
        functions.update_function_configuration(FunctionName=full, Environment={"Variables": known | ours})
        try:
            self.versions[name] = functions.publish_version(FunctionName=full)["Version"]
        finally:
            functions.update_function_configuration(FunctionName=full, Environment={"Variables": known})

    def call(self, key: str, method: str, path: str, body: Any = None) -> Any:
        """``data`` of what the function of test clocks answers."""
        event = json.loads((ROOT / "events" / "http_post.json").read_text())
        http = {**event["requestContext"]["http"], "method": method, "path": path}
        event |= {"rawPath": path, "routeKey": f"{method} {path}", "body": body and json.dumps(body)}
        event["headers"] |= {"x-api-key": key, "idempotency-key": f"restored-{method}-{path}"}
        event["requestContext"] |= {"http": http, "routeKey": event["routeKey"]}
        answer = self.stack.aws("lambda").invoke(
            FunctionName=f"{STACK_NAME}-{CLOCKS}", Qualifier=self.versions[CLOCKS], Payload=json.dumps(event)
        )
        return json.loads(json.loads(answer["Payload"].read())["body"])["data"]


@contextmanager
def pointed(stack: Stack, tables: Mapping[str, str]) -> Iterator[Restored]:
    """The worker and the function of test clocks on other tables; afterwards the stack is as it was."""
    functions, sqs = stack.aws("lambda"), stack.aws("sqs")
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "120"}
    url = sqs.create_queue(QueueName=f"{STACK_NAME}-restored.fifo", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    made, mapping = Restored(stack, tables, url), ""
    try:
        made.point(WORKER)
        made.point(CLOCKS)
        worker = f"{STACK_NAME}-{WORKER}:{made.versions[WORKER]}"
        mapping = functions.create_event_source_mapping(
            EventSourceArn=arn, FunctionName=worker, BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"]
        )["UUID"]
        yield made
    finally:
        if mapping:
            functions.delete_event_source_mapping(UUID=mapping)
        for name, version in made.versions.items():
            functions.delete_function(FunctionName=f"{STACK_NAME}-{name}", Qualifier=version)
        sqs.delete_queue(QueueUrl=url)
