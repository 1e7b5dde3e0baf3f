"""A customer's walk through the portal: every page, and every act."""

import requests

from tests.integration.portal.visitor import switch_on, visit
from tests.integration.world import Tenant, World


def walk_portal(world: World, tenant: Tenant) -> None:
    """On the wall clock and on a test clock, with usage, taxes and a card that is declined."""
    tenant.plan()
    component = {"key": "calls", "type": "metered", "model": "per_unit", "unitAmount": 10_000, "meter": tenant.meter()}
    base = {"key": "base", "type": "flat", "unitAmount": 9_999_000}
    tenant.plan(id="team", name="Team", components=[base, component])
    tenant.patch(f"/v1/tenants/{tenant.id}", {"taxProvider": "builtin"})
    switch_on(tenant, plans=["business-monthly", "team"], cancel="either")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2026-01-31T00:00:00Z"}).data
    for fields in ({}, {"testClockId": clock["id"]}):
        address = {"line1": "Example Road 12", "city": "Berlin", "postalCode": "10115", "country": "DE"}
        _walk(world, tenant, tenant.customer(address=address, **fields))
    _owing(tenant, tenant.customer(address=address))


def _walk(world: World, tenant: Tenant, customer: str) -> None:
    subscription = tenant.subscribe(customerId=customer)
    invoice = subscription["latestInvoiceId"]
    note = tenant.post(f"/v1/invoices/{invoice}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"}).data
    visitor = visit(tenant, customer)
    at = f"/portal/subscriptions/{subscription['id']}"
    for path in ("invoices", f"invoices/{invoice}/pdf", f"credit-notes/{note['id']}/pdf", "usage", "details", "cards"):
        assert visitor.get(f"/portal/{path}").status == 200, path
    page = visitor.submit("/portal/cards/add").headers["Location"]
    requests.post(page, data={"number": "5555 5555 5555 4444"}, allow_redirects=False, timeout=60)
    world.deliver_all(tenant)
    steps = [
        ("/portal/cards", "/portal/cards/choose"), ("/portal/cards", "/portal/cards/remove"),
        ("/portal/details", "/portal/details"), (f"{at}/change?q.seats=110", f"{at}/change"),
        (f"{at}/change?plan=team", f"{at}/change"), (f"{at}/pause", f"{at}/pause"), (f"{at}/resume", f"{at}/resume"),
        (f"{at}/cancel", f"{at}/cancel"), ("/portal", f"{at}/resume"),
    ]  # fmt: skip
    for shown, act in steps:
        assert visitor.get(shown).status == 200, shown
        visitor.submit(act, **({"name": "Ada Lovelace"} if act == "/portal/details" else {}))
        assert visitor.follow().status == 200, act
    if subscription["testClockId"] is None:
        used = {
            "eventId": f"used-{customer}",
            "subscriptionId": subscription["id"],
            "meter": "api_calls",
            "quantity": 9,
        }
        world.usage_messages()
        sent = tenant.post("/v1/usage/events", {"events": [used | {"timestamp": world.clock().isoformat()}]})
        assert sent.status == 202, sent.json
        world.count_usage()
    visitor.get(f"{at}/cancel")
    visitor.submit(f"{at}/cancel", when="now")
    assert visitor.follow().status == 200
    visitor.submit("/portal/leave")


def _owing(tenant: Tenant, customer: str) -> None:
    """More seats that no card pays, and then fewer: what is given back is taken off what is owed."""
    subscription = tenant.subscribe(customerId=customer)
    path = f"/v1/subscriptions/{subscription['id']}"
    assert tenant.patch(path, {"paymentMethodId": "pm_card_chargeCustomerFail"}).status == 200
    visitor = visit(tenant, customer)
    at = f"/portal/subscriptions/{subscription['id']}/change"
    for seats in (150, 120):
        visitor.get(f"{at}?q.seats={seats}")
        visitor.submit(at)
        assert visitor.follow().status == 200
    _never_begun(tenant)


def _never_begun(tenant: Tenant) -> None:
    """Nobody has paid for it yet, and a part is credited already: what is left of it is credited, too."""
    customer = tenant.customer(address={"line1": "Example Road 12", "city": "Berlin", "country": "DE"})
    begun = tenant.subscribe(None, customerId=customer)
    notes = f"/v1/invoices/{begun['latestInvoiceId']}/credit-notes"
    assert tenant.post(notes, {"amount": 1_000_000, "reason": "goodwill"}).status == 201
    visitor = visit(tenant, customer)
    cancel = f"/portal/subscriptions/{begun['id']}/cancel"
    visitor.get(cancel)
    visitor.submit(cancel, when="now")
    assert visitor.follow().status == 200
