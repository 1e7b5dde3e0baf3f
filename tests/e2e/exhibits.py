"""A tenant with one of each thing that the dashboard shows, and a canary in each text that somebody may choose."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from local.client import Client
from local.demo.providers import Provider
from tests.e2e.conftest import Seller, Stack, soon

SHORT = "<img src=/canary onerror=console.error(1)>"
CANARY = f'{SHORT}"><script>console.error("canary")</script>'
"""What reads it as markup asks for the picture, and says something on the console."""
PATIENCE_S = 120.0
BEGIN = "2026-01-01T00:00:00Z"
AFTER = "2026-01-20T00:00:00Z"
"""Later than a refund's window, on a buyer's test clock."""
VISIT = {"returnUrl": "https://shop.example/done", "refreshUrl": "https://shop.example/again"}


@dataclass
class Exhibits:
    """One of each.

    Args:
        seller: the tenant.
        ids: what stands in a route's address, by the route: "/customers/:id".
    """

    seller: Seller
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def laid_out(cls, stack: Stack) -> "Exhibits":
        """In a tenant of its own; what needs nothing of the others is made beside them."""
        made = cls(Seller.new(stack, CANARY))
        with ThreadPoolExecutor(3) as pool:
            parts = (made._settings, made._billing, made._developers, lambda: made._marketplace(stack))
            for part in [pool.submit(each) for each in parts]:
                part.result()
        made.ids["/events/:id"] = soon(lambda: made._client.get("/v1/events?limit=1"), PATIENCE_S)[0]["id"]
        made.ids["/reports/:name"] = "revenue"
        return made

    def place(self, route: str) -> str:
        """A route's address below the tenant's: "/customers/cus_1"."""
        if ":" not in route:
            return route
        return f"{route.rpartition('/')[0]}/{self.ids[route]}"

    @property
    def _client(self) -> Client:
        return self.seller.client.again()

    def _settings(self) -> None:
        tenant = {
            "legalName": CANARY,
            "taxId": CANARY,
            "address": {"line1": CANARY, "city": CANARY, "country": "US"},
            "branding": {"footer": CANARY, "legalLine": CANARY},
            "bankDetails": {"holder": SHORT, "iban": "DE02120300000000202051"},
        }
        self._client.patch(f"/v1/tenants/{self.seller.tenant_id}", tenant)
        self._client.post("/v1/users", {"email": "zoe@example.com", "name": CANARY, "role": "support"})
        self._client.post("/v1/provider/account", {"country": "US", "schedule": {"interval": "manual"}, **VISIT})

    def _billing(self) -> None:
        client = self._client
        customer = client.post("/v1/customers", named())
        component = {"key": "base", "type": "flat", "unitAmount": 4_999_000}
        plan = {"id": "exhibit", "name": CANARY, "currency": "USD", "interval": "month", "components": [component]}
        client.post("/v1/plans", plan)
        client.post("/v1/meters", {"key": "calls", "name": CANARY, "aggregation": "count"})
        coupon = f"EXHIBIT{secrets.token_hex(4).upper()}"
        client.post("/v1/coupons", {"code": coupon, "percentOff": "10", "duration": "forever"})
        subscription = {"customerId": customer["id"], "planId": "exhibit", "paymentMethodId": "pm_card_bypassPending"}
        subscribed = client.post("/v1/subscriptions", {**subscription, "metadata": {"note": CANARY}})
        one_off = {
            "customerId": customer["id"],
            "lines": [{"description": CANARY, "amount": 12_000_000}],
            "autoFinalize": True,
            "poNumber": SHORT,
            "metadata": {"note": CANARY},
        }
        invoice = client.post("/v1/invoices", one_off)
        note = client.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 2_000_000, "reason": CANARY})
        payment = client.get(f"/v1/payments?customer={customer['id']}")[0]
        client.sandbox("POST", f"/_sandbox/charges/{payment['paymentIntentId']}/dispute", {"reason": "fraudulent"})
        (dispute,) = soon(lambda: client.get(f"/v1/disputes?payment={payment['id']}"), PATIENCE_S)
        self.ids |= {
            "/customers/:id": customer["id"],
            "/subscriptions/:id": subscribed["id"],
            "/invoices/:id": invoice["id"],
            "/credit-notes/:id": note["id"],
            "/payments/:id": payment["id"],
            "/disputes/:id": dispute["id"],
            "/plans/:id": "exhibit",
            "/coupons/:id": coupon,
        }

    def _developers(self) -> None:
        client = self._client
        client.post("/v1/api-keys", {"name": CANARY, "scope": "read", "metadata": {"note": CANARY}})
        endpoint = {"url": "http://127.0.0.1:9/hooks", "eventTypes": ["payout.*"], "description": CANARY}
        self.ids["/webhooks/:id"] = client.post("/v1/webhook-endpoints", endpoint)["id"]
        self.ids["/test-clocks/:id"] = client.post("/v1/test-clocks", {"frozenTime": BEGIN})["id"]

    def _marketplace(self, stack: Stack) -> None:
        provider = Provider.onboarded(Client(asdict(stack), key=stack.platform_api_key), CANARY)
        client = self._client
        clock = client.post("/v1/test-clocks", {"frozenTime": BEGIN})["id"]
        buyer = client.post("/v1/customers", named(testClockId=clock))
        own, theirs = thing(500_000_00), thing(100_000_00, providerTenantId=provider.id, commissionBps=1_500)
        order = {"customerId": buyer["id"], "currency": "USD", "items": [own, theirs], "metadata": {"note": CANARY}}
        made = client.post("/v1/commerce/orders", order)
        client.post(f"/v1/commerce/orders/{made['id']}/pay", {"paymentMethodId": "pm_card_bypassPending"})
        client.advance(clock, AFTER, PATIENCE_S)
        (payout,) = client.post("/v1/payouts/trigger", {"providerTenantId": provider.id})["payouts"]
        provider.payout(payout["id"], "in_transit")
        self.ids |= {"/orders/:id": made["id"], "/payouts/:id": payout["id"]}


def named(**more: Any) -> dict[str, Any]:
    """A customer, with the canary wherever a text goes."""
    address = {"line1": CANARY, "line2": CANARY, "city": CANARY, "postalCode": "10001", "state": "NY", "country": "US"}
    body = {"name": CANARY, "email": "ada@example.com", "address": address, "metadata": {"note": CANARY}}
    return {**body, "externalId": f"{CANARY}{secrets.token_hex(4)}", "poNumber": SHORT, **more}


def thing(amount: int, **more: Any) -> dict[str, Any]:
    """An item of an order.

    Args:
        amount: of one, in micro-units.
    """
    return {"sku": "thing", "description": CANARY, "unitAmount": amount, "commissionBps": 0, **more}
