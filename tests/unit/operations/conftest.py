"""AWS in this process."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.quick_moto import quicken

REGION = "eu-west-3"
"""None of the other tests': what is there is this folder's."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    quicken()
    make: Any = boto3.client
    with mock_aws():
        _emptied(make)
        yield make


def _emptied(make: Any) -> None:
    """Where a worker of pytest-xdist has the integration tests' AWS already, this one is a part of it, and stays."""
    tables, secrets = make("dynamodb"), make("secretsmanager")
    for name in tables.list_tables()["TableNames"]:
        tables.delete_table(TableName=name)
    for each in secrets.list_secrets()["SecretList"]:
        secrets.delete_secret(SecretId=each["ARN"], ForceDeleteWithoutRecovery=True)
