"""Refunds of payments: all of it or a part, as often as something is left; and what becomes of them at the bank."""

from typing import Any

import pytest

from tests.integration.invoices import balance_of
from tests.integration.payer import ask_sale, intent, open_invoice, outcomes, payment_of, sale
from tests.integration.steps import books, emitted, event_types
from tests.integration.world import Answer, Json, Tenant, World


def refund(tenant: Tenant, payment: Json, /, idempotency_key: str | None = None, **body: Any) -> Answer:
    return tenant.post(f"/v1/payments/{payment['id']}/refund", body, idempotency_key=idempotency_key)


def refunded(tenant: Tenant, payment: Json, **body: Any) -> Json:
    answer = refund(tenant, payment, **body)
    assert answer.status == 201, answer.json
    return dict(answer.data)


def refused(answer: Answer, reason: str) -> None:
    assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available")
    assert answer.bad_fields == {"amount": reason}


def refunds_of(tenant: Tenant, payment: Json) -> list[Json]:
    return list(tenant.get(f"/v1/payments/{payment['id']}/refunds").data)


def at_stripe(world: World, payment: Json) -> list[Any]:
    """The payment's refunds at Stripe, newest first."""
    return world.stripe.v1.refunds.list({"payment_intent": payment["paymentIntentId"]}).data


def billed(tenant: Tenant, method: str = "pm_card_visa") -> Json:
    """The payment of an invoice of $49.99."""
    answer = tenant.post("/v1/payments", {"invoiceId": open_invoice(tenant)["id"], "paymentMethodId": method})
    assert answer.status == 201, answer.json
    return dict(answer.data)


# Of a sale


def test_all_of_it_goes_back_to_the_card(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    answer = tenant.post(f"/v1/payments/{payment['paymentIntentId']}/refund", {"reason": "duplicate"})
    made = answer.data
    assert (answer.status, made["amount"], made["currency"], made["status"]) == (201, 4_999_000, "USD", "succeeded")
    assert (made["paymentId"], made["reason"], made["creditNoteId"]) == (payment["id"], "duplicate", None)
    (there,) = at_stripe(world, payment)
    assert (there.amount, there.reason) == (4999, "duplicate")
    assert payment_of(tenant, payment)["amountRefunded"] == 4_999_000
    assert refunds_of(tenant, payment) == [made]
    assert books(world, tenant) == {"receivable": 0, "revenue": -4_999_000, "refunds": 4_999_000, "cash": 0}
    assert event_types(world, tenant)[-2:] == ["refund.created", "refund.succeeded"]
    world.deliver_all(tenant)
    assert (refunds_of(tenant, payment), event_types(world, tenant).count("refund.succeeded")) == ([made], 1)


def test_it_goes_back_in_parts_until_nothing_is_left(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    first = refund(tenant, payment, idempotency_key="k", amount=1_000_000)
    again = refund(tenant, payment, idempotency_key="k", amount=1_000_000)
    assert (again.status, again.content) == (201, first.content)
    refused(refund(tenant, payment, amount=4_000_000), "above_what_is_left")
    assert len(at_stripe(world, payment)) == 1
    second = refunded(tenant, payment, amount=2_000_000)
    rest = refunded(tenant, payment)
    assert rest["amount"] == 1_999_000
    refused(refund(tenant, payment), "nothing_left")
    refused(refund(tenant, payment, amount=1_000), "above_what_is_left")
    path = f"/v1/payments/{payment['id']}/refunds"
    page = tenant.get(path, limit=2)
    last = tenant.get(path, limit=2, cursor=page.json["meta"]["pagination"]["next_cursor"])
    assert [each["id"] for each in (*page.data, *last.data)] == [rest["id"], second["id"], first.data["id"]]
    assert books(world, tenant)["cash"] == 0


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"amount": 0}, {"amount": "too_small"}),
        ({"amount": 1_500}, {"amount": "sub_minor_unit"}),
        ({"amount": 1.5, "reason": "", "to": "me"},
         {"amount": "must_be_an_integer", "reason": "too_short", "to": "unknown_field"}),
    ],
)  # fmt: skip
def test_every_bad_field_is_named(shop: Tenant, body: Json, fields: Json) -> None:
    answer = refund(shop, shop.data["sale"], **body)
    assert (answer.status, answer.error["code"], answer.bad_fields) == (400, "VALIDATION_ERROR", fields)


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    made = world.tenant()
    made.data["sale"] = sale(made)
    return made


def test_what_brought_no_money_is_not_refunded(shop: Tenant) -> None:
    declined = ask_sale(shop, "pm_card_chargeCustomerFail").bad_fields["paymentId"]
    for payment_id in (declined, intent(shop)["paymentId"]):
        answer = refund(shop, {"id": payment_id})
        assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")


