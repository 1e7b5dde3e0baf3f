"""A world: tables, queue and Stripe account that no other test has; a tenant in it; the steps that jobs are made of."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from local.stripe_sandbox.webhooks import signature
from tests.faults.at_stripe import SECRET
from tests.faults.books import AtStripe, Books
from tests.faults.laws import violations
from tests.faults.processes import Answer, Json, Lane

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When most tests begin."""
LEASE_S = 10.0
PAYMENT_CHECK_S = 60.0
RETRY = timedelta(seconds=15)
"""After this a client asks again: the run that died holds its idempotency record for 10 s."""


def asked(url: str, key: str | None = None, body: Json | None = None, account_id: str | None = None) -> Json:
    """The JSON that a URL answers with: to a GET, or a POST where there is a body.

    Args:
        account_id: of the connected account that is asked about.
    """
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    if account_id:
        request.add_header("Stripe-Account", account_id)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: Json = json.loads(answer.read())
        return found


def step(do: str, **arguments: Any) -> Json:
    """A step of a job."""
    return {"do": do, **arguments}


def post(group: str, path: str, key: str, idem: str, body: Json | None = None) -> Json:
    """A write, as a step."""
    return step("http", group=group, method="POST", path=path, key=key, idem=idem, body=body)


def patch(group: str, path: str, key: str, idem: str, body: Json) -> Json:
    """A change, as a step."""
    return step("http", group=group, method="PATCH", path=path, key=key, idem=idem, body=body)


def delete(group: str, path: str, key: str, idem: str) -> Json:
    """A removal, as a step."""
    return step("http", group=group, method="DELETE", path=path, key=key, idem=idem)


def get(group: str, path: str, key: str) -> Json:
    """A read, as a step."""
    return step("http", group=group, method="GET", path=path, key=key)


class World:
    """Tables, a queue and a Stripe account of its own, and how a test acts in it.

    ``patient``: the product waits for Stripe as long as it takes. It is not where a test has Stripe slow; elsewhere a
    busy machine is, and a request that nobody waited for would change what the test is about.
    """

    def __init__(self, lane: Lane, names: Json) -> None:
        self.patient = True
        self.lane = lane
        self.names = names
        self.platform_key: str = names["platform_key"]
        self.stripe_key: str = names["stripe_key"]

    def job(self, at: datetime, *steps: Json) -> Json:
        """A job that starts when the product's clock shows ``at``."""
        return {"world": self.names, "at": at.isoformat(), "steps": list(steps), "patient": self.patient}

    def run(self, at: datetime, *steps: Json) -> Answer:
        """One job, in the driver itself."""
        return self.lane.driver.run([self.job(at, *steps) | {"here": True}])[0]

    def run_apart(self, at: datetime, *steps: Json) -> Answer:
        """One job in a process of its own, which may die."""
        return self.lane.driver.run([self.job(at, *steps)])[0]

    def stripe(self, path: str, account_id: str | None = None) -> Json:
        """What Stripe says to a GET, on the platform's account or on a connected one."""
        return asked(f"{self.lane.sandbox.url}/v1/{path}", self.stripe_key, None, account_id)

    def control(self, path: str, /, **body: Any) -> Json:
        """The sandbox's control API."""
        return asked(f"{self.lane.sandbox.url}/_sandbox/{path}", None, body)

    def clear_faults(self) -> None:
        """Stripe is well again."""
        self.patient = True
        self.lane.clear_faults()

    def requests(self) -> list[Json]:
        """The sandbox's log."""
        found: list[Json] = asked(f"{self.lane.sandbox.url}/_sandbox/requests")["data"]
        return found

    def charges(self, since: int = 0) -> list[Json]:
        """Every charge of this world's Stripe account, newest first, failed ones too.

        Args:
            since: in Unix seconds.
        """
        return self.listed("charges", since)

    def listed(self, objects: str, since: int = 0, **filters: str) -> list[Json]:
        """All of one of Stripe's lists, newest first."""
        wanted = {"limit": "100", **filters} | ({"created[gte]": str(since)} if since else {})
        found: list[Json] = []
        while True:
            page = self.stripe(f"{objects}?{urlencode(wanted)}")
            found += page["data"]
            if not page["has_more"]:
                return found
            wanted["starting_after"] = found[-1]["id"]

    def event_of(self, intent_id: str, kind: str = "payment_intent.succeeded") -> Json:
        """Stripe's event about an intent."""
        events = self.stripe(f"events?type={kind}&limit=100")["data"]
        found: Json = next(event for event in events if event["data"]["object"]["id"] == intent_id)
        return found

    def event_about(self, tenant: Tenant, kind: str) -> Json:
        """Stripe's newest event of a kind about one of a tenant's intents."""
        events = self.stripe(f"events?type={kind}&limit=100")["data"]
        own = (event for event in events if event["data"]["object"]["metadata"].get("tenant_id") == tenant.id)
        return next(own)

    def delivery(self, event: Json) -> Json:
        """A delivery of an event with a valid signature, as a step."""
        body = json.dumps(event)
        return step("webhook", body=body, signature=signature(SECRET, body, int(time.time())))

    def new_tenant(
        self,
        at: datetime,
        customers: int = 1,
        clock: bool = False,
        plans: Sequence[str] = ("business",),
        address: Json | None = None,
        **settings: Any,
    ) -> Tenant:
        """A tenant in test mode, with plans and customers.

        Args:
            clock: the customers are attached to a test clock.
            plans: ids of ``PLANS``.
            address: of each customer.
            settings: of the tenant.
        """
        name, since = os.urandom(4).hex(), int(time.time())
        wanted = {"name": name, "mode": "test", "currency": "USD", **settings}
        made = self.run(at, post("tenants", "/v1/tenants", self.platform_key, name, wanted)).last()
        assert made["status"] == 201, made
        key = made["body"]["data"]["apiKey"]
        steps = [post("catalog", "/v1/plans", key, plan, PLANS[plan]) for plan in plans]
        clock_id = None
        if clock:
            frozen = (at + timedelta(days=1)).replace(microsecond=0)
            text = frozen.isoformat().replace("+00:00", "Z")
            answer = self.run(at, post("test_clocks", "/v1/test-clocks", key, "clock", {"frozenTime": text})).last()
            clock_id = answer["body"]["data"]["id"]
        for n in range(customers):
            body: Json = {"name": f"Zoë {n}", "email": f"zoe{n}@example.org"}
            body |= {"address": address} if address else {}
            body |= {"testClockId": clock_id} if clock_id else {}
            steps.append(post("customers", "/v1/customers", key, f"customer-{n}", body))
        answers = self.run(at, *steps).all()
        assert [answer["status"] for answer in answers] == [201] * len(answers), answers
        ids = [answer["body"]["data"]["id"] for answer in answers[len(plans) :]]
        return Tenant(self, made["body"]["data"]["id"], key, ids, clock_id, since)


