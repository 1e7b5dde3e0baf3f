"""Each function's IAM statements allow every call of AWS that it makes, and little else.

The emulators enforce no IAM: what is missing in a policy would be found on AWS, by a customer. So the calls of the
main job are recorded per function, to whatever service, and looked up in the transformed template.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.integration import lambdas
from tests.integration.access.walk import walk
from tests.integration.access.walk_erasure import walk_erasure
from tests.integration.access.walk_events import walk_events
from tests.integration.access.walk_oauth import walk_oauth
from tests.integration.access.walk_orders import walk_orders
from tests.integration.access.walk_payer import walk_payer
from tests.integration.access.walk_payouts import walk_payouts
from tests.integration.access.walk_portal import walk_portal
from tests.integration.access.walk_providers import walk_providers
from tests.integration.access.walk_reports import walk_reports
from tests.integration.access.walk_search import walk_search
from tests.integration.access.walk_sending import walk_sending
from tests.integration.access.walk_webhooks import walk_webhooks
from tests.integration.world import World
from tests.support.tables import plain_name
from tests.support.transformed import functions, grants_of

Needs = dict[str, set[tuple[str, str]]]
SERVICES = ("dynamodb", "kms", "s3", "scheduler", "secretsmanager", "sqs")
"""Whatever the product may call; of those that it does not call yet, every call would be one that nothing allows."""
_TRANSACT = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_BATCH = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}  # as IAM names them
_QUEUES = {
    "BILLING_QUEUE_URL": "BillingQueue",
    "CLOCK_QUEUE_URL": "ClockQueue",
    "USAGE_QUEUE_URL": "UsageQueue",
    "PAYOUT_QUEUE_URL": "PayoutQueue",
    "WEBHOOK_WORK_QUEUE_URL": "WebhookWorkQueue",
    "WEBHOOK_QUEUE_URL": "WebhookQueue",
    "WEBHOOK_SLOW_QUEUE_URL": "WebhookSlowQueue",
    "STREAM_FAILURES_URL": "StreamFailures",
    "REPORT_QUEUE_URL": "ReportQueue",
}
_S3 = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
}
"""As IAM names them."""
_SECRETS = {"STRIPE_SECRET_ID": "StripeSecret", "TAX_SECRET_ID": "TaxSecret"}


class Recorder:
    """Notes (action, resource) for the function that is being called."""

    def __init__(self, tables: dict[str, str]) -> None:
        self.plain = {name: plain for plain, name in tables.items()}
        self.group: str | None = None
        self.needs: Needs = defaultdict(set)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.group is None:
            return
        service = model.service_model.service_name
        for action, resource in self._touched(service, model.name, params):
            self.needs[self.group].add((f"{service}:{action}", resource))

    def _touched(self, service: str, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if service == "sqs":
            urls = {os.environ[name]: queue for name, queue in _QUEUES.items()}
            yield _BATCH.get(operation, operation), f"{urls[params['QueueUrl']]}.Arn"
        elif service == "secretsmanager":
            secrets = {os.environ[name]: secret for name, secret in _SECRETS.items()}
            yield operation, secrets[params["SecretId"]]
        elif service == "kms":
            yield operation, "SigningKey.Arn" if operation in ("Sign", "GetPublicKey") else "Key.Arn"
        elif service == "s3":
            assert params["Bucket"] == os.environ["REPORT_BUCKET"]
            key = params.get("Key")
            if operation == "CopyObject":
                yield "GetObject", f"ReportFiles.Arn/{params['CopySource']['Key'].split('/')[0]}/*"
            yield _S3.get(operation, operation), f"ReportFiles.Arn/{key.split('/')[0]}/*" if key else "ReportFiles.Arn"
        elif service == "dynamodb":
            yield from self._tables(operation, params)
        else:
            yield operation, "nothing that a function may touch"

    def _tables(self, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                ((kind, request),) = item.items()
                yield _TRANSACT[kind], self.plain[request["TableName"]]
        elif operation == "BatchGetItem":
            for table in params["RequestItems"]:
                yield operation, self.plain[table]
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            yield operation, self.plain[params["TableName"]] + index


@cache
def allowed() -> Needs:
    """What the template lets each function do, by the folder of its code; tables by their plain names."""
    return {
        group: {(action, _plain(each)) for action, each in grants_of(f["name"])} for group, f in functions().items()
    }


def _plain(resource: str) -> str:
    match = re.fullmatch(r"(\w+Table)\.Arn(/index/\w+)?", resource)
    return plain_name(match[1]) + (match[2] or "") if match else resource


@pytest.fixture(scope="module")
def needs(world: World) -> Needs:
    """The calls of a walk through every function."""
    from billing.bootstrap import storage
    from billing.integrations.aws.clients import aws_client

    _forget_what_is_cached()
    world.clock.reset()  # the test before has moved it; a module's fixture is made before a test's
    recorder = Recorder(world.tables)
    plain_invoke = lambdas.invoke

    def invoke(group: str, lambda_event: Any) -> Any:
        recorder.group = group
        try:
            return plain_invoke(group, lambda_event)
        finally:
            recorder.group = None

    clients = [storage.database().client, *(aws_client(each) for each in SERVICES if each != "dynamodb")]
    for client in clients:
        client.meta.events.register("provide-client-params", recorder.note)
    patch = pytest.MonkeyPatch()
    patch.setattr(lambdas, "invoke", invoke)
    walk(world)
    walk_orders(world, world.tenant())
    walk_providers(world, world.tenant())
    walk_payouts(world, world.tenant())
    walk_reports(world, world.tenant())
    walk_oauth(world, world.tenant())
    walk_erasure(world, world.tenant())
    walk_events(world, world.tenant())
    walk_webhooks(world, world.tenant())
    walk_sending(world, world.tenant())
    walk_search(world.tenant())
    walk_payer(world, world.tenant())
    walk_portal(world, world.tenant())
    patch.undo()
    for client in clients:
        client.meta.events.unregister("provide-client-params", recorder.note)
    return recorder.needs


def _forget_what_is_cached() -> None:
    """So that the walk asks for keys and secrets as a new worker does."""
    from billing.bootstrap import payments, storage, tax

    storage.vault()._keys.clear()
    payments.stripe_secrets()._cached = None
    tax.tax_secrets()._cached = None


def test_the_walk_meets_every_service_that_the_product_calls(needs: Needs) -> None:
    services = {action.partition(":")[0] for calls in needs.values() for action, _ in calls}
    assert services == {"dynamodb", "kms", "s3", "secretsmanager", "sqs"}


def test_every_call_is_allowed(needs: Needs) -> None:
    missing = {group: sorted(found) for group, calls in needs.items() if (found := calls - _allowed_to(group))}
    assert missing == {}


def _allowed_to(group: str) -> set[tuple[str, str]]:
    """What a function may do; all objects of the bucket are those of each of its folders."""
    found = allowed()[group]
    folders = ("reports", "exports", "imports", "folds")
    return found | {
        (action, f"ReportFiles.Arn/{folder}/*")
        for action, resource in found
        for folder in folders
        if resource == "ReportFiles.Arn/*"
    }


def test_nothing_may_scan_or_delete() -> None:
    forbidden = {"dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:*", "dynamodb:BatchWriteItem"}
    assert {
        (group, action, table) for group, grants in allowed().items() for action, table in grants if action in forbidden
    } == set()


def test_a_function_that_only_reads_a_table_may_not_write_it(needs: Needs) -> None:
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem")
    excess = {
        (group, action, table)
        for group, grants in allowed().items()
        for action, table in grants
        if action in writes and (action, table) not in needs[group] and group in needs
    }
    assert excess == set()
