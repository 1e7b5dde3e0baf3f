"""A tenant, and the shortest words for what a test asks of it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.integration.lambdas import Answer, Json, http_event, request

if TYPE_CHECKING:
    from tests.integration.world import World

BUSINESS_MONTHLY = {
    "id": "business-monthly",
    "name": "Business",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_999_000},
        {"key": "seats", "type": "licensed", "unitAmount": 500_000},
    ],
}
"""100 seats: $49.99 + 100 x $5.00 = $549.99."""


@dataclass
class Tenant:
    """A tenant with a key, and the shortest words for what a test asks of it."""

    world: World
    id: str
    key: str
    data: Json
    since: int = 0
    """When it was made, in Unix seconds, as Stripe's clock has it."""

    def get(self, path: str, /, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        """A read."""
        named = {name.rstrip("_"): value for name, value in query.items()}
        return request(http_event("GET", path, key=self.key, query=urlencode(named, doseq=True), headers=headers))

    def post(
        self,
        path: str,
        body: Any = None,
        /,
        *,
        idempotency_key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A write, under a key of its own where none is given."""
        return self._write("POST", path, body, idempotency_key, headers)

    def patch(self, path: str, body: Any, /, *, idempotency_key: str | None = None) -> Answer:
        """A change."""
        return self._write("PATCH", path, body, idempotency_key, None)

    def delete(self, path: str, /) -> Answer:
        """A removal."""
        return self._write("DELETE", path, None, None, None)

    def _write(
        self, method: str, path: str, body: Any, idempotency_key: str | None, headers: dict[str, str] | None
    ) -> Answer:
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        key = idempotency_key or secrets.token_hex(10)  # sixteen digits by chance might be a card number
        return request(http_event(method, path, key=self.key, idempotency_key=key, body=text, headers=headers))

    def customer(self, **fields: Any) -> str:
        """A new customer's id."""
        made: str = self.post("/v1/customers", {"name": "Zoë Ölmez", "email": "zoe@example.com", **fields}).data["id"]
        return made

    def plan(self, **fields: Any) -> str:
        """A new plan's id: $49.99 a month and $5 a seat."""
        made: str = self.post("/v1/plans", BUSINESS_MONTHLY | fields).data["id"]
        return made

    def meter(self, key: str = "api_calls", **fields: Any) -> str:
        """A new meter's key: the sum of its events' quantities."""
        made: str = self.post("/v1/meters", {"key": key, "aggregation": "sum", **fields}).data["key"]
        return made

    def subscribe(self, method: str | None = "pm_card_visa", **fields: Any) -> Json:
        """A new subscription of 100 seats to a plan that is made where there is none."""
        if self.get("/v1/plans/business-monthly").status == 404:
            self.plan()
        body = {"planId": "business-monthly", "quantities": {"seats": 100}, "paymentMethodId": method, **fields}
        made: Json = self.post(
            "/v1/subscriptions", {name: value for name, value in body.items() if value is not None}
        ).data
        return made

    def only_invoice(self, **query: Any) -> Json:
        """The one invoice that a list shows."""
        (invoice,) = self.get("/v1/invoices", **query).data
        return dict(invoice)

    def only_payment(self, **query: Any) -> Json:
        """The one payment that a list shows."""
        (payment,) = self.get("/v1/payments", **query).data
        return dict(payment)