PLAN: Json = {
    "id": "business",
    "name": "Business",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4999000},
        {"key": "seats", "type": "licensed", "unitAmount": 500000},
    ],
}
PERIOD_CENTS = 4999 + 3 * 500
# Their months are all of a length, and they prorate by the day: what they bill does not depend on when a test runs.
THIRTY_DAYS: Json = PLAN | {"id": "thirty", "interval": "day", "intervalCount": 30, "prorationUnit": "day"}
NINETY_DAYS: Json = THIRTY_DAYS | {
    "id": "ninety",
    "intervalCount": 90,
    "components": [{"key": "base", "type": "flat", "unitAmount": 13500000}, PLAN["components"][1]],
}
PLANS: dict[str, Json] = {plan["id"]: plan for plan in (PLAN, THIRTY_DAYS, NINETY_DAYS)}


@dataclass(frozen=True)
class Tenant:
    """A tenant in a world.

    Args:
        since: nothing at Stripe is older, in Unix seconds.
    """

    world: World
    id: str
    key: str
    customer_ids: list[str] = field(default_factory=list)
    clock_id: str | None = None
    since: int = 0

    def subscribe(self, idem: str = "sub", customer: int = 0, **more: Any) -> Json:
        """POST /subscriptions, as a step: $49.99 and three seats of $5.00, by a card that works."""
        body = {
            "customerId": self.customer_ids[customer],
            "planId": "business",
            "quantities": {"seats": 3},
            "paymentMethodId": "pm_card_visa",
        } | more
        return post("subscriptions", "/v1/subscriptions", self.key, idem, body)

    def change(self, subscription_id: str, idem: str = "change", **change: Any) -> Json:
        """PATCH /subscriptions/{id}, as a step."""
        return patch("subscriptions", f"/v1/subscriptions/{subscription_id}", self.key, idem, change)

    def books(self, at: datetime) -> Books:
        """What the tables hold."""
        return Books(self.world.run(at, step("dump", tenant_id=self.id)).last())

    def deliver(self, *types: str, copies: int = 1, shuffle: int | None = None) -> Json:
        """Stripe sends its events about the tenant, all or those of some types, as a step."""
        wanted = list(types) or None
        return step("deliver", tenant_id=self.id, since=self.since, types=wanted, copies=copies, shuffle=shuffle)

    def at_stripe(self, methods: bool = False) -> AtStripe:
        """What Stripe has of the tenant.

        Args:
            methods: what is attached to its customers, too.
        """
        intents = [each for each in self.world.listed("payment_intents", self.since) if self._owns(each)]
        ids = {intent["id"] for intent in intents}

        def about(objects: str) -> list[Json]:
            return [each for each in self.world.listed(objects, self.since) if each["payment_intent"] in ids]

        made = [about(objects) for objects in ("charges", "refunds", "disputes")]
        sources = {each["id"] for objects in made for each in objects}
        lines = [e for e in self.world.listed("balance_transactions", self.since) if e["source"] in sources]
        return AtStripe(intents, *made, lines, self._attached() if methods else None)

    def charges(self) -> list[Json]:
        """The tenant's charges at Stripe that took money."""
        return self.at_stripe().taken

    def check(self, at: datetime, methods: bool = False) -> Books:
        """The books, after the laws that hold for every tenant at rest.

        Args:
            methods: those of saved methods, too: that Stripe's are ours, and that whoever has some has a default.
        """
        books = self.books(at)
        problems = violations(books, self.at_stripe(methods))
        assert not problems, "\n".join(problems)
        return books

    def _attached(self) -> list[Json]:
        customers = [each for each in self.world.listed("customers", self.since) if self._owns(each)]
        return [method for each in customers for method in self.world.listed(f"customers/{each['id']}/payment_methods")]

    def _owns(self, at_stripe: Json) -> bool:
        return bool(at_stripe["metadata"].get("tenant_id") == self.id)


def at_once(world: World, at: datetime, jobs: Sequence[Sequence[Json]]) -> list[Answer]:
    """Several jobs that start at the same moment."""
    start = time.time() + 0.15 + 0.02 * len(jobs)
    prepared = [world.job(at, step("wait_until", unix=start), *steps) for steps in jobs]
    return world.lane.driver.run(prepared)


def iso(moment: datetime) -> str:
    """RFC 3339, as the API wants it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Steps = Callable[[], list[Json]]
