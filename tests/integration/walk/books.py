"""A tenant's items and what Stripe has of it, for the laws of the fault tests."""

import json
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.faults.books import AtStripe, Books, Json
from tests.faults.laws import violations
from tests.integration.world import Tenant, World

_OWNERS = ("tenant_id", "record_id", "event_key", "subscription_key", "caller_id")
_PLAIN = TypeDeserializer()


def books_of(world: World, tenant: Tenant) -> Books:
    """Every item of the tenant's."""
    rows: Json = {}
    for table in world.tables:
        own = [{name: _plain(value) for name, value in row.items()} for row in world.rows(table)]
        rows[table] = [row for row in own if any(str(row.get(each, "")).startswith(tenant.id) for each in _OWNERS)]
    return Books(rows)


def _plain(value: Json) -> Any:
    found = _PLAIN.deserialize(value)
    return int(found) if "N" in value else found


def at_stripe(world: World, tenant: Tenant) -> AtStripe:
    """What Stripe has of the tenant."""
    intents = world.intents(tenant)
    own = {each["id"] for each in intents}
    api = world.stripe.v1
    pages = (api.charges.list, api.refunds.list, api.disputes.list)
    charges, refunds, disputes = (
        [each for each in _all(listed({"limit": 100})) if each["payment_intent"] in own] for listed in pages
    )
    return AtStripe(intents, charges, refunds, disputes)


def _all(page: Any) -> list[Json]:
    return [json.loads(str(each)) for each in page.auto_paging_iter()]


def broken_laws(world: World, tenant: Tenant) -> list[str]:
    """Every law of money that the tenant's books break, in words."""
    return violations(books_of(world, tenant), at_stripe(world, tenant))
