"""What a fresh stack needs before anybody can use it: Stripe's credentials, the platform's key, a tenant.

Everything here can be run again: what exists already stays.
"""

import contextlib
import json
import queue
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import requests

from local.stack.deploy import client
from local.stack.gateway import TAX_WEBHOOK
from local.stack.platform_key import new_key
from local.stack.routes import api_routes, template
from local.stack.settings import HOST, STACK_NAME, Paths, Ports, write_private
from operations.deploy import first_tenant, stripe_secret, webhooks
from operations.deploy.stack import found, require_working

WARM_UP_AT_ONCE = 4
REQUEST_TIMEOUT_S = 60.0  # the first call of a function is a cold start, and eight start at once


@dataclass
class Keys:
    """The secrets of one local stack. Empty until they are made."""

    platform_api_key: str = ""
    stripe_api_key: str = ""
    taxjar_token: str = ""
    tax_webhook_secret: str = ""
    tenant_request: str = ""
    tenant_asked_at: str = ""
    tenant_id: str = ""
    api_key: str = ""
    admin_email: str = ""
    admin_password: str = ""

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """The keys of an earlier start, or new ones."""
        known = json.loads(path.read_text()) if path.exists() else {}
        keys = cls(**{each.name: known[each.name] for each in fields(cls) if each.name in known})
        keys.platform_api_key = keys.platform_api_key or new_key()
        keys.stripe_api_key = keys.stripe_api_key or "sk_test_" + secrets.token_hex(24)
        keys.taxjar_token = keys.taxjar_token or secrets.token_hex(16)
        keys.tax_webhook_secret = keys.tax_webhook_secret or "taxsec_" + secrets.token_hex(24)
        return keys

    def save(self, path: Path) -> None:
        """For the next start."""
        write_private(path, json.dumps(asdict(self), indent=2))


def dashboard_url(ports: Ports, keys: Keys) -> str:
    """Where the demo tenant's people sign in."""
    return f"http://{HOST}:{ports.api}/dashboard/{keys.tenant_id}/"


def webhook_url(ports: Ports) -> str:
    """Where Stripe sends its events."""
    return f"http://{HOST}:{ports.webhook}/webhooks/stripe"


def connect_webhook_url(ports: Ports) -> str:
    """Where Stripe sends the events of accounts that are connected to the platform."""
    return f"{webhook_url(ports)}-connect"


def tax_webhook_url(ports: Ports) -> str:
    """Where the tax provider sends new rates."""
    return f"http://{HOST}:{ports.webhook}{TAX_WEBHOOK}"


def ensure_stripe(keys: Keys, ports: Ports, secret_id: str) -> None:
    """Stripe's key in the product's secret, and two endpoints at the sandbox, by the steps of a deploy to AWS."""
    manager = client("secretsmanager", ports)
    secret = stripe_secret.read(manager, secret_id)
    secret.api_key = keys.stripe_api_key

    def keep() -> None:
        stripe_secret.write(manager, secret_id, secret)

    keep()
    place = require_working(found(client("cloudformation", ports), STACK_NAME), STACK_NAME).place
    api = webhooks.client_of(keys.stripe_api_key, f"http://{HOST}:{ports.stripe}")
    for kind, url in (("account", webhook_url(ports)), ("connect", connect_webhook_url(ports))):
        webhooks.ensure(api, webhooks.Wanted(STACK_NAME, place, kind, url), secret, keep)


def put_tax_secret(keys: Keys, ports: Ports, secret_id: str) -> None:
    """TaxJar's token, and what the tax provider signs its events with."""
    put_secret(ports, secret_id, {"taxjar_token": keys.taxjar_token, "webhook_secrets": [keys.tax_webhook_secret]})


def put_secret(ports: Ports, secret_id: str, values: dict[str, Any]) -> None:
    """Write a secret's value, unless it has that value already."""
    value = json.dumps(values)
    manager = client("secretsmanager", ports)
    if not _holds(manager, secret_id, value):
        manager.put_secret_value(SecretId=secret_id, SecretString=value)


