"""What tests of several capabilities do and look at: the shortest words for it."""

import json
from typing import Any

from billing.storage.packing import unpack
from tests.integration.cash import before_fees
from tests.integration.world import Answer, Json, Tenant, World

START = "2027-01-31T09:00:00Z"
THREE_DS = "pm_card_authenticationRequired"


def flat(tenant: Tenant, plan_id: str, cents: int, **fields: Any) -> str:
    """A plan of one flat price."""
    component = {"key": "base", "type": "flat", "unitAmount": cents * 1000}
    return tenant.plan(id=plan_id, name=plan_id, components=[component], **fields)


def subscribed(tenant: Tenant, plan_id: str, at: str, **fields: Any) -> tuple[str, str]:
    """A paid subscription that began at an instant: its clock's id and its own."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": at}).data["id"]
    customer = tenant.customer(testClockId=clock, currency=fields.pop("currency", "USD"))
    made = tenant.subscribe(planId=plan_id, quantities={}, customerId=customer, **fields)
    assert made["state"] == "active"
    return clock, made["id"]


def advance(world: World, tenant: Tenant, clock: str, to: str) -> None:
    """Move the clock; everything due happens."""
    answer = tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to})
    assert answer.status == 202, answer.json
    world.drain()
    now = tenant.get(f"/v1/test-clocks/{clock}").data
    assert (now["status"], now["frozenTime"]) == ("ready", to)


def nets(lines: list[Json]) -> list[float]:
    """What lines come to after their discounts, in minor units."""
    return [(line["amount"] - sum(d["amount"] for d in line["discounts"])) / 1000 for line in lines]


def subscription_of(tenant: Tenant, made: Json) -> Json:
    found: Json = tenant.get(f"/v1/subscriptions/{made['id']}").data
    return found


def invoices_of(tenant: Tenant, made: Json) -> list[Json]:
    """A subscription's invoices, oldest first."""
    found: list[Json] = tenant.get("/v1/invoices", subscription=made["id"]).data
    return found[::-1]


def pay(tenant: Tenant, invoice: Json, method: str | None = None) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": method} if method else None)


def at_stripe(world: World, intent_id: str) -> str:
    """A PaymentIntent's status."""
    return world.stripe.v1.payment_intents.retrieve(intent_id).status


def authenticate(world: World, intent_id: str, succeed: bool) -> None:
    """The payer's answer to the form."""
    world.sandbox.post(f"payment_intents/{intent_id}/authenticate", succeed=succeed)


def behave(world: World, method_id: str, decline: str | None) -> None:
    """What a card does from now on."""
    world.sandbox.post(f"payment_methods/{method_id}/behaviour", decline=decline)


def books(world: World, tenant: Tenant) -> dict[str, int]:
    """The balance of every account, in micro-units. Each entry has to balance."""
    sums: dict[str, int] = {}
    for row in world.rows_of("ledger", tenant.id):
        postings = json.loads(row["body"]["S"])["postings"]
        assert sum(posting["amount"]["micros"] for posting in postings) == 0
        for posting in postings:
            sums[posting["account"]] = sums.get(posting["account"], 0) + posting["amount"]["micros"]
    return before_fees(sums)


def emitted(world: World, tenant: Tenant) -> list[tuple[str, Json]]:
    """The type and the object of each of a tenant's events, in order of their ids."""
    from billing.bootstrap import storage

    rows = sorted(world.rows_of("events", tenant.id), key=lambda row: row["id"]["S"])
    opened = storage.vault().open
    return [
        (row["type"]["S"], json.loads(unpack(opened(tenant.id, f"event/{row['id']['S']}", row["body"]["S"])))["object"])
        for row in rows
    ]


def event_types(world: World, tenant: Tenant) -> list[str]:
    return [name for name, _ in emitted(world, tenant)]
