"""Issue 19, number 1: whoever dies on the way to Stripe's page or back from it, the invoice is paid once."""

import pytest

from tests.integration.payer import open_invoice, sweep
from tests.integration.payer_pages.browser import Payer, checkout_of, link_to, said
from tests.integration.steps import event_types
from tests.integration.webhooks.cuts import MODES, cut, every_cut
from tests.integration.world import Json, Tenant, World

PAYER = Payer()
SESSIONS = "/v1/checkout/sessions"


@pytest.fixture(autouse=True)
def no_pauses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.bootstrap import storage

    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)


def _paid_once(world: World, tenant: Tenant, invoice: Json) -> bool:
    """Whether it is paid, by one charge, told of once; and no page is left on which it could be paid again."""
    now = tenant.get(f"/v1/invoices/{invoice['id']}").data
    charged = [each for each in world.charges(tenant) if each["metadata"]["invoice_id"] == invoice["id"]]
    attempts = tenant.get("/v1/payments", invoice=invoice["id"]).data
    ended = [each["status"] for each in attempts] == ["succeeded"]
    return (now["status"], now["amountPaid"], len(charged), ended) == ("paid", invoice["total"], 1, True)


def _look(world: World, tenant: Tenant, invoice: Json) -> None:
    """The worker's turn at what became due."""
    for each in tenant.get("/v1/payments", invoice=invoice["id"]).data:
        sweep(world, each)


@pytest.mark.parametrize("mode", MODES)
def test_on_the_way_to_the_page(world: World, tenant: Tenant, mode: str) -> None:
    """At each call of AWS; the payer presses the button again, and pays on the page that it is led to."""

    def once(n: int) -> list[str]:
        invoice = open_invoice(tenant)
        link = link_to(world, tenant, invoice)
        with cut(mode, n) as calls:
            PAYER.post(link)
        session = checkout_of(PAYER.post(link))
        assert world.acts(f"checkout/sessions/{session}/pay") == 200
        assert "is paid" in said(PAYER.get(f"{link}?back=1")), (n, calls)
        assert _paid_once(world, tenant, invoice), (n, calls)
        return calls

    assert every_cut(mode, once) >= 4


@pytest.mark.parametrize("mode", MODES)
def test_on_the_way_back(world: World, tenant: Tenant, mode: str) -> None:
    """At each call of AWS, while the look at Stripe is settled; then the webhook comes, and the page again."""

    def once(n: int) -> list[str]:
        invoice = open_invoice(tenant)
        link = link_to(world, tenant, invoice)
        world.acts(f"checkout/sessions/{checkout_of(PAYER.post(link))}/pay")
        with cut(mode, n) as calls:
            PAYER.get(f"{link}?back=1")
        if n % 2:
            world.deliver_all(tenant)
        assert "is paid" in said(PAYER.get(f"{link}?back=1")), (n, calls)
        world.deliver_all(tenant)
        assert _paid_once(world, tenant, invoice), (n, calls)
        return calls

    assert every_cut(mode, once) >= 5
    paid = len(tenant.get("/v1/invoices", status="paid", limit=100).data)
    assert event_types(world, tenant).count("invoice.paid") == paid


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("times", [1, 2])
def test_stripes_answer_gets_lost(world: World, tenant: Tenant, kind: str, times: int) -> None:
    """When the page is opened, and when what was open is taken back; two are a whole call with its second try."""
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    world.sandbox.post("faults", kind=kind, path=f"{SESSIONS}$", method="POST", times=times)
    first = PAYER.post(link)
    assert first.status in (303, 503)
    world.stripe_works()
    before = checkout_of(PAYER.post(link))
    assert len(tenant.get("/v1/payments", invoice=invoice["id"]).data) == 1
    assert tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000}).status == 201
    world.sandbox.post("faults", kind=kind, path=f"{SESSIONS}/.*/expire", method="POST", times=times)
    PAYER.post(link)
    world.stripe_works()
    session = checkout_of(PAYER.post(link))
    assert world.stripe.v1.checkout.sessions.retrieve(before).status == "expired"
    world.acts(f"checkout/sessions/{session}/pay")
    assert "is paid" in said(PAYER.get(f"{link}?back=1"))
    assert [each["amount_received"] for each in world.charges(tenant)] == [3_999]


def test_nobody_returns_and_no_webhook_comes(world: World, tenant: Tenant) -> None:
    """The alarm clock looks when the payer's day is over."""
    invoice = open_invoice(tenant)
    session = checkout_of(PAYER.post(link_to(world, tenant, invoice)))
    world.acts(f"checkout/sessions/{session}/pay")
    world.clock.advance(hours=24, minutes=1)
    _look(world, tenant, invoice)
    assert _paid_once(world, tenant, invoice)


def test_a_page_that_nobody_paid_on_ends_with_the_day(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    session = checkout_of(PAYER.post(link_to(world, tenant, invoice)))
    world.clock.advance(hours=24, minutes=1)
    _look(world, tenant, invoice)
    assert world.stripe.v1.checkout.sessions.retrieve(session).status == "expired"
    assert tenant.get(f"/v1/invoices/{invoice['id']}").data["status"] == "open"
    assert world.charges(tenant) == []
