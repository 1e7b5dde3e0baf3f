"""A payer's walk: an invoice is looked at, printed, paid on Stripe's page, and what becomes of it is looked up."""

import json
from urllib.parse import urlsplit

from tests.integration.payer import declined_renewal, open_invoice, tried_again_at_stripe
from tests.integration.payer_pages.browser import Payer, checkout_of
from tests.integration.world import Tenant, World


def walk_payer(world: World, tenant: Tenant) -> None:
    """Invoices of all kinds: by hand, of a subscription, on a test clock, of a customer deleted at Stripe."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2026-01-31T00:00:00Z"}).data
    on_clock = tenant.customer(testClockId=clock["id"])
    tenant.subscribe(customerId=tenant.customer())
    world.deliver_all(tenant)
    deleted = tenant.customer()
    tenant.subscribe(customerId=deleted)
    world.deliver_all(tenant)
    (stripe_id,) = (
        each["id"]
        for each in map(json.loads, map(str, world.stripe.v1.customers.list({"limit": 100}).data))
        if each["metadata"].get("customer_id") == deleted
    )
    world.stripe.v1.customers.delete(stripe_id)
    unpaid = tenant.subscribe(None, customerId=tenant.customer())["latestInvoiceId"]
    made = [open_invoice(tenant, customerId=each)["id"] for each in (on_clock, tenant.customer())]
    made.append(open_invoice(tenant, customerId=deleted, autoCharge=False)["id"])
    for invoice_id in (unpaid, *made):
        link = urlsplit(tenant.post(f"/v1/invoices/{invoice_id}/payment-link").data["url"]).path
        payer = Payer()
        assert payer.get(link).status == 200
        assert payer.get(f"{link}/pdf").status == 200
        session = checkout_of(payer.post(link))
        world.acts(f"checkout/sessions/{session}/pay", payment_method="pm_card_chargeDeclined")
        assert payer.get(f"{link}?back=1").status == 200
        world.acts(f"checkout/sessions/{session}/pay")
        assert payer.get(f"{link}?back=1").status == 200
        assert tenant.get(f"/v1/invoices/{invoice_id}").data["status"] == "paid"
    Payer().get("/pay/nonsense")
    world.deliver_all(tenant)
    _pays_twice(world, tenant)


def _pays_twice(world: World, tenant: Tenant) -> None:
    """Somebody has a declined charge tried again in Stripe's dashboard while the payer is on Stripe's page."""
    customer = tenant.customer()
    unpaid, declined = declined_renewal(world, tenant, customer)
    link = urlsplit(tenant.post(f"/v1/invoices/{unpaid['id']}/payment-link").data["url"]).path
    payer = Payer()
    session = checkout_of(payer.post(link))
    tried_again_at_stripe(world, tenant, declined)
    world.acts(f"checkout/sessions/{session}/pay")
    assert payer.get(f"{link}?back=1").status == 200
    assert tenant.get(f"/v1/customers/{customer}/balance").data["amount"] == unpaid["total"]
    world.deliver_all(tenant)
