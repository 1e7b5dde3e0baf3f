"""Issue 19, number 1: a payer's page and another charge at once, in each order; one of them takes the money."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from billing.bootstrap import payments as payments_bootstrap
from billing.domain.payments.payment import Payment
from billing.storage.store import Store
from tests.integration.payer import open_invoice, saved_method
from tests.integration.payer_pages.browser import Payer, checkout_of, link_to, said
from tests.integration.world import Json, Tenant, World

PAYER = Payer()
PRICE = 1_234


@pytest.fixture
def invoice(tenant: Tenant) -> Json:
    """Open; its customer has a card that could be charged."""
    customer = tenant.customer()
    saved_method(tenant, customerId=customer)
    return open_invoice(tenant, PRICE, customerId=customer, autoCharge=False)


def _card_of(tenant: Tenant, invoice: Json) -> str:
    (method,) = tenant.get("/v1/payment-methods", customer=invoice["customerId"]).data
    return str(method["id"])


def _charge(tenant: Tenant, invoice: Json) -> int:
    answer = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": _card_of(tenant, invoice)})
    return answer.status


def _once(monkeypatch: pytest.MonkeyPatch, call: str, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    """Something happens right before and right after one call to Stripe, the first of its kind."""
    gateway = payments_bootstrap.stripe_gateway()
    real, left = getattr(gateway, call), [True]

    def beside(*arguments: Any) -> Any:
        first, left[:] = bool(left), []
        if first:
            before()
        answer = real(*arguments)
        if first:
            after()
        return answer

    monkeypatch.setattr(gateway, call, beside)


def _nothing() -> None:
    pass


def _paid_once(world: World, tenant: Tenant, invoice: Json) -> None:
    world.deliver_all(tenant)
    now = tenant.get(f"/v1/invoices/{invoice['id']}").data
    assert (now["status"], now["amountPaid"], now["amountDue"]) == ("paid", PRICE * 1000, 0)
    assert [each["amount"] for each in world.charges(tenant)].count(PRICE) == 1
    statuses = [each["status"] for each in tenant.get("/v1/payments", invoice=invoice["id"]).data]
    assert statuses.count("succeeded") == 1
    assert set(statuses) <= {"succeeded", "canceled"}


def test_a_charge_is_made_while_the_page_is_being_opened(
    world: World, tenant: Tenant, invoice: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charge commits first; the session that is left at Stripe is nobody's."""
    link = link_to(world, tenant, invoice)
    _once(monkeypatch, "open_checkout", _nothing, lambda: _charge(tenant, invoice))
    answer = PAYER.post(link)
    assert (answer.status, answer.headers["Location"]) == (303, link)
    assert "is paid" in said(PAYER.get(link))
    _paid_once(world, tenant, invoice)


def test_the_page_is_opened_twice_at_once(
    world: World, tenant: Tenant, invoice: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two windows; whoever commits second leads to the session of the first."""
    link, other = link_to(world, tenant, invoice), link_to(world, tenant, invoice, days=2)
    opened: list[str] = []
    _once(monkeypatch, "open_checkout", _nothing, lambda: opened.append(checkout_of(PAYER.post(other))))
    session = checkout_of(PAYER.post(link))
    assert opened == [session]
    world.acts(f"checkout/sessions/{session}/pay")
    assert "is paid" in said(PAYER.get(f"{link}?back=1"))
    _paid_once(world, tenant, invoice)


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_payer_pays_while_a_charge_takes_the_page_back(
    world: World, tenant: Tenant, invoice: Json, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Right before the session expires it is the payer who pays; right after it, Stripe takes nothing more."""
    session = checkout_of(PAYER.post(link_to(world, tenant, invoice)))
    took: list[int] = []

    def pays() -> None:
        took.append(world.acts(f"checkout/sessions/{session}/pay"))

    _once(monkeypatch, "expire_checkout", pays if when == "before" else _nothing, pays if when == "after" else _nothing)
    assert _charge(tenant, invoice) == 200
    assert took == [200 if when == "before" else 400]
    _paid_once(world, tenant, invoice)


def test_the_webhook_comes_while_the_page_looks_it_up(
    world: World, tenant: Tenant, invoice: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    world.acts(f"checkout/sessions/{session}/pay")
    _once(monkeypatch, "checkout_state", _nothing, lambda: world.deliver_all(tenant))
    assert "is paid" in said(PAYER.get(f"{link}?back=1"))
    _paid_once(world, tenant, invoice)


@pytest.mark.parametrize("query", ["?back=1", ""])
def test_the_webhook_comes_between_the_two_readings_of_a_page(
    world: World, tenant: Tenant, invoice: Json, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Of the invoice, and of its payment: what was read of a moment before it was paid showed the button once more."""
    link = link_to(world, tenant, invoice)
    world.acts(f"checkout/sessions/{checkout_of(PAYER.post(link))}/pay")
    left, real = [True], Store.load

    def load(store: Store, refs: Sequence[Any], *more: Any) -> Any:
        if left and any(ref.kind is Payment for ref in refs):
            left.clear()
            world.deliver_all(tenant)
        return real(store, refs, *more)

    monkeypatch.setattr(Store, "load", load)
    assert "is paid" in said(PAYER.get(f"{link}{query}"))
    assert not left
