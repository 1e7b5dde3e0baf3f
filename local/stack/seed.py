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
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
import stripe

from local.console import Failure
from local.stack.deploy import client
from local.stack.gateway import TAX_WEBHOOK
from local.stack.platform_key import caller_id, create_platform_key, new_key
from local.stack.routes import api_routes, template
from local.stack.settings import HOST, Paths, Ports, write_private

WARM_UP_AT_ONCE = 4
DEMO_TENANT = {
    "name": "Demo tenant",
    "mode": "test",
    "currency": "USD",
    "timezone": "UTC",
    "legalName": "Demo Software, Inc.",
    "address": {
        "line1": "500 Market Street",
        "city": "Springfield",
        "postalCode": "62701",
        "state": "IL",
        "country": "US",
    },
    "taxId": "12-3456789",
    "email": "billing@demo.example",
    "invoicePrefix": "DEMO",
}
# What the webhook acts on (HANDLED of integrations/stripe/events.py): an endpoint for all gets ten times as many.
STRIPE_EVENTS: list[Any] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refund.updated",
    "charge.updated",
    "customer.deleted",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "payment_method.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "setup_intent.succeeded",
    "transfer.created",
    "transfer.reversed",
    "transfer.updated",
]
# The same for accounts that are connected to the platform (CONNECT_HANDLED of integrations/stripe/connect_events.py).
CONNECT_EVENTS: list[Any] = [
    "account.application.deauthorized",
    "account.external_account.created",
    "account.external_account.deleted",
    "account.external_account.updated",
    "account.updated",
    "capability.updated",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.updated",
]
REQUEST_TIMEOUT_S = 60.0  # the first call of a function is a cold start, and eight start at once


@dataclass
class Keys:
    """The secrets of one local stack. Empty until they are made."""

    platform_api_key: str = ""
    stripe_api_key: str = ""
    webhook_endpoint_id: str = ""
    webhook_secret: str = ""
    connect_endpoint_id: str = ""
    connect_webhook_secret: str = ""
    taxjar_token: str = ""
    tax_webhook_secret: str = ""
    tenant_id: str = ""
    api_key: str = ""
    admin_email: str = ""
    admin_password: str = ""

    @classmethod
    def load(cls, path: Path) -> "Keys":
        """The keys of an earlier start, or new ones."""
        known = json.loads(path.read_text()) if path.exists() else {}
        keys = cls(**known)
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


def register_webhook(keys: Keys, ports: Ports) -> None:
    """Have two enabled endpoints at the Stripe sandbox, one for connected accounts, each with its signing secret."""
    base = f"http://{HOST}:{ports.stripe}"
    api = stripe.StripeClient(
        keys.stripe_api_key, base_addresses={"api": base}, http_client=stripe.RequestsClient(timeout=10)
    )
    try:
        keys.webhook_endpoint_id, keys.webhook_secret = _endpoint(
            api, webhook_url(ports), STRIPE_EVENTS, (keys.webhook_endpoint_id, keys.webhook_secret)
        )
        keys.connect_endpoint_id, keys.connect_webhook_secret = _endpoint(
            api,
            connect_webhook_url(ports),
            CONNECT_EVENTS,
            (keys.connect_endpoint_id, keys.connect_webhook_secret),
            connect=True,
        )
    except stripe.StripeError as error:
        raise Failure(f"the Stripe sandbox did not take the webhook endpoint: {error}") from None


def _endpoint(
    api: stripe.StripeClient, url: str, wanted: list[Any], known: tuple[str, str], connect: bool = False
) -> tuple[str, str]:
    """The id and the secret of an endpoint: the known one with the wanted events, or a new one."""
    endpoint_id, secret = known
    there = [each for each in api.v1.webhook_endpoints.list({"limit": 100}).data if each.url == url]
    ours = next((each for each in there if each.id == endpoint_id), None)
    if ours is not None and secret:
        if sorted(ours.enabled_events) != wanted:  # made before there were so many
            api.v1.webhook_endpoints.update(ours.id, {"enabled_events": wanted})
        return known
    made = api.v1.webhook_endpoints.create({"url": url, "enabled_events": wanted, "connect": connect})
    return made.id, made.secret or ""


def put_stripe_secret(keys: Keys, ports: Ports, secret_id: str) -> None:
    """Give the functions the credentials, the way an operator does on AWS."""
    values = {
        "api_key": keys.stripe_api_key,
        "webhook_secrets": [keys.webhook_secret],
        "connect_webhook_secrets": [keys.connect_webhook_secret],
    }
    put_secret(ports, secret_id, values)


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


def known_key(dynamodb: Any, table: str, key: str) -> bool:
    """Whether the key's item is in the table of callers."""
    if not key:
        return False
    found = dynamodb.get_item(TableName=table, Key={"caller_id": {"S": caller_id(key)}}, ConsistentRead=True)
    return "Item" in found


def ensure_tenant(keys: Keys, ports: Ports, tables: Mapping[str, str]) -> None:
    """A tenant in test mode with an admin key, made through the API like any other."""
    dynamodb = client("dynamodb", ports)
    if not known_key(dynamodb, tables["callers"], keys.platform_api_key):
        create_platform_key(dynamodb, tables, keys.platform_api_key)
    if known_key(dynamodb, tables["callers"], keys.api_key):
        return
    answer = requests.post(
        f"http://{HOST}:{ports.api}/v1/tenants",
        json=DEMO_TENANT,
        headers={"X-API-Key": keys.platform_api_key, "Idempotency-Key": f"local-{secrets.token_hex(10)}"},
        timeout=REQUEST_TIMEOUT_S,
    )
    if answer.status_code != 201:
        raise Failure(f"POST /v1/tenants answered {answer.status_code}: {answer.text[:500]}")
    made = answer.json()["data"]
    keys.tenant_id, keys.api_key = made["id"], made["apiKey"]
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
