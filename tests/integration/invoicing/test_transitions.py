"""Drafts that are changed and finalized; invoices that are voided and given up."""

import pytest

from tests.integration.access.test_auth import new_key
from tests.integration.invoices import BERLIN, NEXT, balance_of, carded, clocked, do, line, make, read, refused
from tests.integration.steps import (
    THREE_DS,
    advance,
    at_stripe,
    authenticate,
    behave,
    books,
    event_types,
    flat,
    subscription_of,
)
from tests.integration.world import Json, Tenant, World

# Made by hand


def test_lines_that_take_a_draft_below_zero_need_an_admin(world: World, in_grace: tuple[Tenant, str, Json]) -> None:
    tenant, _, renewal = in_grace
    clerk = new_key(world, tenant, scope="write")
    by_hand = make(clerk, line(1000), customerId=renewal["customerId"])
    for draft, field in ((by_hand, "lines"), (by_hand, "addLines"), (renewal, "addLines")):
        answer = clerk.patch(f"/v1/invoices/{draft['id']}", {field: [line(-1001)]})
        assert (answer.status, answer.error["code"]) == (403, "auth.forbidden")
        assert read(tenant, draft) == draft
    assert clerk.patch(f"/v1/invoices/{renewal['id']}", {"addLines": [line(-1000)]}).data["total"] == 0
    path = f"/v1/invoices/{by_hand['id']}"
    assert tenant.patch(path, {"addLines": [line(-1001)]}).data["total"] == -1000
    # Its metadata hands out nothing; nor does finalizing what an admin has made.
    assert clerk.patch(path, {"metadata": {"case": "7"}}).data["metadata"] == {"case": "7"}
    assert do(clerk, "finalize", by_hand).data["status"] == "paid"
    assert balance_of(tenant, renewal["customerId"]) == 1000


# Changing a draft


def test_a_drafts_lines_are_replaced_and_its_coupon_comes_off_the_new_ones(tenant: Tenant) -> None:
    tenant.post("/v1/coupons", {"code": "HALF", "percentOff": 50, "duration": "once"})
    made = make(tenant, line(1000), couponCode="HALF", taxBehavior="inclusive", metadata={"a": "1"})
    new = [line(3000, taxes=[{"name": "VAT", "ratePercent": 20}]), line(-200)]
    changed = tenant.patch(f"/v1/invoices/{made['id']}", {"lines": new, "metadata": {"b": "2"}}).data
    assert (changed["subtotal"], changed["discount"], changed["total"]) == (2_800_000, 1_500_000, 1_300_000)
    assert (changed["taxIncluded"], changed["metadata"]) == (250_000, {"b": "2"})
    assert [each["id"] for each in changed["lines"]] == [f"{made['id']}-1", f"{made['id']}-2"]
    added = tenant.patch(f"/v1/invoices/{made['id']}", {"addLines": [line(1000)]}).data
    assert (len(added["lines"]), added["lines"][2]["id"]) == (3, f"{made['id']}-3")
    assert (added["subtotal"], added["discount"]) == (3_800_000, 2_000_000)
    assert (added["metadata"], added["version"]) == ({"b": "2"}, 3)
    assert read(tenant, made) == added


def test_a_change_of_nothing_changes_nothing(tenant: Tenant) -> None:
    made = make(tenant)
    assert tenant.patch(f"/v1/invoices/{made['id']}", {}).data == made


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"lines": []}, {"lines": "too_short"}),
        ({"lines": [line(1)], "addLines": [line(1)]}, {"addLines": "not_with_lines"}),
        ({"taxBehavior": "inclusive"}, {"taxBehavior": "only_with_lines"}),
        ({"addLines": [{"description": "x"}]}, {
            "addLines.0.unitAmount": "exactly_one_of_unit_amount_and_amount",
            "addLines.0.amount": "exactly_one_of_unit_amount_and_amount",
        }),
        ({"addLines": [line(1)] * 500}, {"addLines": "too_long"}),
        ({"addLines": [line(10**12)]}, {"addLines": "too_large"}),
        ({"customerId": "cus_1"}, {"customerId": "unknown_field"}),
    ],
)  # fmt: skip
def test_a_bad_change_is_named_and_changes_nothing(tenant: Tenant, body: Json, bad: Json) -> None:
    made = make(tenant)
    answer = tenant.patch(f"/v1/invoices/{made['id']}", body)
    assert (answer.status, answer.bad_fields) == (400, bad)
    assert read(tenant, made) == made


