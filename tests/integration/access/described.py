"""The API as schemathesis sees it: docs/openapi.json, and a WSGI application that stands where the gateway does."""

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.integration.access.oauth import app, basic, machine
from tests.integration.world import Json, World, http_event, request

DOCUMENT: Json = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
GUESSED = ("TenantId", "UserId", "Signature")
"""Headers of which any value but one is refused: if they were made up, nothing but refusals would come."""
REASONS = {200: "OK", 201: "Created"}


def document() -> Json:
    """The document as it is served, without what is on other hosts (function URLs)."""
    found = copy.deepcopy(DOCUMENT)
    found["servers"] = [{"url": "/"}]
    found["paths"] = {path: item for path, item in found["paths"].items() if not path.startswith("/webhooks")}
    left_out = [{"$ref": f"#/components/parameters/{name}"} for name in GUESSED]
    for item in found["paths"].values():
        item.pop("servers", None)
        for operation in item.values():
            if "parameters" in operation:
                operation["parameters"] = [each for each in operation["parameters"] if each not in left_out]
    return found


class Caller:
    """Who calls: a tenant's admin, the platform where only that may, an OAuth client at its endpoints.

    The tenant has one of each kind of thing, whose ids stand in place of those that nobody has.
    """

    def __init__(self, world: World) -> None:
        self.world, self.tenant = world, world.tenant()
        self.app = app(self.tenant)
        self.ids = self._things()

    def _things(self) -> dict[str, str]:
        """Ids by the names that paths and bodies have for them."""
        tenant = self.tenant
        customer = tenant.customer()
        subscription = tenant.subscribe(customerId=customer)
        invoice, coupon = tenant.only_invoice(), {"code": "HALF", "percentOff": 50, "duration": "forever"}
        item = {"sku": "a", "description": "A", "unitAmount": 9_000_000, "providerTenantId": tenant.id}
        found = {
            "tid": tenant.id,
            "customer_id": customer,
            "plan_id": "business-monthly",
            "subscription_id": subscription["id"],
            "invoice_id": invoice["id"],
            "payment_id": invoice["latestPaymentId"],
            "method_id": tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"],
            "key": tenant.meter(),
            "code": tenant.post("/v1/coupons", coupon).data["code"],
            "key_id": tenant.post("/v1/api-keys", {"name": "K", "scope": "read"}).data["id"],
            "user_id": tenant.post("/v1/users", {"email": "ada@example.com", "role": "support"}).data["id"],
            "client_id": machine(tenant).id,
            "clock_id": tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"],
            "order_id": tenant.post("/v1/commerce/orders", {"currency": "USD", "items": [item]}).data["id"],
        }
        for name in ("customer", "plan", "subscription", "invoice", "order"):
            found[f"{name}Id"] = found[f"{name}_id"]
        return found | {"paymentMethodId": "pm_card_visa", "couponCode": "HALF", "providerTenantId": tenant.id}

    @property
    def is_let_in(self) -> bool:
        """Whether its key is still good: a story may have ended it."""
        return self.tenant.get("/v1/customers").status == 200

    def headers(self, operation: Json) -> dict[str, str]:
        """The credential that an operation asks for."""
        for wanted in operation.get("security", []):
            if "clientBasic" in wanted:
                return basic(self.app.id, self.app.data["secret"])
            if "apiKey" in wanted:
                platform = wanted["apiKey"] == ["platform"]
                return {"X-API-Key": self.world.platform_key if platform else self.tenant.key}
        return {}

    def at_home(self, case: Any) -> None:
        """Put ids of things that are there in the place of made-up ones."""
        for values in (case.path_parameters, case.body):
            if isinstance(values, dict):
                values.update({name: self.ids[name] for name in values if name in self.ids})


def gateway(world: World) -> Callable[[Json, Callable[..., Any]], Iterable[bytes]]:
    """The WSGI application: it makes Lambda events of requests. Before each two seconds pass, for the limits."""

    def handle(environ: Json, start_response: Callable[..., Any]) -> Iterable[bytes]:
        world.clock.advance(seconds=2)
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        headers.pop("accept-encoding", None)  # nothing in this process undoes what it asks for
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        event = http_event(
            environ["REQUEST_METHOD"], path, body=body or None, query=environ["QUERY_STRING"], headers=headers
        )
        answer = request(event)
        sent = [(name, str(value)) for name, value in answer.headers.items()]
        sent += [("Set-Cookie", each) for each in answer.cookies]
        start_response(f"{answer.status} {REASONS.get(answer.status, 'Whatever')}", sent)
        return [answer.content]

    return handle