def test_another_tenants_payment_is_not_found(world: World, shop: Tenant) -> None:
    other = world.tenant()
    for payment_id in (shop.data["sale"]["id"], shop.data["sale"]["paymentIntentId"], "pay_0", "pi_0"):
        path = f"/v1/payments/{payment_id}"
        for answer in (other.get(path), other.post(f"{path}/refund"), other.get(f"{path}/refunds")):
            assert (answer.status, answer.error["code"]) == (404, "resource.not_found")


# What the bank says


def test_a_slow_bank_is_waited_for_and_what_waits_counts(world: World, tenant: Tenant) -> None:
    payment = sale(tenant, "pm_card_pendingRefund")
    made = refunded(tenant, payment, amount=4_000_000)
    assert (made["status"], payment_of(tenant, payment)["amountRefunded"]) == ("pending", 4_000_000)
    refused(refund(tenant, payment, amount=1_000_000), "above_what_is_left")
    (there,) = at_stripe(world, payment)
    world.sandbox.post(f"refunds/{there.id}/finish", succeed=True)
    world.deliver_all(tenant)
    (after,) = refunds_of(tenant, payment)
    assert (after["status"], books(world, tenant)["cash"]) == ("succeeded", 999_000)


def test_what_the_bank_sends_back_can_be_refunded_again(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    refunded(tenant, payment)
    world.sandbox.post(f"refunds/{at_stripe(world, payment)[0].id}/finish", succeed=False)
    world.deliver_all(tenant)
    (returned,) = refunds_of(tenant, payment)
    assert (returned["status"], returned["failureReason"]) == ("failed", "expired_or_canceled_card")
    assert payment_of(tenant, payment)["amountRefunded"] == 0
    assert books(world, tenant) == {"receivable": 0, "revenue": -4_999_000, "refunds": 0, "cash": 4_999_000}
    assert refunded(tenant, payment)["status"] == "succeeded"
    assert books(world, tenant)["cash"] == 0
    assert event_types(world, tenant).count("refund.failed") == 1


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_without_an_outcome_it_is_pending_and_the_sweep_settles_it(world: World, tenant: Tenant, kind: str) -> None:
    payment = sale(tenant)
    world.stripe_fails(kind, "/v1/refunds$", method="POST")
    made = refunded(tenant, payment)
    assert (made["status"], books(world, tenant)["cash"]) == ("pending", 4_999_000)
    world.stripe_works()
    world.clock.advance(seconds=61)
    (row,) = world.rows_of("refunds", tenant.id)
    world.work(row["due_shard"]["S"])
    (after,) = refunds_of(tenant, payment)
    assert (after["id"], after["status"]) == (made["id"], "succeeded")
    assert len(at_stripe(world, payment)) == 1
    assert books(world, tenant)["cash"] == 0


# Of an invoice's payment


def test_an_invoices_payment_goes_back_by_a_credit_note(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    made = refunded(tenant, payment, amount=2_000_000, reason="One day less")
    assert (made["status"], made["invoiceId"]) == ("succeeded", payment["invoiceId"])
    note = tenant.get(f"/v1/credit-notes/{made['creditNoteId']}").data
    assert (note["total"], note["toRefund"], note["reason"]) == (2_000_000, 2_000_000, "One day less")
    assert tenant.get(f"/v1/invoices/{payment['invoiceId']}").data["amountRefunded"] == 2_000_000
    refused(refund(tenant, payment, amount=3_000_000), "above_what_is_left")
    rest = refunded(tenant, payment)
    assert (rest["amount"], rest["creditNoteId"] != made["creditNoteId"]) == (2_999_000, True)
    assert not any(books(world, tenant).values())
    assert payment_of(tenant, payment)["amountRefunded"] == 4_999_000


def test_what_was_credited_to_the_balance_is_not_left_of_the_invoice(tenant: Tenant) -> None:
    payment = billed(tenant)
    path = f"/v1/invoices/{payment['invoiceId']}/credit-notes"
    assert tenant.post(path, {"amount": 4_000_000}).status == 201
    answer = refund(tenant, payment, amount=1_000_000)
    assert (answer.status, answer.error["code"]) == (422, "billing.refund.exceeds_available")
    assert refunded(tenant, payment)["amount"] == 999_000
    refused(refund(tenant, payment), "nothing_left")


# What was paid too much


@pytest.fixture
def overpaid(world: World, tenant: Tenant) -> Json:
    """A payment of $49.99 of an invoice that was paid already: its declined charge was tried again in the dashboard."""
    body = {"invoiceId": open_invoice(tenant)["id"]}
    declined = tenant.post("/v1/payments", {**body, "paymentMethodId": "pm_card_chargeCustomerFail"}).bad_fields
    payment = payment_of(tenant, {"id": declined["paymentId"]})
    method = payment["paymentMethodId"]
    world.sandbox.post(f"payment_methods/{method}/behaviour", decline=None)
    assert tenant.post("/v1/payments", body).status == 201
    world.stripe.v1.payment_intents.confirm(payment["paymentIntentId"], {"payment_method": method})
    world.deliver_all(tenant)
    assert balance_of(tenant, payment["customerId"]) == 4_999_000
    return payment_of(tenant, payment)


def test_what_was_paid_too_much_comes_off_the_balance(world: World, tenant: Tenant, overpaid: Json) -> None:
    made = refunded(tenant, overpaid, amount=2_000_000)
    assert (made["fromBalance"], made["creditNoteId"], made["status"]) == (True, None, "succeeded")
    assert balance_of(tenant, overpaid["customerId"]) == 2_999_000
    refused(refund(tenant, overpaid, amount=3_000_000), "above_what_is_left")
    refunded(tenant, overpaid)
    assert balance_of(tenant, overpaid["customerId"]) == 0
    assert books(world, tenant) == {
        "receivable": 0, "revenue": -4_999_000, "customer_balance": 0, "cash": 4_999_000,
    }  # fmt: skip
    assert tenant.get("/v1/invoices", status="paid").data[0]["amountPaid"] == 2 * 4_999_000


def test_what_the_customer_has_used_of_it_is_not_paid_out(world: World, tenant: Tenant, overpaid: Json) -> None:
    lines = [{"description": "More work", "amount": 1_000_000}]
    assert tenant.post("/v1/invoices", {"lines": lines, "autoFinalize": True}).data["status"] == "paid"
    refused(refund(tenant, overpaid, amount=4_999_000), "above_what_was_paid_too_much")
    rest = refunded(tenant, overpaid)
    assert (rest["amount"], rest["fromBalance"]) == (3_999_000, True)
    refused(refund(tenant, overpaid), "nothing_left")
    assert balance_of(tenant, overpaid["customerId"]) == 0
    assert len(at_stripe(world, overpaid)) == 1


def test_what_was_too_much_and_did_not_arrive_is_in_the_balance_again(
    world: World, tenant: Tenant, overpaid: Json
) -> None:
    refunded(tenant, overpaid)
    world.sandbox.post(f"refunds/{at_stripe(world, overpaid)[0].id}/finish", succeed=False)
    world.deliver_all(tenant)
    assert balance_of(tenant, overpaid["customerId"]) == 4_999_000
    assert refunded(tenant, overpaid)["fromBalance"] is True


# Made in Stripe's dashboard


def test_a_refund_that_is_made_at_stripe_is_written_down(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund", amount=1500, reason="fraudulent")
    world.deliver_all(tenant)
    (made,) = refunds_of(tenant, payment)
    assert (made["amount"], made["reason"], made["status"], made["madeAtStripe"]) == (
        1_500_000, "fraudulent", "succeeded", True,
    )  # fmt: skip
    assert payment_of(tenant, payment)["amountRefunded"] == 1_500_000
    assert books(world, tenant) == {
        "receivable": 0, "revenue": -4_999_000, "refunds": 1_500_000, "cash": 3_499_000,
    }  # fmt: skip
    assert event_types(world, tenant)[-2:] == ["refund.created", "refund.succeeded"]
    (event,) = world.stripe_events(tenant, "refund.created")
    assert outcomes([world.deliver(event | {"id": "evt_late"})]) == [(200, "unchanged")]
    refused(refund(tenant, payment, amount=4_000_000), "above_what_is_left")


def test_of_an_invoices_payment_it_is_no_credit_note_and_is_on_the_invoice(world: World, tenant: Tenant) -> None:
    payment = billed(tenant)
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund", amount=1500)
    world.deliver_all(tenant)
    (made,) = refunds_of(tenant, payment)
    assert (made["creditNoteId"], made["invoiceId"]) == (None, payment["invoiceId"])
    assert tenant.get(f"/v1/invoices/{payment['invoiceId']}").data["amountRefunded"] == 1_500_000
    assert books(world, tenant)["receivable"] == 0
    path = f"/v1/invoices/{payment['invoiceId']}/credit-notes"
    too_much = tenant.post(path, {"amount": 4_000_000})
    assert (too_much.status, too_much.error["code"]) == (422, "billing.refund.exceeds_available")
    rest = refunded(tenant, payment)
    assert (rest["amount"], rest["creditNoteId"] is None) == (3_499_000, False)
    assert books(world, tenant)["cash"] == 0


def test_who_was_faster_in_the_dashboard_leaves_nothing_for_us(world: World, tenant: Tenant) -> None:
    """Ours is refused by Stripe; theirs is written down with that, and its webhook changes nothing more."""
    payment = sale(tenant)
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    ours = refunded(tenant, payment)
    assert (ours["status"], ours["failureReason"]) == ("failed", "charge_already_refunded")
    for _ in range(2):
        assert payment_of(tenant, payment)["amountRefunded"] == 4_999_000
        assert books(world, tenant)["cash"] == 0
        world.deliver_all(tenant)
    assert {each["madeAtStripe"]: each["status"] for each in refunds_of(tenant, payment)} == {
        True: "succeeded", False: "failed",
    }  # fmt: skip


def test_one_that_had_come_back_before_we_heard_of_it_took_nothing(world: World, tenant: Tenant) -> None:
    payment = sale(tenant)
    made = world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    world.sandbox.post(f"refunds/{made['id']}/finish", succeed=False)
    world.deliver_all(tenant)
    assert [each["status"] for each in refunds_of(tenant, payment)] == ["failed"]
    assert (payment_of(tenant, payment)["amountRefunded"], books(world, tenant)["cash"]) == (0, 4_999_000)


# Disputed


@pytest.mark.parametrize("won", [False, True])
def test_what_the_bank_has_taken_is_not_given_back_a_second_time(world: World, tenant: Tenant, won: bool) -> None:
    """Nor is the rest, where a part is disputed: Stripe refuses until the bank has found for the tenant."""
    payment = sale(tenant)
    dispute = world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", amount=3000)
    if won:
        world.sandbox.post(f"disputes/{dispute['id']}/close", status="won")
    world.deliver_all(tenant)
    assert payment_of(tenant, payment)["disputed"] is not won
    if won:
        assert refunded(tenant, payment)["status"] == "succeeded"
        return
    refused(refund(tenant, payment), "disputed")
    refused(refund(tenant, payment, amount=1_000_000), "disputed")
    assert at_stripe(world, payment) == []


def test_an_inquiry_ends_with_a_full_refund(world: World, tenant: Tenant) -> None:
    payment = sale(tenant, "pm_card_createDisputeInquiry")
    world.deliver_all(tenant)
    assert refunded(tenant, payment)["status"] == "succeeded"
    world.deliver_all(tenant)
    (dispute,) = tenant.get("/v1/disputes").data
    assert (dispute["status"], dispute["fundsWithdrawn"]) == ("warning_closed", False)
    assert books(world, tenant)["cash"] == 0


def test_a_refund_that_a_dispute_overtakes_is_available_again_and_held_back(world: World, tenant: Tenant) -> None:
    payment = sale(tenant, "pm_card_pendingRefund")
    refunded(tenant, payment, amount=1_000_000)
    world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", amount=4999)
    world.deliver_all(tenant)
    (made,) = refunds_of(tenant, payment)
    assert (made["status"], made["failureReason"]) == ("failed", "charge_for_pending_refund_disputed")
    refused(refund(tenant, payment), "disputed")
    shown = [name for name, about in emitted(world, tenant) if about["id"] == made["id"]]
    assert shown == ["refund.created", "refund.failed"]


def test_a_refund_that_comes_before_its_payments_success_is_sent_again(world: World, tenant: Tenant) -> None:
    """What was paid too much goes back to the card or stays in the balance, never both."""
    body = {"invoiceId": open_invoice(tenant)["id"]}
    declined = tenant.post("/v1/payments", {**body, "paymentMethodId": "pm_card_chargeCustomerFail"}).bad_fields
    payment = payment_of(tenant, {"id": declined["paymentId"]})
    world.sandbox.post(f"payment_methods/{payment['paymentMethodId']}/behaviour", decline=None)
    assert tenant.post("/v1/payments", body).status == 201
    world.stripe.v1.payment_intents.confirm(payment["paymentIntentId"], {"payment_method": payment["paymentMethodId"]})
    world.sandbox.post(f"payment_intents/{payment['paymentIntentId']}/refund")
    (event,) = world.stripe_events(tenant, "refund.created")
    assert outcomes([world.deliver(event)]) == [(500, "not written yet")]
    for paid in world.stripe_events(tenant, "payment_intent.succeeded"):
        world.deliver(paid)
    assert outcomes([world.deliver(event)]) == [(200, "applied")]
    assert balance_of(tenant, payment["customerId"]) == 0
    assert books(world, tenant)["cash"] == 4_999_000


def test_of_what_was_paid_too_much_a_refund_at_stripe_takes_what_the_balance_still_has(
    world: World, tenant: Tenant, overpaid: Json
) -> None:
    lines = [{"description": "More work", "amount": 3_500_000}]
    assert tenant.post("/v1/invoices", {"lines": lines, "autoFinalize": True}).data["status"] == "paid"
    world.sandbox.post(f"payment_intents/{overpaid['paymentIntentId']}/refund")
    world.deliver_all(tenant)
    assert balance_of(tenant, overpaid["customerId"]) == 0
