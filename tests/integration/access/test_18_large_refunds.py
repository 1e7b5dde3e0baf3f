"""Issue 18: a large refund asks for the password again, by whichever route; nothing is written before."""

import secrets
from dataclasses import replace

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.money import Money
from tests.integration.access.dashboard import Dashboard
from tests.integration.access.test_18_reauthentication import enters, refused, signed_in_long_ago
from tests.integration.marketplace.market import CARD, Market, item
from tests.integration.world import Answer, Json, Tenant, World, http_event, request

LIMIT = 5_000_000
"""50.00"""


@pytest.fixture
def acme(world: World) -> Tenant:
    """A tenant that lets 50.00 of a payment go back without the password."""
    tenant = world.tenant()
    patched = tenant.patch(f"/v1/tenants/{tenant.id}", {"refundReauthenticationAbove": LIMIT})
    assert patched.data["refundReauthenticationAbove"] == LIMIT
    world.clock.advance(minutes=2)
    return tenant


@pytest.fixture
def page(world: World, acme: Tenant) -> Dashboard:
    return signed_in_long_ago(world, acme)


def posts(page: Dashboard, path: str, body: str, key: str | None = None) -> Answer:
    """A write of the page's."""
    headers = {"authorization": f"Bearer {page.tokens['access_token']}"}
    return request(http_event("POST", path, body=body, idempotency_key=key or secrets.token_hex(8), headers=headers))


def paid(tenant: Tenant, amount: int) -> Json:
    """A payment of an amount, of no invoice."""
    customer = tenant.customer()
    made = tenant.post(
        "/v1/payments", {"customerId": customer, "amount": amount, "currency": "USD", "paymentMethodId": CARD}
    )
    assert made.status == 201, made.json
    return made.data


def test_18_a_payments_refund(world: World, acme: Tenant, page: Dashboard) -> None:
    """What went back before counts: nobody splits a large refund up."""
    payment = paid(acme, 12_000_000)
    path, large = f"/v1/payments/{payment['id']}/refund", '{"amount": 5001000}'
    key = secrets.token_hex(8)
    before = world.snapshot()["refunds"]
    refused(posts(page, path, large, key))
    refused(posts(page, path, "{}"))
    assert world.snapshot()["refunds"] == before
    assert posts(page, path, '{"amount": 5000000}').status == 201
    refused(posts(page, path, '{"amount": 1000}'))
    assert acme.post(path, {"amount": 1_000}).status == 201  # a key is not concerned
    assert enters(page).status == 204
    page.renews()
    assert posts(page, path, large, key).status == 201
    assert acme.get(f"/v1/payments/{payment['id']}").data["amountRefunded"] == 10_002_000


def test_18_a_credit_note_that_refunds(world: World, acme: Tenant, page: Dashboard) -> None:
    acme.plan()
    invoice = acme.get(f"/v1/invoices/{acme.subscribe()['latestInvoiceId']}").data
    total = invoice["total"]
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    acme.patch(f"/v1/tenants/{acme.id}", {"refundReauthenticationAbove": total - 1_000})
    world.clock.advance(minutes=2)
    page.renews()
    body = '{"amount": %d, "reason": "goodwill", "refund": %s}'
    refused(posts(page, path, body % (total, "true")))
    assert acme.get(path).data == []
    refused(posts(page, f"/v1/payments/{invoice['latestPaymentId']}/refund", "{}"))
    assert posts(page, path, body % (1_000, "true")).status == 201
    assert posts(page, path, body % (total - 1_000, "false")).status == 201  # no money goes out


def test_18_an_orders_refund(world: World, acme: Tenant, page: Dashboard) -> None:
    market = Market(world, acme, world.tenant(), world.tenant())
    order = market.sold(item(6000, 1000, market.x))
    path = f"/v1/commerce/orders/{order['id']}/refund"
    refused(posts(page, path, "{}"))
    assert acme.get(f"/v1/commerce/orders/{order['id']}").data["status"] == order["status"]
    assert posts(page, path, '{"amount": 1000000}').status == 201


def test_18_the_limit_itself_asks(world: World, acme: Tenant, page: Dashboard) -> None:
    """Or a stolen token would lift it first."""
    path, headers = f"/v1/tenants/{acme.id}", {"authorization": f"Bearer {page.tokens['access_token']}"}
    for body in (
        '{"refundReauthenticationAbove": 1000000000}', '{"ipAllowList": []}', '{"adminsUseAuthenticator": false}',
    ):  # fmt: skip
        refused(request(http_event("PATCH", path, body=body, idempotency_key=secrets.token_hex(8), headers=headers)))
    named = http_event("PATCH", path, body='{"name": "A"}', idempotency_key=secrets.token_hex(8), headers=headers)
    assert request(named).status == 200
    for value in (-1, 1.5, None, "1", 10**15 + 1):
        wrong = acme.patch(path, {"refundReauthenticationAbove": value})
        assert (wrong.status, wrong.error["details"][0]["field"]) == (400, "refundReauthenticationAbove"), value


def test_18_what_is_large(world: World) -> None:
    tenant = world.tenant().data
    assert tenant["refundReauthenticationAbove"] == 100_000_000
    settings = storage.tenants().get("platform")
    assert not settings.is_large_refund(Money(100_000_000, "USD"))
    assert settings.is_large_refund(Money(100_000_001, "USD"))
    assert settings.is_large_refund(Money(1, "EUR"))
    assert replace(settings, refund_reauthentication_above=0).is_large_refund(Money(1, "USD"))
