"""A secret that nobody has filled in is a dependency that is down: 503, not a crash."""

import boto3
import pytest
from moto import mock_aws

from billing.domain.kernel.errors import Unavailable
from billing.integrations.aws.secret_reader import CachedSecret


@mock_aws
def test_a_secret_without_a_value_is_unavailable() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    name = client.create_secret(Name="nobody-filled-this-in")["Name"]
    secret = CachedSecret(lambda: client, name, 300, lambda value: str(value["api_key"]), "Stripe's")
    with pytest.raises(Unavailable, match="Stripe's credentials"):
        secret.get()
    client.put_secret_value(SecretId=name, SecretString='{"api_key": "sk_test_1"}')
    assert secret.get() == "sk_test_1"