@pytest.mark.parametrize("status", ["open", "paid", "void", "uncollectible"])
def test_what_is_final_cannot_be_changed_and_says_what_it_is(tenant: Tenant, status: str) -> None:
    customer, _ = carded(tenant)
    made = make(tenant, customerId=customer, autoFinalize=True)
    if status != "open":
        assert do(tenant, {"paid": "pay"}.get(status, status), made).status == 200
    final = read(tenant, made)
    assert final["status"] == status
    refused(tenant.patch(f"/v1/invoices/{made['id']}", {"lines": [line(1)]}), "invoice.invalid_state", status)
    refused(tenant.patch(f"/v1/invoices/{made['id']}", {"metadata": {}}), "invoice.invalid_state", status)
    refused(do(tenant, "finalize", made), "invoice.invalid_state", status)
    if status != "open":
        refused(do(tenant, "void", made), "invoice.invalid_state", status)
        refused(do(tenant, "uncollectible", made), "invoice.invalid_state", status)
    if status in ("paid", "void"):
        refused(do(tenant, "pay", made), "invoice.invalid_state", status)
    assert read(tenant, made) == final


@pytest.fixture
def in_grace(world: World) -> tuple[Tenant, str, Json]:
    """A renewal's draft, in its hour of grace: the tenant, its clock, the draft."""
    tenant = world.tenant(gracePeriodSeconds=3600)
    clock, customer = clocked(tenant)
    tenant.subscribe(planId=flat(tenant, "monthly", 1000), quantities={}, customerId=customer)
    advance(world, tenant, clock, NEXT)
    draft = tenant.only_invoice(status="draft")
    assert (draft["finalizesAt"], draft["number"]) == ("2027-02-01T01:00:00Z", None)
    return tenant, clock, draft


def test_lines_may_be_put_beside_a_subscriptions_but_not_in_their_place(
    world: World, in_grace: tuple[Tenant, str, Json]
) -> None:
    tenant, clock, draft = in_grace
    path = f"/v1/invoices/{draft['id']}"
    answer = tenant.patch(path, {"lines": [line(1)]})
    assert (answer.status, answer.bad_fields) == (400, {"lines": "only_on_one_off_invoices"})
    added = tenant.patch(path, {"addLines": [line(500, "Setup")]}).data
    assert (added["total"], added["finalizesAt"]) == (1_500_000, draft["finalizesAt"])
    advance(world, tenant, clock, "2027-02-01T01:00:00Z")
    paid = read(tenant, draft)
    assert (paid["status"], paid["amountPaid"], len(paid["lines"])) == ("paid", 1_500_000, 2)


# Finalize


def test_a_draft_in_its_grace_period_is_finalized_now_and_charged(
    world: World, in_grace: tuple[Tenant, str, Json]
) -> None:
    tenant, clock, draft = in_grace
    done = do(tenant, "finalize", draft)
    assert (done.status, done.data["status"], done.data["finalizesAt"]) == (200, "paid", None)
    advance(world, tenant, clock, "2027-02-01T02:00:00Z")
    assert read(tenant, draft) == done.data
    assert len(world.charges(tenant)) == 2


def test_numbers_have_no_gaps_when_drafts_are_voided(tenant: Tenant) -> None:
    drafts = [make(tenant, line(n)) for n in range(1, 6)]
    for n in (1, 3):
        voided = do(tenant, "void", drafts[n])
        assert (voided.status, voided.data["status"], voided.data["number"]) == (200, "void", None)
    numbers = [do(tenant, "finalize", drafts[n]).data["number"] for n in (4, 0, 2)]
    assert numbers == ["ACME-000001", "ACME-000002", "ACME-000003"]
    assert make(tenant, autoFinalize=True)["number"] == "ACME-000004"


def test_a_declined_charge_finalizes_all_the_same(world: World, tenant: Tenant) -> None:
    customer, card = carded(tenant)
    behave(world, card, "generic_decline")
    done = do(tenant, "finalize", make(tenant, customerId=customer, autoCharge=True))
    assert (done.status, done.data["status"], done.data["number"]) == (200, "open", "ACME-000001")
    assert done.data["paymentError"]["code"] == "payment.declined"
    assert done.data["nextAttemptAt"] is not None


