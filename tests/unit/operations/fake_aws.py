"""AWS as a doctor sees it: a healthy stack, of which a test breaks one thing.

Of moto are tables, keys, queues, secrets and SNS. What moto has not, or not as AWS answers it, is botocore's own client
with the answer put in; its form is held to the service's description, as ``botocore.stub`` does it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
from botocore import xform_name
from botocore.validate import validate_parameters

from operations.deploy.stack import Addresses, Stack
from operations.doctor.findings import Finding, Patient
from operations.doctor.run import examine
from tests.support.tables import create_tables

NAME = "ledgerline-dev"
PLACE = "123456789012/us-east-1"
ADDRESSES = {
    "ApiUrl": "https://api.example/",
    "StripeWebhookUrl": "https://fn.example/webhooks/stripe",
    "StripeConnectWebhookUrl": "https://fn.example/webhooks/stripe-connect",
}
"""Outputs of a stack."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEAD_LETTERS = ("BillingDeadLettersUrl", "UsageDeadLettersUrl", "StreamFailuresUrl")


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:123456789012:{name}"


class FakeAws:
    """Clients by service, kept; what is in ``answers`` comes as often as it is asked, the rest is moto's."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            made: Any = boto3.client
            client = self._clients[service] = made(service, region_name="us-east-1")
            hyphenized = client.meta.service_model.service_id.hyphenize()
            client.meta.events.register(f"before-call.{hyphenized}", partial(self._answer, service))
        return self._clients[service]

    def _answer(self, service: str, model: Any, **_: Any) -> Any:
        """An error's code, or an answer, whose form is held to the service's description."""
        answer = self.answers.get((service, xform_name(model.name)))
        if answer is None:
            return None
        if isinstance(answer, str):
            return SimpleNamespace(status_code=400), {"Error": {"Code": answer, "Message": ""}}
        validate_parameters(answer, model.output_shape)
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}


def tables(aws: FakeAws) -> dict[str, str]:
    """The template's tables, each to be restored; outputs by the table's name."""
    dynamodb = aws("dynamodb")
    made = create_tables(dynamodb, prefix=f"{NAME}-")
    for name in made.values():
        set_recovery(aws, name, True)
    return {"Table" + "".join(word.capitalize() for word in plain.split("_")): name for plain, name in made.items()}


def set_recovery(aws: FakeAws, table: str, enabled: bool) -> None:
    aws("dynamodb").update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
    )


def healthy(aws: FakeAws, outputs: dict[str, str], stripe_base: str, secret: Any) -> Patient:
    """A stack with nothing wrong, on tables that are there."""
    sqs = aws("sqs")
    outputs = {"ApiUrl": "https://api.example", "StripeWebhookUrl": "https://fn.example/webhooks/stripe", **outputs}
    outputs["StripeConnectWebhookUrl"] = outputs["StripeWebhookUrl"] + "-connect"
    for each in DEAD_LETTERS:
        outputs[each] = sqs.create_queue(QueueName=f"{each}-{uuid4().hex}")["QueueUrl"]
    kms = aws("kms")
    outputs["KeyId"] = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=outputs["KeyId"])
    outputs["SigningKeyId"] = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    manager = aws("secretsmanager")
    name = f"stripe-{outputs['KeyId']}"
    outputs["StripeSecretId"] = manager.create_secret(Name=name, SecretString=json.dumps(secret))["ARN"]
    outputs["TaxSecretId"] = manager.create_secret(Name=f"tax-{outputs['KeyId']}")["ARN"]
    known = {"StripeApiBase": stripe_base, "Stage": "dev", "IssuerUrl": "https://api.example"}
    known["MailFrom"] = "billing@example.com"
    stack = Stack(NAME, PLACE, "CREATE_COMPLETE", outputs, known)
    aws.answers = answers()
    return Patient(stack, Addresses.of(stack, None, None, None), aws, NOW)


@contextmanager
def due(aws: FakeAws, table: str, item_id: str, shard: str, due_at: str) -> Iterator[None]:
    """An item with an alarm clock, as long as somebody looks."""
    dynamodb, name = aws("dynamodb"), f"{NAME}-{table}"
    key = {"tenant_id": {"S": "ten_1"}, "id": {"S": item_id}}
    dynamodb.put_item(TableName=name, Item={**key, "due_shard": {"S": shard}, "due_at": {"S": due_at}})
    yield
    dynamodb.delete_item(TableName=name, Key=key)


def answers() -> dict[tuple[str, str], Any]:
    """What moto would have to be taught at length."""
    function = f"{NAME}-billing-sweep"
    mapping = {
        "UUID": "4f7b0a5e-0000-4000-8000-000000000001",
        "FunctionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{NAME}-billing-worker:live",
        "EventSourceArn": queue_arn("billing.fifo"),
        "State": "Enabled",
        "ScalingConfig": {"MaximumConcurrency": 16},
    }
    alarm = {"AlarmName": "SweepStopped", "StateValue": "OK", "ActionsEnabled": True, "AlarmDescription": "No shard"}
    resource = {
        "LogicalResourceId": "SweepStoppedAlarm",
        "PhysicalResourceId": "SweepStopped",
        "ResourceType": "AWS::CloudWatch::Alarm",
        "LastUpdatedTimestamp": NOW,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    return {
        ("lambda", "get_account_settings"): {"AccountLimit": {"ConcurrentExecutions": 1000}},
        ("lambda", "list_event_source_mappings"): {"EventSourceMappings": [mapping]},
        ("lambda", "list_functions"): {"Functions": [{"FunctionName": function}]},
        ("lambda", "get_function_configuration"): {
            "FunctionName": function,
            "State": "Active",
            "Environment": {"Variables": {"DUE_SHARDS": "4"}},
        },
        ("scheduler", "get_schedule"): {"Name": function, "State": "ENABLED", "ScheduleExpression": "rate(1 minute)"},
        ("cloudformation", "list_stack_resources"): {"StackResourceSummaries": [resource]},
        ("cloudwatch", "describe_alarms"): {"MetricAlarms": [alarm]},
        ("sesv2", "get_account"): {"ProductionAccessEnabled": True},
    }


def found(patient: Patient, check: Any) -> list[Finding]:
    """What one check says."""
    return list(examine(patient, [check]))
