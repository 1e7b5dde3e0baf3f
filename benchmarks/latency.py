"""p95 of a running local stack (`make run`) at four clients: what one machine gives, over HTTP, Lambdas and all.

It makes a tenant of its own in that stack, a bounded number of requests, and talks to loopback addresses only.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import requests

from benchmarks.report import Row, Section, verdict
from benchmarks.shop import PLAN, signature

CLIENTS = 4
_EACH = 15  # measured requests of each client; two before them warm the workers up
_WARM_UP = 2
_TIMEOUT_S = 30
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
BUDGETS_MS = {"create subscription, charged": 500, "Stripe webhook": 200, "list invoices": 200}
Json = dict[str, Any]
Send = Callable[[requests.Session], requests.Response]


class NotThere(Exception):
    """There is no stack to measure; the message says why."""


@dataclass(frozen=True)
class Stack:
    """``.local/stack.json`` of a running stack."""

    known: Json

    @classmethod
    def read(cls, path: Path) -> "Stack":
        """The stack that a file describes.

        Raises:
            NotThere: there is no such file, it names another machine, or nothing answers.
        """
        if not path.exists():
            raise NotThere(f"there is no {path}")
        known = json.loads(path.read_text())
        for name in ("api_url", "stripe_webhook_url", "stripe_url", "aws_endpoint_url"):
            if urlsplit(known[name]).hostname not in _LOOPBACK:
                raise NotThere(f"{name} is {known[name]}: only a stack on this machine is measured")
        try:
            requests.get(f"{known['api_url']}/health", timeout=_TIMEOUT_S).raise_for_status()
        except requests.RequestException as error:
            raise NotThere(f"nothing answers at {known['api_url']}: {type(error).__name__}") from None
        return cls(known)

    def call(self, session: requests.Session, method: str, path: str, key: str, body: Json | None = None) -> Any:
        """The ``data`` of an answer."""
        answer = self.send(session, method, path, key, body)
        answer.raise_for_status()
        return answer.json()["data"]

    def send(
        self, session: requests.Session, method: str, path: str, key: str, body: Json | None = None
    ) -> requests.Response:
        """One request."""
        headers = {"X-API-Key": key, "Idempotency-Key": uuid4().hex}
        url = f"{self.known['api_url']}{path}"
        return session.request(method, url, json=body, headers=headers, timeout=_TIMEOUT_S)

    def intents(self) -> list[str]:
        """PaymentIntents that the stack made, the latest first."""
        headers = {"Authorization": f"Bearer {self.known['stripe_api_key']}"}
        url = f"{self.known['stripe_url']}/v1/payment_intents"
        answer = requests.get(url, params={"limit": "50"}, headers=headers, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return [intent["id"] for intent in answer.json()["data"] if intent["status"] == "succeeded"]

    def webhook_secret(self) -> str:
        """What Stripe signs with."""
        manager = boto3.client(
            "secretsmanager",
            endpoint_url=self.known["aws_endpoint_url"],
            region_name=self.known["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        secret = json.loads(manager.get_secret_value(SecretId=self.known["stripe_secret_id"])["SecretString"])
        return str(secret["webhook_secrets"][0])


def measure(stack: Stack) -> Section:
    """The whole table."""
    session = requests.Session()
    tenant = {"name": "Bench", "mode": "test", "currency": "USD", "tier": "enterprise"}
    key = stack.call(session, "POST", "/v1/tenants", stack.known["platform_api_key"], tenant)["apiKey"]
    components = [
        {"key": "base", "type": "flat", "unitAmount": 4_999_000},
        {"key": "seats", "type": "licensed", "unitAmount": 500_000},
    ]
    plan = {"id": PLAN, "name": "Business", "currency": "USD", "interval": "month", "components": components}
    stack.call(session, "POST", "/v1/plans", key, plan)
    count = CLIENTS * (_EACH + _WARM_UP)
    customers = [stack.call(session, "POST", "/v1/customers", key, {"name": f"C{n}"})["id"] for n in range(count)]

    def subscribe(customer: str) -> Send:
        body = {
            "customerId": customer,
            "planId": PLAN,
            "quantities": {"seats": 100},
            "paymentMethodId": "pm_card_visa",
        }
        return lambda session: stack.send(session, "POST", "/v1/subscriptions", key, body)

    section = Section(
        f"p95 of the local stack at {CLIENTS} clients",
        ["request", "p50, ms", "p95, ms", "budget, ms", "requests"],
        notes=["New customer and card in each subscription: three calls to Stripe's sandbox in the request."],
    )
    _add(section, "create subscription, charged", [subscribe(customer) for customer in customers])
    secret, intents = stack.webhook_secret(), stack.intents()
    _add(section, "Stripe webhook", [_notice(stack, secret, intents[n % len(intents)]) for n in range(count)])
    listing = "/v1/invoices?limit=20"
    _add(section, "list invoices", [lambda session: stack.send(session, "GET", listing, key)] * count)
    return section


def _notice(stack: Stack, secret: str, intent: str) -> Send:
    """A webhook about an intent, as an event of its own: nothing is replayed, everything is looked up."""
    event = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": intent, "object": "payment_intent"}},
    }
    body = json.dumps(event)

    def send(session: requests.Session) -> requests.Response:
        headers = {"Stripe-Signature": signature(body, secret), "Content-Type": "application/json"}
        return session.post(stack.known["stripe_webhook_url"], data=body, headers=headers, timeout=_TIMEOUT_S)

    return send


def _add(section: Section, name: str, sends: list[Send]) -> None:
    """Share the requests among the clients, and write the line."""
    print(f"    {name}", file=sys.stderr, flush=True)

    def client(n: int) -> list[float]:
        spans = []
        with requests.Session() as session:
            for send in sends[n::CLIENTS]:
                started = time.perf_counter()
                send(session).raise_for_status()
                spans.append((time.perf_counter() - started) * 1000)
        return spans[_WARM_UP:]

    with ThreadPoolExecutor(CLIENTS) as pool:
        spans = sorted(span for spans in pool.map(client, range(CLIENTS)) for span in spans)
    p50, p95, budget = percentile(spans, 50), percentile(spans, 95), BUDGETS_MS[name]
    cells = [name, f"{p50:.0f}", f"{p95:.0f}", str(budget), str(len(spans))]
    section.rows.append(Row(cells, verdict(p95, budget), {"p50_ms": p50, "p95_ms": p95}))


def percentile(spans: list[float], percent: int) -> float:
    """The smallest of the sorted values that is not below ``percent`` of them (nearest rank).

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
    2.0
    """
    return spans[-(-len(spans) * percent // 100) - 1]


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file; exit code 3 where there is nothing to measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--stack", type=Path, required=True)
    options = parser.parse_args()
    try:
        measure(Stack.read(options.stack)).save(options.out)
    except NotThere as reason:
        print(f"    not measured: {reason}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