def test_a_draft_waits_for_an_address_to_be_taxed_at(world: World) -> None:
    tenant = world.tenant(taxProvider="builtin", address=BERLIN)
    customer = tenant.customer()
    body = {"customerId": customer, "lines": [line(10000)]}
    for path, more in (("/v1/invoices", {"autoFinalize": True}), ("/v1/invoices/preview", {})):
        answer = tenant.post(path, body | more)
        assert (answer.status, answer.error["code"]) == (422, "billing.tax.jurisdiction_unsupported")
    assert tenant.get("/v1/invoices").data == []
    draft = make(tenant, line(10000), customerId=customer)
    assert (draft["taxWaits"], draft["tax"], draft["finalizesAt"]) == (True, 0, None)
    answer = do(tenant, "finalize", draft)
    assert (answer.status, answer.error["code"]) == (422, "billing.tax.jurisdiction_unsupported")
    assert read(tenant, draft) == draft
    tenant.patch(f"/v1/customers/{customer}", {"address": BERLIN})
    changed = tenant.patch(f"/v1/invoices/{draft['id']}", {"addLines": [line(10000)]}).data
    assert (changed["taxWaits"], changed["tax"]) == (False, 3_800_000)
    done = do(tenant, "finalize", draft).data
    assert (done["status"], done["total"], done["tax"]) == ("open", 23_800_000, 3_800_000)
    assert done["lines"][0]["taxes"][0]["ratePercent"] == "19"


def test_while_the_tax_provider_is_down_a_draft_stays_a_draft(world: World) -> None:
    tenant = world.tenant(taxProvider="stripe", address=BERLIN)
    customer = tenant.customer(address=BERLIN)
    world.stripe_fails("status", "/v1/tax/calculations$", status=503)
    body = {"customerId": customer, "lines": [line(10000)]}
    answer = tenant.post("/v1/invoices/preview", body)
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    draft = make(tenant, line(10000), customerId=customer)
    assert (draft["taxWaits"], draft["status"]) == (True, "draft")
    answer = do(tenant, "finalize", draft)
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert read(tenant, draft) == draft
    waits = make(tenant, line(10000), customerId=customer, autoFinalize=True)
    assert (waits["status"], waits["taxWaits"], waits["number"]) == ("draft", True, None)
    assert waits["finalizesAt"] is not None


# Void


