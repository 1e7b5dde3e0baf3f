"""The first key of a new stack: the platform's own, which creates tenants.

On AWS, once, after the first deploy: `python -m local.stack.platform_key --stack ledgerline-dev`.
"""

import argparse
import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

import boto3

# Platform calls are few; the limits only keep a runaway script away from the tables.
LIMIT_PER_MINUTE = 1000
LIMIT_PER_SLOT = 333  # twice the rate, in a slot of 10 s


def caller_id(key: str) -> str:
    """The hash key of an API key's item: the key itself is stored nowhere."""
    return "key#" + hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """`llk_` and 256 random bits."""
    return "llk_" + secrets.token_urlsafe(32)


def create_platform_key(dynamodb_client: Any, table_name: str, key: str | None = None) -> str:
    """Put the platform's key into the table of callers, and return it. `key`: one that is to stay."""
    key = key or new_key()
    digest = hashlib.sha256(key.encode()).hexdigest()
    item = {
        "caller_id": {"S": caller_id(key)},
        "tenant_id": {"S": "platform"},
        "key_id": {"S": f"key_platform_{digest[:16]}"},
        "name": {"S": "platform"},
        "scope": {"S": "platform"},
        "status": {"S": "active"},
        "minute_limit": {"N": str(LIMIT_PER_MINUTE)},
        "slot_limit": {"N": str(LIMIT_PER_SLOT)},
        "created_at": {"S": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
    }
    dynamodb_client.put_item(TableName=table_name, Item=item)
    return key


def main() -> None:
    """Create one in a deployed stack and print it, once."""
    parser = argparse.ArgumentParser(description="Creates a platform API key in a deployed stack.")
    parser.add_argument("--stack", default="ledgerline-dev", help="name of the CloudFormation stack")
    stack = parser.parse_args().stack
    outputs = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    table = next(each["OutputValue"] for each in outputs if each["OutputKey"] == "TableCallers")
    print(create_platform_key(boto3.client("dynamodb"), table))


if __name__ == "__main__":
    main()
