"""Issue 21: the operator's commands on the deployed stack, as a process of their own, with AWS credentials alone."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.client import Client
from local.stack.settings import ROOT, STACK_NAME
from tests.e2e.conftest import TEAM, Seller, Stack, subscribe


@pytest.fixture(scope="module")
def seller(stack: Stack) -> Seller:
    """A tenant of its own, with a plan."""
    made = Seller.new(stack, "Operated")
    made.client.post("/v1/plans", TEAM)
    return made


def operate(stack: Stack, *arguments: str, code: int = 0) -> str:
    """What a command prints."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_REGION": stack.region,
    }
    command = [sys.executable, "-m", "operations", *arguments, "--stack", STACK_NAME]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_21_what_is_due_and_dead_and_the_books_are_shown(stack: Stack, seller: Seller) -> None:
    customer = seller.client.post("/v1/customers", {"name": "Ada"})
    subscribe(seller.client, customer["id"], TEAM["id"])
    assert "0 failing; 0 parked" in operate(stack, "due", "--tenant", seller.tenant_id)
    assert "webhook-slow" in operate(stack, "redrive")
    assert "balanced" in operate(stack, "trial-balance", seller.tenant_id)
    assert "No tenant ten_unknown" in operate(stack, "trial-balance", "ten_unknown", code=1)


def test_21_a_dead_letter_goes_back_and_is_worked(stack: Stack) -> None:
    sqs = stack.aws("sqs")
    letter = {"MessageBody": json.dumps({"shard": "03"}), "MessageGroupId": "03"}
    sqs.send_message(QueueUrl=stack.billing_dead_letter_queue_url, MessageDeduplicationId=str(time.time_ns()), **letter)
    assert "billing: about 1 letters would be sent back" in operate(stack, "redrive", "billing", "--dry-run")
    assert "billing: 1 letters sent back" in operate(stack, "redrive", "billing")


def test_21_events_are_handed_over_again_and_keep_their_places(stack: Stack, seller: Seller) -> None:
    before = _placed(seller.client)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    said = operate(stack, "replay-events", "--since", since, "--tenant", seller.tenant_id)
    assert said.count("of which 0 failed") == 2
    assert _placed(seller.client)[: len(before)] == before


def _placed(client: Client) -> list[str]:
    return [each["id"] for each in client.get("/v1/events?limit=100")]


def test_21_a_tenant_is_suspended_and_taken_in_again_and_the_log_says_by_whom(stack: Stack, seller: Seller) -> None:
    assert f"{seller.tenant_id} is suspended" in operate(stack, "tenant", "suspend", seller.tenant_id)
    platform = Client(asdict(stack), key=stack.platform_api_key)
    assert platform.get(f"/v1/tenants/{seller.tenant_id}")["status"] == "suspended"
    assert f"{seller.tenant_id} is active" in operate(stack, "tenant", "resume", seller.tenant_id)
    rows = _audit(stack, "platform")
    done = {f"operations tenant {what} {seller.tenant_id}" for what in ("suspend", "resume")}
    assert done <= {row["route"]["S"] for row in rows}
    assert all(row["principal"]["S"].startswith("operator:") for row in rows)


def _audit(stack: Stack, tenant_id: str) -> list[Any]:
    pages = stack.aws("dynamodb").get_paginator("query").paginate(
        TableName=stack.tables["audit"],
        KeyConditionExpression="tenant_id = :t",
        FilterExpression="#m = :m",
        ExpressionAttributeNames={"#m": "method"},
        ExpressionAttributeValues={":t": {"S": tenant_id}, ":m": {"S": "OPERATE"}},
    )  # fmt: skip
    return [row for page in pages for row in page["Items"]]


def test_21_each_alarm_goes_off_where_its_metric_breaches(stack: Stack) -> None:
    """The emulator looks at a metric's points of now, by any dimension; periods are arithmetic (tests/unit/infra)."""
    cloudwatch = stack.aws("cloudwatch")
    alarms = [a for page in cloudwatch.get_paginator("describe_alarms").paginate() for a in page["MetricAlarms"]]
    assert len(alarms) >= 27
    for each in alarms:
        above = each["ComparisonOperator"] == "GreaterThanThreshold"
        value = each["Threshold"] + (1 if above else -1)
        datum = {"MetricName": each["MetricName"], "Dimensions": each["Dimensions"], "Value": value}
        cloudwatch.put_metric_data(Namespace=each["Namespace"], MetricData=[datum])
    states = {a["AlarmName"]: a["StateValue"] for a in cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]}
    assert set(states.values()) == {"ALARM"}, states
