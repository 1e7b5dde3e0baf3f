"""Dependencies that fail, and quote in their error what they were sent: a canary."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from billing.bootstrap import payments as payments_bootstrap
from billing.bootstrap import storage
from billing.integrations.aws.clients import aws_client
from tests.integration.access.canaries import OUTSIDE

QUOTED = f"One or more parameter values are not valid: {OUTSIDE}, llk_test_{OUTSIDE}"

_WORDS = f"The provided key 'sk_live_{OUTSIDE}' is wrong; {OUTSIDE}@private.example, seti_1_secret_{OUTSIDE}"
FELT: Counter[str] = Counter()
"""How often each service has failed somebody."""


@contextmanager
def aws_fails(
    client: Any, service: str, code: str, operations: Collection[str] = (), status: int = 400
) -> Iterator[None]:
    """Every call of a client's named operations (all, where none is named) is answered with an error."""

    def answered(model: Any, **_: Any) -> Any:
        if operations and model.name not in operations:
            return None
        FELT[service] += 1
        error = {"Error": {"Code": code, "Message": QUOTED}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return SimpleNamespace(status_code=status), error

    events = client.meta.events
    events.register_first(f"before-call.{service}.*", answered)
    try:
        yield
    finally:
        events.unregister(f"before-call.{service}.*", answered)


@contextmanager
def dynamodb_fails(code: str, *operations: str) -> Iterator[None]:
    """DynamoDB; nobody waits between the tries."""
    database = storage.database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_pause", lambda _: None)
        with aws_fails(database.client, "dynamodb", code, operations):
            yield


@contextmanager
def kms_fails() -> Iterator[None]:
    """KMS, in a process that has not unwrapped a key yet."""
    vault = storage.vault()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "_keys", {})
        with aws_fails(aws_client("kms"), "kms", "KMSInternalException", status=500):
            yield


@contextmanager
def stripe_says(status: int, kind: str) -> Iterator[None]:
    """Stripe's error, which quotes the request and the key."""
    error = {"error": {"type": kind, "message": _WORDS, "param": OUTSIDE}}

    def answered(*_: Any, **__: Any) -> tuple[str, int, dict[str, str]]:
        FELT["stripe"] += 1
        return json.dumps(error), status, {"Request-Id": "req_outage"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe.HTTPClient, "request_with_retries", answered)
        yield
    payments_bootstrap.stripe_circuit().succeeded()
