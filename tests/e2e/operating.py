"""The operator's command line as a process of its own, with AWS credentials alone."""

import os
import subprocess
import sys

from local.stack.settings import ROOT, STACK_NAME
from tests.e2e.conftest import Stack


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


def audited(stack: Stack, tenant_id: str) -> list[str]:
    """What the operator's rows of a log say was done, in order; each names an operator."""
    pages = stack.aws("dynamodb").get_paginator("query").paginate(
        TableName=stack.tables["audit"],
        KeyConditionExpression="tenant_id = :t",
        FilterExpression="#m = :m",
        ExpressionAttributeNames={"#m": "method"},
        ExpressionAttributeValues={":t": {"S": tenant_id}, ":m": {"S": "OPERATE"}},
    )  # fmt: skip
    rows = [row for page in pages for row in page["Items"]]
    assert all(row["principal"]["S"].startswith("operator:") for row in rows)
    return [row["route"]["S"].removeprefix("operations ") for row in rows]
