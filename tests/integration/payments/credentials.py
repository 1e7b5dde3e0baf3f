"""A key of Stripe's that is not ours: refused, or of an account that has never heard of us."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from billing.bootstrap import payments
from tests.integration.world import World

NO_KEY = "nonsense"
"""Stripe answers 401."""
OTHER_ACCOUNT = "sk_test_anotheraccount01"
"""Stripe answers, and knows nothing of ours."""


@contextmanager
def key(world: World, api_key: str) -> Iterator[None]:
    """Somebody puts this key into the secret, and the right one again."""
    before = world.aws("secretsmanager").get_secret_value(SecretId=world.stripe_secret_id)["SecretString"]
    _put(world, json.dumps(json.loads(before) | {"api_key": api_key}))
    try:
        yield
    finally:
        _put(world, before)
        payments.stripe_circuit().succeeded()


def _put(world: World, secret: str) -> None:
    world.aws("secretsmanager").put_secret_value(SecretId=world.stripe_secret_id, SecretString=secret)
    payments.stripe_secrets()._cached = None


def alarms(world: World) -> list[str]:
    """The messages of the critical log lines, which wake somebody."""
    return [str(line["message"]) for line in world.logs.lines if line["level"] == "CRITICAL"]