def test_voiding_gives_the_used_balance_back_and_clears_the_books(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    make(tenant, line(-2000), customerId=customer, autoFinalize=True)
    before = books(world, tenant)
    made = make(tenant, line(5000), customerId=customer, autoFinalize=True)
    assert (made["balanceApplied"], balance_of(tenant, customer)) == (2_000_000, 0)
    voided = do(tenant, "void", made)
    assert (voided.status, voided.data["status"], voided.data["number"]) == (200, "void", made["number"])
    assert balance_of(tenant, customer) == 2_000_000
    assert books(world, tenant) == before
    assert event_types(world, tenant)[-1] == "invoice.voided"


def test_a_payment_without_an_outcome_keeps_it_from_being_voided(world: World, tenant: Tenant) -> None:
    customer, _ = carded(tenant)
    world.stripe_fails("drop_after", "/v1/payment_intents$", method="POST")
    made = make(tenant, customerId=customer, autoFinalize=True, autoCharge=True)
    assert made["status"] == "open"
    refused(do(tenant, "void", made), "payment.invalid_state", "pending")
    assert read(tenant, made) == made


def test_the_first_invoice_of_a_subscription_that_never_began_ends_it(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    invoice, intent = tenant.only_invoice(), tenant.only_payment()["paymentIntentId"]
    voided = do(tenant, "void", invoice)
    assert (voided.status, voided.data["status"]) == (200, "void")
    assert (at_stripe(world, intent), tenant.only_payment()["status"]) == ("canceled", "canceled")
    assert subscription_of(tenant, made)["state"] == "canceled"
    world.deliver_all(tenant)
    assert (read(tenant, invoice)["status"], subscription_of(tenant, made)["state"]) == ("void", "canceled")
    assert not any(books(world, tenant).values())


def test_the_first_invoice_of_a_subscription_that_has_not_begun_is_no_bad_debt(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe("pm_card_chargeCustomerFail")
    invoice = tenant.only_invoice()
    answer = do(tenant, "uncollectible", invoice)
    refused(answer, "subscription.invalid_state", "incomplete", "void")
    assert (read(tenant, invoice), subscription_of(tenant, made)) == (invoice, made)
    assert do(tenant, "void", invoice).data["status"] == "void"
    assert subscription_of(tenant, made)["state"] == "canceled"
    # What was given up could have ended with its bad debt in the books for ever.
    assert not any(books(world, tenant).values())


def test_a_payer_who_was_faster_has_paid_and_nothing_is_voided(world: World, tenant: Tenant) -> None:
    made = tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    authenticate(world, tenant.only_payment()["paymentIntentId"], succeed=True)
    refused(do(tenant, "void", invoice), "invoice.invalid_state", "paid")
    assert (read(tenant, invoice)["status"], subscription_of(tenant, made)["state"]) == ("paid", "active")
    world.deliver_all(tenant)
    assert read(tenant, invoice)["amountPaid"] == invoice["total"]
    assert len(world.charges(tenant)) == 1


def test_while_the_payment_cannot_be_taken_back_nothing_is_voided(world: World, tenant: Tenant) -> None:
    tenant.subscribe(THREE_DS)
    invoice = tenant.only_invoice()
    world.stripe_fails("status", "/cancel$", status=503)
    answer = do(tenant, "void", invoice)
    assert (answer.status, answer.error["code"]) == (503, "service.unavailable")
    assert read(tenant, invoice) == invoice


@pytest.fixture
def past_due(world: World, tenant: Tenant) -> tuple[Json, Json, str]:
    """A subscription whose renewal was declined, that invoice, and the card."""
    clock, customer = clocked(tenant)
    made = tenant.subscribe(planId=flat(tenant, "monthly", 1000), quantities={}, customerId=customer)
    behave(world, made["paymentMethodId"], "insufficient_funds")
    advance(world, tenant, clock, NEXT)
    assert subscription_of(tenant, made)["state"] == "past_due"
    return made, tenant.only_invoice(status="open"), made["paymentMethodId"]


@pytest.mark.parametrize(("what", "status"), [("void", "void"), ("uncollectible", "uncollectible")])
def test_a_subscription_is_restored_when_nobody_has_to_pay_its_last_unpaid_invoice(
    tenant: Tenant, past_due: tuple[Json, Json, str], what: str, status: str
) -> None:
    made, invoice, _ = past_due
    assert do(tenant, what, invoice).data["status"] == status
    after = subscription_of(tenant, made)
    assert (after["state"], after["unpaidInvoiceIds"]) == ("active", [])
    assert read(tenant, invoice)["nextAttemptAt"] is None


def test_an_uncollectible_invoice_can_still_be_paid(
    world: World, tenant: Tenant, past_due: tuple[Json, Json, str]
) -> None:
    _, invoice, card = past_due
    given_up = do(tenant, "uncollectible", invoice).data
    assert (given_up["status"], given_up["amountDue"]) == ("uncollectible", 1_000_000)
    assert event_types(world, tenant)[-2:] == ["invoice.uncollectible", "subscription.updated"]
    assert books(world, tenant)["bad_debt"] == given_up["amountDue"]
    declined = do(tenant, "pay", invoice)
    assert (declined.status, declined.error["code"]) == (402, "payment.insufficient_funds")
    assert read(tenant, invoice)["status"] == "uncollectible"
    behave(world, card, None)
    paid = do(tenant, "pay", invoice)
    assert (paid.status, paid.data["status"], paid.data["amountDue"]) == (200, "paid", 0)
    assert books(world, tenant)["bad_debt"] == books(world, tenant)["receivable"] == 0


@pytest.mark.parametrize("what", ["void", "uncollectible"])
def test_a_draft_can_be_voided_but_is_no_bad_debt(tenant: Tenant, what: str) -> None:
    draft = make(tenant)
    answer = do(tenant, what, draft)
    if what == "void":
        assert answer.data["status"] == "void"
    else:
        refused(answer, "invoice.invalid_state", "draft")
