"""Credit notes: off what is due, into the balance, or back to the card; what was not paid out is never lost."""

import secrets

import pytest

from billing.domain.kernel.due import wall_clock_shard
from tests.integration.credited import VAT, credit, credited, intent_of, open_invoice, paid_invoice
from tests.integration.invoices import balance_of, carded, clocked, do, line, make, read
from tests.integration.steps import (
    THREE_DS,
    advance,
    at_stripe,
    authenticate,
    books,
    emitted,
    event_types,
    flat,
    subscription_of,
)
from tests.integration.world import Tenant, World


def refunds_at_stripe(world: World, invoice_payment: str) -> list[tuple[int, str]]:
    found = world.stripe.v1.refunds.list({"payment_intent": invoice_payment, "limit": 100}).data
    return [(refund.amount, str(refund.status)) for refund in found]


# To the balance


def test_parts_of_a_paid_invoice_go_to_the_balance(world: World, tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    first = credited(tenant, invoice, amount=50_000_000, reason="Half of it was not delivered")
    assert (first["number"], first["invoiceId"], first["invoiceNumber"]) == (
        "ACME-CN-000001", invoice["id"], invoice["number"],
    )  # fmt: skip
    assert (first["net"], first["tax"], first["total"]) == (41_667_000, 8_333_000, 50_000_000)
    assert first["taxes"] == [{"name": "VAT", "ratePercent": "20", "amount": 8_333_000}]
    assert (first["toInvoice"], first["toBalance"], first["toRefund"]) == (0, 50_000_000, 0)
    assert (first["refund"], first["refundId"]) == (None, None)
    (only,) = first["lines"]
    assert (only["net"], only["amount"], only["invoiceLineId"]) == (41_667_000, 50_000_000, None)
    rest = credited(tenant, invoice, amount=70_000_000)
    assert (rest["number"], rest["net"], rest["tax"]) == ("ACME-CN-000002", 58_333_000, 11_667_000)
    assert balance_of(tenant, invoice["customerId"]) == 120_000_000
    after = read(tenant, invoice)
    assert (after["status"], after["amountPaid"], after["amountDue"]) == ("paid", 120_000_000, 0)
    sums = books(world, tenant)
    assert (sums["revenue"], sums["tax_payable"], sums["receivable"]) == (0, 0, 0)
    assert (sums["cash"], sums["customer_balance"]) == (120_000_000, -120_000_000)
    told = [(kind, shown["id"]) for kind, shown in emitted(world, tenant) if kind == "credit_note.created"]
    assert told == [("credit_note.created", first["id"]), ("credit_note.created", rest["id"])]


def test_the_next_invoice_uses_the_balance(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    subscription = tenant.subscribe(planId=flat(tenant, "monthly", 5000), quantities={}, customerId=customer)
    invoice = read(tenant, {"id": subscription["latestInvoiceId"]})
    note = credited(tenant, invoice, amount=2_000_000)
    assert note["createdAt"] == "2027-01-01T00:00:00Z"  # on the customer's clock
    advance(world, tenant, clock, "2027-02-01T00:00:00Z")
    following = tenant.get("/v1/invoices", subscription=subscription["id"]).data[0]
    assert (following["total"], following["balanceApplied"], following["amountPaid"]) == (
        5_000_000, 2_000_000, 3_000_000,
    )  # fmt: skip
    assert balance_of(tenant, customer) == 0


def test_lines_are_credited_with_their_tax_and_without_their_discount(tenant: Tenant) -> None:
    sale = {"code": "SALE", "percentOff": 20, "duration": "once"}
    assert tenant.post("/v1/coupons", sale).status == 201
    invoice = open_invoice(
        tenant, line(10_000, "Consulting", taxes=VAT), line(5000, "Books", quantity=5), couponCode="SALE"
    )
    assert (invoice["discount"], invoice["total"]) == (3_000_000, 13_600_000)
    consulting, booked = (each["id"] for each in invoice["lines"])
    note = credited(tenant, invoice, lines=[{"lineId": booked, "quantity": 2}, {"lineId": consulting}])
    assert [(each["description"], each["quantity"], each["net"], each["amount"]) for each in note["lines"]] == [
        ("Books", "2", 1_600_000, 1_600_000),
        ("Consulting", "1", 8_000_000, 9_600_000),
    ]
    assert (note["net"], note["tax"], note["toInvoice"]) == (9_600_000, 1_600_000, 11_200_000)
    refused = credit(tenant, invoice, lines=[{"lineId": booked, "amount": 2_401_000}])
    assert (refused.status, refused.error["code"]) == (422, "billing.refund.exceeds_available")
    assert refused.bad_fields == {"lines.0.amount": "above_what_is_left"}
    assert credited(tenant, invoice, lines=[{"lineId": booked}])["total"] == 2_400_000


# Off what is due


def test_an_open_invoice_asks_for_less(world: World, tenant: Tenant) -> None:
    subscription = tenant.subscribe(None)
    invoice = tenant.only_invoice()
    note = credited(tenant, invoice, amount=4_999_000)
    assert (note["toInvoice"], note["toBalance"]) == (4_999_000, 0)
    after = read(tenant, invoice)
    assert (after["status"], after["amountCredited"], after["amountDue"]) == ("open", 4_999_000, 50_000_000)
    assert subscription_of(tenant, subscription)["state"] == "incomplete"
    paid = tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    assert (paid.data["status"], paid.data["amountPaid"]) == ("paid", 50_000_000)
    assert [charge["amount"] for charge in world.charges(tenant)] == [50_000]
    assert subscription_of(tenant, subscription)["state"] == "active"


def test_an_open_invoice_that_was_credited_whole_is_paid(world: World, tenant: Tenant) -> None:
    subscription = tenant.subscribe("pm_card_chargeCustomerFail")
    invoice = tenant.only_invoice()
    note = credited(tenant, invoice, amount=invoice["total"], refund=True)  # nothing is over that could go back
    assert (note["toInvoice"], note["toRefund"], note["refund"]) == (invoice["total"], 0, None)
    after = read(tenant, invoice)
    assert (after["status"], after["amountDue"], after["paymentError"]) == ("paid", 0, None)
    assert subscription_of(tenant, subscription)["state"] == "active"
    assert event_types(world, tenant)[-3:] == ["credit_note.created", "invoice.paid", "subscription.updated"]
    assert not any(books(world, tenant).values())
    assert balance_of(tenant, invoice["customerId"]) == 0


def test_what_is_over_of_an_open_invoice_goes_to_the_balance(tenant: Tenant) -> None:
    """$600.00 of the balance paid half of it."""
    customer = tenant.customer()
    make(tenant, line(-60_000), customerId=customer, autoFinalize=True)
    invoice = make(tenant, line(100_000, taxes=VAT), customerId=customer, autoFinalize=True)
    assert (invoice["balanceApplied"], invoice["amountDue"]) == (60_000_000, 60_000_000)
    refused = credit(tenant, invoice, amount=120_000_000, refund=True)
    assert (refused.status, refused.bad_fields) == (422, {"refund": "above_what_was_paid"})
    note = credited(tenant, invoice, amount=120_000_000)
    assert (note["toInvoice"], note["toBalance"]) == (60_000_000, 60_000_000)
    assert balance_of(tenant, customer) == 60_000_000
    assert read(tenant, invoice)["status"] == "paid"


def test_a_dunned_subscription_is_restored(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    made = tenant.subscribe(planId=flat(tenant, "monthly", 1000), quantities={}, customerId=customer)
    world.sandbox.post(f"payment_methods/{made['paymentMethodId']}/behaviour", decline="insufficient_funds")
    advance(world, tenant, clock, "2027-02-01T00:00:00Z")
    assert subscription_of(tenant, made)["state"] == "past_due"
    invoice = tenant.only_invoice(status="open")
    credited(tenant, invoice, amount=400_000)
    assert (subscription_of(tenant, made)["state"], read(tenant, invoice)["amountDue"]) == ("past_due", 600_000)
    credited(tenant, invoice, amount=600_000)
    assert subscription_of(tenant, made)["state"] == "active"
    assert read(tenant, invoice)["nextAttemptAt"] is None


def test_what_was_written_off_and_is_credited_is_no_bad_debt(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    assert do(tenant, "uncollectible", invoice).data["status"] == "uncollectible"
    assert books(world, tenant)["bad_debt"] == 120_000_000
    credited(tenant, invoice, amount=120_000_000)
    assert read(tenant, invoice)["status"] == "paid"
    assert not any(books(world, tenant).values())


def test_a_form_that_the_payer_has_open_is_withdrawn(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    invoice, intent = tenant.only_invoice(), tenant.only_payment()["paymentIntentId"]
    assert credit(tenant, invoice, amount=invoice["total"] + 1000).status == 422
    assert at_stripe(world, intent) == "requires_action"  # what is refused touches nothing outside
    credited(tenant, invoice, amount=invoice["total"])
    assert (at_stripe(world, intent), read(tenant, invoice)["status"]) == ("canceled", "paid")
    assert subscription_of(tenant, made)["state"] == "active"
    world.deliver_all(tenant)
    assert (tenant.only_payment()["status"], read(tenant, invoice)["amountPaid"]) == ("canceled", 0)


@pytest.mark.parametrize("refund", [False, True])
def test_a_payer_who_was_faster_has_paid_and_the_credit_goes_where_a_paid_invoices_goes(
    world: World, tenant: Tenant, refund: bool
) -> None:
    tenant.subscribe(THREE_DS)
    invoice, intent = tenant.only_invoice(), tenant.only_payment()["paymentIntentId"]
    authenticate(world, intent, succeed=True)
    note = credited(tenant, invoice, amount=10_000_000, refund=refund)
    where = (note["toInvoice"], note["toBalance"], note["toRefund"])
    assert where == ((0, 0, 10_000_000) if refund else (0, 10_000_000, 0))
    after = read(tenant, invoice)
    assert (after["status"], after["amountPaid"]) == ("paid", invoice["total"])
    world.deliver_all(tenant)
    assert read(tenant, invoice)["amountPaid"] == invoice["total"]
    assert books(world, tenant)["receivable"] == 0


def test_while_a_charge_is_undecided_nothing_is_credited(world: World, tenant: Tenant) -> None:
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    tenant.subscribe()
    invoice = tenant.only_invoice()
    answer = credit(tenant, invoice, amount=100_000)
    assert (answer.status, answer.error["code"]) == (409, "payment.invalid_state")
    assert read(tenant, invoice) == invoice


# Back to the card


def test_a_refund_goes_back_to_the_card(world: World, tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    note = credited(tenant, invoice, amount=50_000_000, refund=True, reason="duplicate")
    assert (note["toRefund"], note["toBalance"]) == (50_000_000, 0)
    refund = note["refund"]
    assert (refund["id"], refund["status"], refund["amount"]) == (note["refundId"], "succeeded", 50_000_000)
    assert (refund["creditNoteId"], refund["invoiceId"]) == (note["id"], invoice["id"])
    assert refunds_at_stripe(world, intent_of(tenant, invoice)) == [(50_000, "succeeded")]
    assert read(tenant, invoice)["amountRefunded"] == 50_000_000
    sums = books(world, tenant)
    assert (sums["receivable"], sums["cash"], sums.get("customer_balance", 0)) == (0, 70_000_000, 0)
    assert tenant.get(f"/v1/credit-notes/{note['id']}").data == note
    world.deliver_all(tenant)
    assert read(tenant, invoice)["amountRefunded"] == 50_000_000
    again = credited(tenant, invoice, amount=70_000_000, refund=True)
    assert again["refund"]["status"] == "succeeded"
    assert read(tenant, invoice)["amountRefunded"] == 120_000_000
    assert books(world, tenant)["cash"] == 0
    kinds = event_types(world, tenant)
    assert (kinds.count("refund.created"), kinds.count("refund.succeeded"), kinds.count("credit_note.created")) == (
        2, 2, 2,
    )  # fmt: skip


def test_an_invoice_that_took_several_attempts_refunds_the_one_that_paid(world: World, tenant: Tenant) -> None:
    tenant.subscribe("pm_card_chargeCustomerFail")
    invoice = tenant.only_invoice()
    tenant.post(f"/v1/invoices/{invoice['id']}/pay", {"paymentMethodId": "pm_card_visa"})
    note = credited(tenant, invoice, amount=invoice["total"], refund=True)
    (charge,) = world.charges(tenant)
    assert refunds_at_stripe(world, charge["id"]) == [(charge["amount"], "succeeded")]
    payments = {each["id"]: each["attempt"] for each in tenant.get("/v1/payments").data}
    assert payments[note["refund"]["paymentId"]] == 2


def test_a_refund_that_stripe_refuses_for_the_money_is_gone_credits_nothing(world: World, tenant: Tenant) -> None:
    """Somebody had refunded it in Stripe's dashboard, and its webhook is on its way: the customer has it already."""
    invoice = paid_invoice(tenant)
    world.stripe.v1.refunds.create({"payment_intent": intent_of(tenant, invoice)})
    note = credited(tenant, invoice, amount=50_000_000, refund=True)
    assert (note["refund"]["status"], note["refund"]["failureReason"]) == ("failed", "charge_already_refunded")
    assert (note["toRefund"], note["toBalance"]) == (50_000_000, 0)
    assert tenant.get(f"/v1/credit-notes/{note['id']}").data == note
    for _ in range(2):
        assert balance_of(tenant, invoice["customerId"]) == 0
        assert read(tenant, invoice)["amountRefunded"] == 120_000_000
        sums = books(world, tenant)
        assert (sums["receivable"], sums["cash"], sums["refunds"]) == (0, 0, 70_000_000)
        world.deliver_all(tenant)


def test_a_refund_that_comes_back_from_the_bank_goes_to_the_balance(world: World, tenant: Tenant) -> None:
    invoice = paid_invoice(tenant)
    note = credited(tenant, invoice, amount=50_000_000, refund=True)
    (refund,) = world.stripe.v1.refunds.list({"payment_intent": intent_of(tenant, invoice)}).data
    world.sandbox.post(f"refunds/{refund.id}/finish", succeed=False)
    for _ in range(2):
        world.deliver_all(tenant)
    after = tenant.get(f"/v1/credit-notes/{note['id']}").data
    assert (after["refund"]["status"], after["toRefund"], after["toBalance"]) == ("failed", 0, 50_000_000)
    assert balance_of(tenant, invoice["customerId"]) == 50_000_000
    assert read(tenant, invoice)["amountRefunded"] == 0
    sums = books(world, tenant)
    assert (sums["receivable"], sums["cash"], sums["customer_balance"]) == (0, 120_000_000, -50_000_000)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_refund_without_an_outcome_is_pending_until_the_sweep_settles_it(
    world: World, tenant: Tenant, kind: str
) -> None:
    invoice = paid_invoice(tenant)
    world.stripe_fails(kind, "/v1/refunds$", method="POST")
    first = credit(tenant, invoice, "k", amount=50_000_000, refund=True)
    assert (first.status, first.data["refund"]["status"]) == (201, "pending")
    refused = credit(tenant, invoice, amount=70_001_000, refund=True)
    assert refused.status == 422
    world.stripe_works()
    world.clock.advance(seconds=61)
    world.work(wall_clock_shard(first.data["refundId"], 16))
    after = tenant.get(f"/v1/credit-notes/{first.data['id']}").data
    assert (after["refund"]["status"], after["toRefund"]) == ("succeeded", 50_000_000)
    assert read(tenant, invoice)["amountRefunded"] == 50_000_000
    assert refunds_at_stripe(world, intent_of(tenant, invoice)) == [(50_000, "succeeded")]
    replay = credit(tenant, invoice, "k", amount=50_000_000, refund=True)
    assert (replay.content, replay.headers["Idempotent-Replayed"]) == (first.content, "true")


def test_what_is_on_its_way_back_cannot_be_refunded_again(world: World, tenant: Tenant) -> None:
    """$600.00 came from the card and the rest from the balance: a second refund of so much has nothing to come from."""
    customer, _ = carded(tenant)
    make(tenant, line(-60_000), customerId=customer, autoFinalize=True)
    invoice = make(tenant, line(100_000, taxes=VAT), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (invoice["status"], invoice["amountPaid"]) == ("paid", 60_000_000)
    world.stripe_fails("drop_before", "/v1/refunds$", method="POST")
    assert credited(tenant, invoice, amount=60_000_000, refund=True)["refund"]["status"] == "pending"
    refused = credit(tenant, invoice, amount=1_000_000, refund=True)
    assert (refused.status, refused.bad_fields) == (422, {"refund": "above_what_was_paid"})
    assert credited(tenant, invoice, amount=60_000_000)["toBalance"] == 60_000_000


def test_the_same_key_twice_is_one_credit_note(tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    key = secrets.token_hex(4)
    first, second = (credit(tenant, invoice, key, amount=100_000) for _ in range(2))
    assert first.content == second.content
    assert read(tenant, invoice)["amountCredited"] == 100_000
