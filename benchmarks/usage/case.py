"""A live tenant whose usage is metered: a meter of each kind, a plan with a price for it, one subscription, its events.

Live, for it is live tenants' usage whose price is asked for: in test mode acceptance also reads the customers' clocks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from benchmarks.backend import Backend
from benchmarks.events import Event, http_event
from benchmarks.shop import Shop

PATH = "/v1/usage/events"
BATCH = 1_000
"""So many events a request may have."""
_PLAN = "metered-monthly"
_REGIONS = ("eu-north", "eu-west", "us-east", "us-west")


@dataclass(frozen=True)
class Kind:
    """A kind of meter.

    Args:
        title: in the tables.
        settings: what its creation says beside its key.
    """

    key: str
    title: str
    settings: dict[str, Any]

    def properties(self, n: int) -> dict[str, str]:
        """Of the n-th event: what its meter looks at, and no more."""
        if self.settings.get("dimensions"):
            return {"region": _REGIONS[n % len(_REGIONS)]}
        if "property" in self.settings:
            return {self.settings["property"]: f"user-{uuid4().hex}"}  # a new one each: the dearest case
        return {}


SUM = Kind("calls", "sum", {"aggregation": "sum"})
KINDS = (
    SUM,
    Kind("calls_by_region", "sum, by region", {"aggregation": "sum", "dimensions": ["region"]}),
    Kind("peak", "max", {"aggregation": "max"}),
    Kind("users", "unique, all new", {"aggregation": "unique", "property": "user"}),
)


def quantity(n: int) -> Decimal:
    """Of the n-th event: 0.5, 1, 1.5 ... 3.5, and again."""
    return Decimal(n % 7 + 1) / 2


@dataclass
class Metered:
    """The tenant.

    Args:
        reported: how many events of ``sum`` there were, and the sum of their quantities: what has to be counted.
    """

    shop: Shop
    subscription_id: str
    reported: int = 0
    total: Decimal = field(default_factory=lambda: Decimal(0))

    @classmethod
    def open(cls, backend: Backend) -> "Metered":
        """A new tenant; its plan asks for nothing in advance, so its subscription is active without a charge."""
        shop = Shop(backend, mode="live")
        for kind in KINDS:
            shop.call("catalog", "POST", "/v1/meters", {"key": kind.key, **kind.settings})
        price = {"key": "calls", "type": "metered", "meter": SUM.key, "unitAmount": 10_000}
        plan = {"id": _PLAN, "name": "Metered", "currency": "USD", "interval": "month", "components": [price]}
        shop.call("catalog", "POST", "/v1/plans", plan)
        body = {"customerId": shop.customer(), "planId": _PLAN}
        made = shop.call("subscriptions", "POST", "/v1/subscriptions", body)
        return cls(shop, made["id"])

    def requests(self, kind: Kind, events: int, batch: int = BATCH) -> list[Event]:
        """Requests that report so many new events in all, as Lambda gets them."""
        return [self._request(kind, size) for size in _sizes(events, batch)]

    def _request(self, kind: Kind, events: int) -> Event:
        now = datetime.now(UTC)
        body = [
            {
                "eventId": str(uuid4()),
                "subscriptionId": self.subscription_id,
                "meter": kind.key,
                "quantity": str(quantity(n)),
                "timestamp": now.isoformat().replace("+00:00", "Z"),
                **({"properties": properties} if (properties := kind.properties(n)) else {}),
            }
            for n in range(events)
        ]
        if kind is SUM:
            self.reported += events
            self.total += sum(map(quantity, range(events)))
        headers = {"x-api-key": self.shop.key, "idempotency-key": uuid4().hex}
        return http_event("POST", PATH, headers=headers, raw=json.dumps({"events": body}, separators=(",", ":")))


def _sizes(events: int, batch: int) -> Iterator[int]:
    for start in range(0, events, batch):
        yield min(batch, events - start)
