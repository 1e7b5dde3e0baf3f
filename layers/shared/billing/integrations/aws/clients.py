"""The AWS clients that are not DynamoDB: KMS, Secrets Manager, SQS. Made on first use, kept for the process."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import get_session

# A dependency that is slow is a dependency that is down: two tries of three seconds, then a 503.
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def aws_client(service: str) -> Any:
    """botocore's client of a service, from the environment's region and credentials."""
    return get_session().create_client(service, config=_CONFIG)
