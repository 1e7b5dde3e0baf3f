"""Issue 19, number 1: an invoice is paid on Stripe's page, once, however its payer, the webhooks and the sweep come."""

from urllib.parse import urlencode

import pytest

from billing.domain.payments.payment import PaymentStatus
from tests.integration.payer import open_invoice, saved_method
from tests.integration.payer_pages.browser import Payer, checkout_of, link_to, said
from tests.integration.steps import event_types
from tests.integration.world import Json, Tenant, World, http_event, request

PAYER = Payer()
PAID = "This invoice is paid."


def _now(tenant: Tenant, invoice: Json) -> Json:
    found: Json = tenant.get(f"/v1/invoices/{invoice['id']}").data
    return found


def _attempts(tenant: Tenant, invoice: Json) -> list[Json]:
    listed: list[Json] = tenant.get("/v1/payments", invoice=invoice["id"]).data
    return sorted(listed, key=lambda each: str(each["createdAt"]))


def _is_paid_once(world: World, tenant: Tenant, invoice: Json) -> None:
    now = _now(tenant, invoice)
    assert (now["status"], now["amountPaid"], now["amountDue"]) == ("paid", invoice["total"], 0)
    assert [each["amount_received"] for each in world.charges(tenant)] == [invoice["total"] // 1000]
    assert event_types(world, tenant).count("invoice.paid") == 1


def test_the_page_says_paid_when_the_payer_returns_before_the_webhook(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    page = PAYER.get(link)
    assert "Pay $49.99 by card" in said(page)
    assert "form-action 'self' http://127.0.0.1:" in page.headers["Content-Security-Policy"]
    session = checkout_of(PAYER.post(link))
    assert world.acts(f"checkout/sessions/{session}/pay") == 200
    back = world.stripe.v1.checkout.sessions.retrieve(session).success_url
    assert back is not None
    assert back.startswith(f"https://billing.example{link}?")
    assert PAID in said(PAYER.get(back))
    _is_paid_once(world, tenant, invoice)
    world.deliver_all(tenant)  # late, and nothing new
    _is_paid_once(world, tenant, invoice)
    (payment,) = _attempts(tenant, invoice)
    assert payment["status"] == "succeeded"


def test_the_page_says_paid_when_the_webhook_was_first(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    world.acts(f"checkout/sessions/{checkout_of(PAYER.post(link))}/pay")
    world.deliver_all(tenant)
    _is_paid_once(world, tenant, invoice)
    for each in (link, f"{link}?back=1", link):
        page = PAYER.get(each)
        assert PAID in said(page)
        assert "<form" not in page.content.decode()
    assert PAYER.post(link).headers["Location"] == link
    _is_paid_once(world, tenant, invoice)


def test_a_decline_is_said_and_the_same_page_is_gone_on_with(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    assert world.acts(f"checkout/sessions/{session}/pay", payment_method="pm_card_chargeDeclined") == 402
    assert "was declined" in said(PAYER.get(f"{link}?back=1"))
    assert checkout_of(PAYER.post(link)) == session
    world.acts(f"checkout/sessions/{session}/pay")
    world.deliver_all(tenant)
    assert PAID in said(PAYER.get(link))
    _is_paid_once(world, tenant, invoice)


def test_the_way_back_works_when_the_link_has_ended(world: World, tenant: Tenant) -> None:
    """Who presses the button in a link's last minutes has a day at Stripe, and is told there what became of it."""
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice, days=0.01)
    session = checkout_of(PAYER.post(link))
    back = world.stripe.v1.checkout.sessions.retrieve(session).success_url
    assert back is not None
    assert checkout_of(PAYER.post(link)) == session
    world.clock.advance(hours=23)
    assert world.acts(f"checkout/sessions/{session}/pay") == 200
    assert PAYER.get(link).status == 410
    assert PAID in said(PAYER.get(back))
    _is_paid_once(world, tenant, invoice)
    world.clock.advance(hours=9)
    assert PAYER.get(back).status == 410


def test_3d_secure_is_answered_at_stripe(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    world.acts(f"checkout/sessions/{session}/pay", payment_method="pm_card_threeDSecure2Required")
    assert PAID not in said(PAYER.get(f"{link}?back=1"))
    world.acts(f"checkout/sessions/{session}/authenticate", succeed=False)
    assert "bank" in said(PAYER.get(f"{link}?back=1")) or "declined" in said(PAYER.get(f"{link}?back=1"))
    world.acts(f"checkout/sessions/{session}/pay", payment_method="pm_card_threeDSecure2Required")
    world.acts(f"checkout/sessions/{session}/authenticate")
    assert PAID in said(PAYER.get(f"{link}?back=1"))
    _is_paid_once(world, tenant, invoice)


def test_a_second_click_and_a_second_window_lead_to_the_same_page(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    first, other = link_to(world, tenant, invoice), link_to(world, tenant, invoice, days=3)
    sessions = {
        checkout_of(PAYER.post(first)),
        checkout_of(PAYER.post(first)),
        checkout_of(PAYER.post(other, lang="de")),
    }
    assert len(sessions) == 1
    assert len(_attempts(tenant, invoice)) == 1


def test_a_charge_by_the_tenant_ends_the_payers_page(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    method = saved_method(tenant, customerId=customer)
    invoice = open_invoice(tenant, 1_234, customerId=customer, autoCharge=False)
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    assert tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": method}).status == 200
    assert world.stripe.v1.checkout.sessions.retrieve(session).status == "expired"
    assert world.acts(f"checkout/sessions/{session}/pay") == 400
    assert PAID in said(PAYER.get(f"{link}?back=1"))
    charged = [each["amount"] for each in world.charges(tenant)]
    assert charged.count(1_234) == 1


def test_a_payer_who_was_faster_is_not_charged_beside_it(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    method = saved_method(tenant, customerId=customer)
    invoice = open_invoice(tenant, 1_234, customerId=customer, autoCharge=False)
    session = checkout_of(PAYER.post(link_to(world, tenant, invoice)))
    world.acts(f"checkout/sessions/{session}/pay")  # and nobody has told us
    paid = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": method})
    assert paid.data["status"] == "paid", paid.json
    assert [each["amount"] for each in world.charges(tenant)].count(1_234) == 1


def test_what_a_credit_note_took_is_not_asked_for(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant, 5_000)
    link = link_to(world, tenant, invoice)
    before = checkout_of(PAYER.post(link))
    credited = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 2_000_000})
    assert credited.status == 201, credited.json
    after = checkout_of(PAYER.post(link))
    assert world.stripe.v1.checkout.sessions.retrieve(after).amount_total == 3_000
    assert world.stripe.v1.checkout.sessions.retrieve(before).status == "expired"


@pytest.fixture
def upgraded(tenant: Tenant) -> tuple[Json, Json]:
    """A subscription whose last change could not be charged, and the open invoice of it."""
    subscription = tenant.subscribe(customerId=tenant.customer())
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"paymentMethodId": "pm_card_chargeCustomerFail"})
    seats(tenant, subscription, 110)
    invoice = tenant.get("/v1/invoices", customer=subscription["customerId"]).data[0]
    assert invoice["status"] == "open"
    return subscription, invoice


def seats(tenant: Tenant, subscription: Json, count: int) -> None:
    """Change a subscription, and bill that, or give it back, at once."""
    wanted = {"quantities": {"seats": count}, "prorationBehavior": "invoice_now"}
    answer = tenant.patch(f"/v1/subscriptions/{subscription['id']}", wanted)
    assert answer.status == 200, answer.json


@pytest.mark.parametrize("left", [105, 100])
def test_what_a_change_gives_back_is_not_asked_for(
    world: World, tenant: Tenant, upgraded: tuple[Json, Json], left: int
) -> None:
    subscription, invoice = upgraded
    link = link_to(world, tenant, invoice)
    before = checkout_of(PAYER.post(link))
    seats(tenant, subscription, left)
    assert world.stripe.v1.checkout.sessions.retrieve(before).status == "expired"
    assert world.acts(f"checkout/sessions/{before}/pay") == 400
    due = _now(tenant, invoice)["amountDue"]
    if left == 100:
        assert (due, _now(tenant, invoice)["status"]) == (0, "paid")
    else:
        after = checkout_of(PAYER.post(link))
        assert world.stripe.v1.checkout.sessions.retrieve(after).amount_total == due // 1000 < invoice["total"] // 1000


def test_who_paid_before_a_change_gave_it_back_has_credit(
    world: World, tenant: Tenant, upgraded: tuple[Json, Json]
) -> None:
    subscription, invoice = upgraded
    world.acts(f"checkout/sessions/{checkout_of(PAYER.post(link_to(world, tenant, invoice)))}/pay")
    seats(tenant, subscription, 105)  # and nobody has told us
    world.deliver_all(tenant)
    now = _now(tenant, invoice)
    assert (now["status"], now["amountPaid"]) == ("paid", invoice["total"])
    credit = tenant.get(f"/v1/customers/{subscription['customerId']}/balance").data["amount"]
    assert credit == -tenant.get("/v1/invoices", customer=subscription["customerId"]).data[0]["total"] > 0
    assert tenant.get(f"/v1/subscriptions/{subscription['id']}").data["state"] == "active"
    assert event_types(world, tenant).count("invoice.paid") >= 2


def test_what_stripe_is_processing_pays_and_the_credits_stay(
    world: World, tenant: Tenant, upgraded: tuple[Json, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing.bootstrap import payments
    from billing.services.payments.processor import ChargeResult

    subscription, invoice = upgraded
    session = checkout_of(PAYER.post(link_to(world, tenant, invoice)))
    processing = ChargeResult(PaymentStatus.PENDING, None)
    with monkeypatch.context() as patch:
        patch.setattr(payments.stripe_gateway(), "cancel_charge", lambda _: processing)
        seats(tenant, subscription, 105)
    assert _now(tenant, invoice)["amountDue"] == invoice["total"]
    assert tenant.get(f"/v1/customers/{subscription['customerId']}/balance").data["amount"] > 0
    world.acts(f"checkout/sessions/{session}/pay")
    world.deliver_all(tenant)
    assert _now(tenant, invoice)["amountPaid"] == invoice["total"]


def test_a_void_invoice_takes_no_money(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    assert tenant.post(f"/v1/invoices/{invoice['id']}/void").status == 200
    assert world.stripe.v1.checkout.sessions.retrieve(session).status == "expired"
    assert "was canceled" in said(PAYER.get(link))
    assert PAYER.post(link).headers["Location"] == link


def test_one_that_was_given_up_can_still_be_paid(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    assert tenant.post(f"/v1/invoices/{invoice['id']}/uncollectible").status == 200
    link = link_to(world, tenant, invoice)
    world.acts(f"checkout/sessions/{checkout_of(PAYER.post(link))}/pay")
    assert PAID in said(PAYER.get(f"{link}?back=1"))
    assert _now(tenant, invoice)["status"] == "paid"


def test_a_day_later_the_page_is_over_and_another_one_is_opened(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    session = checkout_of(PAYER.post(link))
    world.acts(f"checkout/sessions/{session}/expire")
    other = checkout_of(PAYER.post(link))
    assert other != session
    statuses = sorted(each["status"] for each in _attempts(tenant, invoice))
    assert statuses == ["canceled", "requires_payment_method"]


def test_while_stripe_is_down_the_page_says_so_and_nothing_is_written(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    world.stripe_fails("status", "/v1/checkout/sessions.*", status=503)
    page = PAYER.post(link)
    assert (page.status, "do not work just now" in said(page)) == (503, True)
    assert _attempts(tenant, invoice) == []
    world.stripe_works()
    session = checkout_of(PAYER.post(link))
    world.acts(f"checkout/sessions/{session}/pay")
    world.stripe_fails("status", "/v1/checkout/sessions.*", status=503)
    assert "is being processed" in said(PAYER.get(f"{link}?back=1"))
    world.stripe_works()
    assert PAID in said(PAYER.get(f"{link}?back=1"))
    _is_paid_once(world, tenant, invoice)


def test_what_cannot_be_paid_now_is_said(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe neither goes on with the session nor lets it end: the same button alone would say nothing."""
    from billing.bootstrap import payments
    from billing.domain.kernel.errors import InvalidState

    def refuse(*_: object) -> None:
        raise InvalidState.of("payment", "processing", "taken back")

    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice)
    with monkeypatch.context() as patch:
        patch.setattr(payments.stripe_gateway(), "open_checkout", refuse)
        page = PAYER.post(link)
    assert (page.status, "do not work just now" in said(page)) == (409, True)
    assert _attempts(tenant, invoice) == []
    checkout_of(PAYER.post(link))


def test_what_no_card_can_be_charged_is_paid_by_transfer(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant, 100_000_000)
    page = PAYER.get(link_to(world, tenant, invoice))
    assert "cannot be paid by card" in said(page)
    assert "<form" not in page.content.decode()


def test_what_stripe_itself_refuses_is_said(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.bootstrap import payments
    from billing.domain.kernel.errors import ValidationFailed

    def refuse(*_: object) -> None:
        raise ValidationFailed.of("amount", "amount_too_large")

    monkeypatch.setattr(payments.stripe_gateway(), "open_checkout", refuse)
    invoice = open_invoice(tenant)
    page = PAYER.post(link_to(world, tenant, invoice))
    assert (page.status, "cannot be paid by card" in said(page)) == (400, True)
    assert _attempts(tenant, invoice) == []


@pytest.mark.limits
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_form_opens_nothing(world: World, tenant: Tenant, site: str) -> None:
    invoice = open_invoice(tenant)
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": site}
    world.clock.advance(seconds=61)
    sent = http_event("POST", link_to(world, tenant, invoice), body=urlencode({"lang": "en"}), headers=form)
    statuses = [request(sent).status for _ in range(70)]
    assert (statuses[0], statuses[-1]) == (400, 429), "what is refused is counted"
    assert _attempts(tenant, invoice) == []


def test_a_tenant_asks_for_the_link(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    made = tenant.post(f"/v1/invoices/{invoice['id']}/payment-link")
    assert made.status == 201, made.json
    base, _, path = made.data["url"].partition("/pay/")
    assert base == "https://billing.example"
    assert PAYER.get(f"/pay/{path}").status == 200
    world.clock.advance(days=30)
    assert PAYER.get(f"/pay/{path}").status == 410


def test_there_is_no_link_to_what_is_not_to_be_paid(tenant: Tenant) -> None:
    lines = [{"description": "Work", "amount": 4_999_000}]
    draft = tenant.post("/v1/invoices", {"lines": lines}).data
    void = open_invoice(tenant)
    tenant.post(f"/v1/invoices/{void['id']}/void")
    for each in (draft, void):
        refused = tenant.post(f"/v1/invoices/{each['id']}/payment-link")
        assert (refused.status, refused.error["code"]) == (409, "invoice.invalid_state")
    assert tenant.post("/v1/invoices/in_nothing/payment-link").status == 404