def _holds(manager: Any, secret_id: str, value: str) -> bool:
    """Whether a secret has a value, and this one; a new one has none."""
    try:
        return bool(manager.get_secret_value(SecretId=secret_id)["SecretString"] == value)
    except manager.exceptions.ResourceNotFoundException:
        return False


def ensure_tenant(keys: Keys, ports: Ports, tables: Mapping[str, str], keep: Callable[[], None]) -> None:
    """A tenant in test mode with an admin key, made through the API like any other."""
    dynamodb, before = client("dynamodb", ports), keys.tenant_id
    first_tenant.ensure_platform_key(dynamodb, tables, keys, keep)
    first_tenant.ensure_tenant(dynamodb, tables, f"http://{HOST}:{ports.api}", first_tenant.TENANT, keys, keep)
    if keys.tenant_id != before:
        keys.admin_email = keys.admin_password = ""  # whoever there was is another tenant's


def warm_up(ports: Ports, patience_s: float) -> None:
    """Send one request to each function, so that no user's first call waits for imports.

    Waits `patience_s` at most: on a busy machine the rest goes on beside the first users.
    """
    base = f"http://{HOST}:{ports.api}"
    first = {keys[0].partition(" ")[2] for keys in api_routes(template()).values()}
    calls: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    calls.put(("POST", webhook_url(ports)))  # the connected accounts' has the same function
    calls.put(("POST", tax_webhook_url(ports)))
    for path in first:
        calls.put(("GET", base + re.sub("[{}+]", "", path)))

    def work() -> None:
        with contextlib.suppress(queue.Empty, requests.RequestException):  # the stack may be stopped meanwhile
            while True:
                requests.request(*calls.get_nowait(), timeout=REQUEST_TIMEOUT_S)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WARM_UP_AT_ONCE)]
    deadline = time.monotonic() + patience_s
    for each in threads:
        each.start()
    for each in threads:
        each.join(max(0.0, deadline - time.monotonic()))


def write_stack_file(paths: Paths, ports: Ports, keys: Keys, outputs: dict[str, str]) -> None:
    """What the demo, the e2e tests and the benchmarks need to know."""
    tables = {name.removeprefix("Table"): value for name, value in outputs.items() if name.startswith("Table")}
    stack = {
        "api_url": f"http://{HOST}:{ports.api}",
        "stripe_webhook_url": webhook_url(ports),
        "stripe_connect_webhook_url": connect_webhook_url(ports),
        "tax_webhook_url": tax_webhook_url(ports),
        "tax_webhook_secret": keys.tax_webhook_secret,
        "stripe_url": f"http://{HOST}:{ports.stripe}",
        "tenant_id": keys.tenant_id,
        "api_key": keys.api_key,
        "dashboard_url": dashboard_url(ports, keys),
        "admin_email": keys.admin_email,
        "admin_password": keys.admin_password,
        "platform_api_key": keys.platform_api_key,
        "stripe_api_key": keys.stripe_api_key,
        "aws_endpoint_url": f"http://{HOST}:{ports.aws}",
        "region": "us-east-1",
        "tables": {snake(name): value for name, value in tables.items()},
        "billing_queue_url": outputs["BillingQueueUrl"],
        "clock_queue_url": outputs["ClockQueueUrl"],
        "usage_queue_url": outputs["UsageQueueUrl"],
        "payout_queue_url": outputs["PayoutQueueUrl"],
        "billing_dead_letter_queue_url": outputs["BillingDeadLettersUrl"],
        "usage_dead_letter_queue_url": outputs["UsageDeadLettersUrl"],
        "payout_dead_letter_queue_url": outputs["PayoutDeadLettersUrl"],
        "stripe_secret_id": outputs["StripeSecretId"],
        "tax_secret_id": outputs["TaxSecretId"],
        "key_id": outputs["KeyId"],
    }
    write_private(paths.stack, json.dumps(stack, indent=2) + "\n")


def snake(name: str) -> str:
    """`PaymentMethods` -> `payment_methods`, as the code names its tables."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
