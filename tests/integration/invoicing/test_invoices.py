"""Invoices made by hand, changed, finalized, voided and given up; previews; the customer's balance."""

import json
from typing import Any

import pytest

from billing.integrations.stripe.gateway import StripeGateway
from tests.integration.access.test_auth import new_key
from tests.integration.kernel.test_idempotency import Died
from tests.integration.subscriptions.test_hard_cases import (
    THREE_DS,
    at_stripe,
    authenticate,
    behave,
    books,
    event_types,
    subscription_of,
)
from tests.integration.subscriptions.test_proration_vectors import advance, flat
from tests.integration.world import Answer, Json, Tenant, World

CONSULTING = {"description": "Consulting", "quantity": "2.5", "unitAmount": 9_999_000}
"""2.5 hours at $99.99: $249.975 -> $249.98."""
START, NEXT = "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"
BERLIN = {"city": "Berlin", "postalCode": "10115", "country": "DE"}


def line(amount: int, description: str = "Work", **fields: Any) -> Json:
    """A line of a whole amount, in minor units."""
    return {"description": description, "amount": amount * 1000, **fields}


def make(tenant: Tenant, *lines: Json, **fields: Any) -> Json:
    """A one-off invoice."""
    answer = tenant.post("/v1/invoices", {"lines": list(lines) or [CONSULTING], **fields})
    assert answer.status == 201, answer.json
    return dict(answer.data)


def do(tenant: Tenant, what: str, invoice: Json) -> Answer:
    return tenant.post(f"/v1/invoices/{invoice['id']}/{what}")


def read(tenant: Tenant, invoice: Json) -> Json:
    found: Json = tenant.get(f"/v1/invoices/{invoice['id']}").data
    return found


def balance_of(tenant: Tenant, customer: str) -> int:
    found: int = tenant.get(f"/v1/customers/{customer}/balance").data["amount"]
    return found


def carded(tenant: Tenant, method: str = "pm_card_visa", **fields: Any) -> tuple[str, str]:
    """A customer whose card nobody has charged yet, and the card."""
    customer = tenant.customer(**fields)
    trial = {"currency": fields["currency"]} if "currency" in fields else {}
    plan = flat(tenant, f"carded-{customer[-4:].lower()}", 100, **trial)
    made = tenant.subscribe(method, planId=plan, quantities={}, customerId=customer, trialDays=14)
    assert made["state"] == "trialing"
    return customer, str(made["paymentMethodId"])


def clocked(tenant: Tenant, **fields: Any) -> tuple[str, str]:
    """A clock and a customer on it."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": START}).data["id"]
    return clock, tenant.customer(testClockId=clock, **fields)


def refused(answer: Answer, code: str, *words: str) -> None:
    """A 409 whose message names the state."""
    assert (answer.status, answer.error["code"]) == (409, code), answer.json
    assert all(word in answer.error["message"] for word in words), answer.error["message"]


# Made by hand


def test_a_one_off_invoice_is_a_draft(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    made = make(tenant, customerId=customer, metadata={"project": "P-1"})
    assert (made["status"], made["number"], made["billingReason"]) == ("draft", None, "manual")
    assert (made["subtotal"], made["total"], made["amountDue"]) == (24_998_000, 24_998_000, 24_998_000)
    assert (made["customerId"], made["subscriptionId"], made["period"]) == (customer, None, None)
    assert (made["autoCharge"], made["taxWaits"], made["finalizesAt"]) == (False, False, None)
    assert (made["metadata"], made["notes"]) == ({"project": "P-1"}, [])
    (only,) = made["lines"]
    assert (only["quantity"], only["unitAmount"], only["amount"]) == ("2.5", 9_999_000, 24_998_000)
    assert read(tenant, made) == made
    assert event_types(world, tenant)[-1] == "invoice.created"
    assert books(world, tenant) == {}


def test_without_a_customer_it_bills_the_tenants_own(tenant: Tenant) -> None:
    assert make(tenant)["customerId"] == make(tenant)["customerId"]


@pytest.mark.parametrize(
    ("currency", "quantity", "unit_amount", "amount"),
    [
        ("USD", 3, 500, 2_000),  # half a cent three times is 1.5 cents
        ("USD", "0.5", 1_000, 1_000),
        ("USD", 0, 5_000, 0),
        ("JPY", "2.5", 1_000, 3_000),  # 2.5 yen
        ("KWD", 1, 5_124_000, 5_120_000),  # cards take dinars to two decimals
        ("KWD", "1", 5_125_000, 5_130_000),
    ],
)
def test_quantity_times_unit_amount_is_rounded_once_half_up_to_what_can_be_charged(
    tenant: Tenant, currency: str, quantity: Any, unit_amount: int, amount: int
) -> None:
    customer = tenant.customer(currency=currency)
    priced = {"description": "Unit", "quantity": quantity, "unitAmount": unit_amount}
    made = make(tenant, priced, customerId=customer, currency=currency)
    assert (made["currency"], made["lines"][0]["amount"], made["total"]) == (currency, amount, amount)


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 500_000), ("KWD", 5_120_000), ("USD", 4_999_000)])
def test_each_kind_of_currency_is_charged_and_numbered(
    world: World, tenant: Tenant, currency: str, amount: int
) -> None:
    customer, _ = carded(tenant, currency=currency)
    sold = {"description": "Unit", "amount": amount}
    made = make(tenant, sold, customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["number"], made["amountPaid"]) == ("paid", "ACME-000001", amount)
    (charge,) = world.charges(tenant)
    assert (charge["amount"], charge["currency"]) == (amount // 1000, currency.lower())


def test_credit_lines_come_off_and_a_negative_invoice_goes_to_the_balance(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    assert tenant.get(f"/v1/customers/{customer}/balance").data == {
        "customerId": customer,
        "currency": "USD",
        "amount": 0,
    }
    made = make(tenant, line(1000), line(-300, "Goodwill"), customerId=customer)
    assert (made["total"], [each["amount"] for each in made["lines"]]) == (700_000, [1_000_000, -300_000])
    credit = make(tenant, line(-5000, "Goodwill"), customerId=customer, autoFinalize=True)
    assert (credit["status"], credit["total"], credit["amountDue"]) == ("paid", -5_000_000, 0)
    assert balance_of(tenant, customer) == 5_000_000


def test_an_invoice_below_zero_needs_an_admin_for_it_hands_out_money(world: World, tenant: Tenant) -> None:
    clerk = new_key(world, tenant, scope="write")
    customer = tenant.customer()
    coupon = {"code": "ONE", "percentOff": 5, "duration": "once", "maxRedemptions": 1}
    tenant.post("/v1/coupons", coupon)
    world.writes.clear()
    body = {"customerId": customer, "lines": [line(300), line(-301, "Goodwill")], "couponCode": "ONE"}
    for fields in ({"autoFinalize": True}, {"autoCharge": True}, {}):
        answer = clerk.post("/v1/invoices", body | fields)
        assert (answer.status, answer.error["code"]) == (403, "auth.forbidden")
        assert "billing:admin" in answer.error["message"]
    assert {table for _, tables in world.writes for table in tables} == {"callers", "audit"}
    assert tenant.get("/v1/invoices", customer=customer).data == []
    # The refusal is not the key's answer: an admin may send the same request again.
    assert clerk.post("/v1/invoices", body, idempotency_key="goodwill").status == 403
    assert tenant.post("/v1/invoices", body, idempotency_key="goodwill").data["total"] == -16_000
    nothing = clerk.post("/v1/invoices", {"customerId": customer, "lines": [line(300), line(-300)]})
    assert (nothing.status, nothing.data["total"]) == (201, 0)


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


def test_the_balance_is_used_before_the_card(world: World, tenant: Tenant) -> None:
    customer, _ = carded(tenant)
    make(tenant, line(-2000), customerId=customer, autoFinalize=True)
    paid = make(tenant, line(5000), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (paid["balanceApplied"], paid["amountPaid"], paid["amountDue"]) == (2_000_000, 3_000_000, 0)
    (charge,) = world.charges(tenant)
    assert charge["amount"] == 3000
    assert balance_of(tenant, customer) == 0
    assert books(world, tenant) == {
        "receivable": 0,
        "revenue": -3_000_000,
        "customer_balance": 0,
        "cash": 3_000_000,
    }


def test_a_balance_that_is_enough_pays_it_all(world: World, tenant: Tenant) -> None:
    customer, _ = carded(tenant)
    make(tenant, line(-2000), customerId=customer, autoFinalize=True)
    paid = make(tenant, line(500), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (paid["status"], paid["balanceApplied"], paid["amountPaid"]) == ("paid", 500_000, 0)
    assert (world.charges(tenant), balance_of(tenant, customer)) == ([], 1_500_000)


def test_fixed_taxes_come_on_top_or_are_part_of_the_amount(tenant: Tenant) -> None:
    taxed = line(11900, taxes=[{"name": "VAT", "ratePercent": "19"}])
    on_top = make(tenant, taxed)
    assert (on_top["subtotal"], on_top["tax"], on_top["taxIncluded"]) == (11_900_000, 2_261_000, 0)
    assert on_top["total"] == 14_161_000
    inside = make(tenant, taxed, taxBehavior="inclusive")
    assert (inside["subtotal"], inside["tax"], inside["taxIncluded"]) == (11_900_000, 1_900_000, 1_900_000)
    assert (inside["total"], inside["lines"][0]["taxInclusive"]) == (11_900_000, True)
    assert inside["lines"][0]["taxes"] == [{"name": "VAT", "ratePercent": "19", "amount": 1_900_000, "inclusive": True}]


def test_a_coupon_is_taken_off_the_charges_and_redeemed_once(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    terms = {"code": "TEN", "amountOff": 10_000_000, "currency": "USD", "duration": "once", "maxRedemptions": 1}
    tenant.post("/v1/coupons", terms)
    made = make(tenant, line(3000), line(2000), line(-500), customerId=customer, couponCode="ten")
    assert (made["subtotal"], made["discount"], made["total"]) == (4_500_000, 5_000_000, -500_000)
    offs = [[d["amount"] for d in each["discounts"]] for each in made["lines"]]
    assert offs == [[3_000_000], [2_000_000], []]
    again = tenant.post("/v1/invoices", {"customerId": customer, "lines": [line(1)], "couponCode": "TEN"})
    assert (again.status, again.error["code"]) == (422, "billing.coupon.exhausted")
    unknown = tenant.post("/v1/invoices", {"customerId": customer, "lines": [line(1)], "couponCode": "NONE"})
    assert (unknown.status, unknown.error["code"]) == (422, "billing.coupon.invalid")


def test_finalized_at_once_it_waits_to_be_paid(world: World, tenant: Tenant) -> None:
    customer, _ = carded(tenant)
    made = make(tenant, customerId=customer, autoFinalize=True)
    assert (made["status"], made["number"], made["attemptCount"]) == ("open", "ACME-000001", 0)
    assert world.charges(tenant) == []
    paid = do(tenant, "pay", made)
    assert (paid.status, paid.data["status"], paid.data["amountPaid"]) == (200, "paid", 24_998_000)


def test_charged_at_once_it_is_paid_in_the_request(world: World, tenant: Tenant) -> None:
    customer, _ = carded(tenant)
    made = make(tenant, customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["amountPaid"]) == ("paid", 24_998_000)
    types = event_types(world, tenant)[-4:]
    assert types == ["invoice.created", "invoice.finalized", "payment.succeeded", "invoice.paid"]
    assert len(world.charges(tenant)) == 1


def test_a_declined_charge_leaves_it_open_and_starts_dunning(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    plan = flat(tenant, "plan", 100)
    card = tenant.subscribe(planId=plan, quantities={}, customerId=customer)["paymentMethodId"]
    behave(world, card, "insufficient_funds")
    made = make(tenant, customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["attemptCount"]) == ("open", 1)
    assert made["paymentError"]["code"] == "payment.insufficient_funds"
    assert made["nextAttemptAt"] == "2027-01-02T00:00:00Z"
    behave(world, card, None)
    advance(world, tenant, clock, "2027-01-03T00:00:00Z")
    after = read(tenant, made)
    assert (after["status"], after["attemptCount"], after["nextAttemptAt"]) == ("paid", 2, None)


def test_one_that_charges_itself_finds_a_card_that_comes_later(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    made = make(tenant, customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["attemptCount"], made["nextAttemptAt"]) == ("open", 0, "2027-01-02T00:00:00Z")
    tenant.subscribe(planId=flat(tenant, "plan", 100), quantities={}, customerId=customer)
    advance(world, tenant, clock, "2027-01-03T00:00:00Z")
    assert read(tenant, made)["status"] == "paid"


@pytest.mark.parametrize("what", ["create", "finalize"])
def test_a_retry_goes_on_from_the_first_commit(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The process dies between the commit of the attempt and the charge."""
    customer, _ = carded(tenant)
    path, body = (
        "/v1/invoices",
        {"customerId": customer, "lines": [line(500)], "autoFinalize": True, "autoCharge": True},
    )
    if what == "finalize":
        draft = make(tenant, line(500), customerId=customer, autoCharge=True)
        path, body = f"/v1/invoices/{draft['id']}/finalize", {}

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(StripeGateway, "charge", die)
        with pytest.raises(Died):
            tenant.post(path, body, idempotency_key="k")
    world.clock.advance(seconds=30)
    again = tenant.post(path, body, idempotency_key="k")
    assert (again.data["status"], again.data["number"], again.data["attemptCount"]) == ("paid", "ACME-000001", 1)
    assert len(world.charges(tenant)) == 1
    assert tenant.only_invoice(customer=customer)["id"] == again.data["id"]


# What is wrong is named

BAD_BODIES: list[tuple[Json, Json]] = [
    ({}, {"lines": "missing_required_field"}),
    ({"lines": []}, {"lines": "too_short"}),
    ({"lines": [line(1)] * 501}, {"lines": "too_long"}),
    ({"lines": [{}]}, {"lines.0.description": "missing_required_field"}),
    (
        {"lines": [{"description": "x"}, {"description": "y", "amount": 1000, "unitAmount": 5}]},
        {
            f"lines.{n}.{name}": "exactly_one_of_unit_amount_and_amount"
            for n in (0, 1)
            for name in ("amount", "unitAmount")
        },
    ),
    (
        {
            "lines": [
                {"description": "a", "amount": 1500},
                {"description": "b", "unitAmount": -1},
                {"description": "c", "unitAmount": 1, "quantity": 1.5},
                {"description": "d", "unitAmount": 1, "quantity": "-1"},
                {"description": "e", "unitAmount": 1, "quantity": "NaN"},
                {"description": "f", "amount": True},
                {"description": "g" * 201, "amount": 1000},
                {"description": "h", "amount": 1000, "taxes": [{"name": "VAT", "ratePercent": "101"}]},
                {"description": "i", "amount": 10**16},
            ],
            "taxBehavior": "both",
            "currency": "usd",
            "autoFinalize": "yes",
            "paid": True,
        },
        {
            "lines.0.amount": "sub_minor_unit",
            "lines.1.unitAmount": "too_small",
            "lines.2.quantity": "must_be_a_decimal",
            "lines.3.quantity": "too_small",
            "lines.4.quantity": "must_be_a_decimal",
            "lines.5.amount": "must_be_an_integer",
            "lines.6.description": "too_long",
            "lines.7.taxes.0.ratePercent": "too_large",
            "lines.8.amount": "too_large",
            "taxBehavior": "not_one_of_the_allowed_values",
            "currency": "unknown_currency",
            "autoFinalize": "must_be_a_boolean",
            "paid": "unknown_field",
        },
    ),
    (
        {"lines": [line(1, period={"start": NEXT, "end": START}), line(1, period={"start": START, "end": START})]},
        {"lines.0.period.end": "not_after_the_start", "lines.1.period.end": "not_after_the_start"},
    ),
    ({"lines": [line(1)], "currency": "EUR"}, {"currency": "currency_mismatch"}),
    (
        {"lines": [{"description": "x", "quantity": 1_000_000_000, "unitAmount": 10**15}, line(10**12)]},
        {"lines.0.unitAmount": "too_large"},
    ),
    ({"lines": [line(10**12), line(1)]}, {"lines": "too_large"}),
    ({"lines": [line(-(10**12)), line(-1), line(10**12)]}, {"lines": "too_large"}),
]


@pytest.mark.parametrize(("body", "bad"), BAD_BODIES)
@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/invoices/preview"])
def test_every_bad_field_is_named_and_nothing_is_written(
    world: World, tenant: Tenant, path: str, body: Json, bad: Json
) -> None:
    if path.endswith("preview") and body == {}:
        bad = dict.fromkeys(("lines", "subscriptionId"), "exactly_one_of_subscription_id_and_lines")
    world.writes.clear()
    answer = tenant.post(path, body)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR"), answer.json
    assert answer.bad_fields == bad
    assert {table for _, tables in world.writes for table in tables} <= {"callers", "audit"}


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 5_125_000), ("MGA", 1_000)])
def test_an_amount_that_no_card_can_pay_is_refused(tenant: Tenant, currency: str, amount: int) -> None:
    customer = tenant.customer(currency=currency)
    answer = tenant.post("/v1/invoices", {"customerId": customer, "lines": [{"description": "x", "amount": amount}]})
    assert answer.bad_fields == {"lines.0.amount": "not_chargeable_in_currency"}


def test_another_tenants_customer_and_invoice_are_not_found(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    invoice = make(other)
    answers = [
        tenant.post("/v1/invoices", {"customerId": other.customer(), "lines": [line(1)]}),
        tenant.patch(f"/v1/invoices/{invoice['id']}", {"metadata": {}}),
        tenant.get(f"/v1/customers/{invoice['customerId']}/balance"),
        *(do(tenant, what, invoice) for what in ("finalize", "void", "uncollectible", "pay")),
        tenant.post("/v1/invoices/preview", {"subscriptionId": "sub_0"}),
    ]
    assert [(each.status, each.error["code"]) for each in answers] == [(404, "resource.not_found")] * len(answers)


# 500 lines


def size(item: Json) -> int:
    """A DynamoDB item's: its names and values, in bytes of UTF-8."""
    return sum(len(name.encode()) + len(next(iter(value.values())).encode()) for name, value in item.items())


def test_500_lines_work_end_to_end(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.bootstrap import storage

    sent: list[tuple[int, int]] = []

    def note(params: Json, **_: Any) -> None:
        items = [size(next(iter(each.values()))["Item"]) for each in params["TransactItems"]]
        sent.append((max(items), sum(items)))

    customer, _ = carded(tenant)
    taxes = [{"name": f"District tax {n}", "ratePercent": f"{n}.125"} for n in range(1, 4)]
    lines = [line(100 + n, f"Überstunden {n * 7919} " + "é" * 150, quantity=f"{n}.5", taxes=taxes) for n in range(500)]
    events = storage.database().client.meta.events
    events.register("provide-client-params.dynamodb.TransactWriteItems", note)
    try:
        made = make(tenant, *lines, customerId=customer, autoFinalize=True, autoCharge=True)
        again = make(tenant, *lines, customerId=customer)
        done = do(tenant, "finalize", again)
    finally:
        events.unregister("provide-client-params.dynamodb.TransactWriteItems", note)
    assert max(largest for largest, _ in sent) < 400 * 1024
    assert max(whole for _, whole in sent) < 4 * 1024 * 1024
    subtotal = sum(100 + n for n in range(500)) * 1000
    assert (made["status"], len(made["lines"]), made["subtotal"]) == ("paid", 500, subtotal)
    assert made["amountPaid"] == made["total"] == subtotal + made["tax"]
    assert (done.status, done.data["status"], done.data["total"]) == (200, "open", made["total"])
    assert read(tenant, made) == made
    assert tenant.get(f"/v1/invoices/{made['id']}/pdf").content[:5] == b"%PDF-"


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


# Previews


def shown(invoice: Json) -> Json:
    """What a preview says as well, without the ids of lines."""
    names = ("currency", "period", "subtotal", "discount", "tax", "taxIncluded", "total", "balanceApplied", "notes")
    lines = [{name: value for name, value in each.items() if name != "id"} for each in invoice["lines"]]
    return {name: invoice[name] for name in names} | {"lines": lines}


def test_the_preview_is_what_the_renewal_then_bills(world: World, tenant: Tenant) -> None:
    """With lines that wait, a discount and a balance."""
    tenant.patch(f"/v1/tenants/{tenant.id}", {"taxProvider": "builtin", "address": BERLIN})
    tenant = Tenant(world, tenant.id, tenant.key, tenant.data, tenant.since)
    world.clock.advance(seconds=61)
    clock, customer = clocked(tenant, address=BERLIN)
    tenant.post("/v1/coupons", {"code": "FOREVER", "percentOff": "12.5", "duration": "forever"})
    made = tenant.subscribe(customerId=customer, couponCode="FOREVER")
    advance(world, tenant, clock, "2027-01-16T00:00:00Z")
    tenant.patch(f"/v1/subscriptions/{made['id']}", {"quantities": {"seats": 150}})
    make(tenant, line(-3000, taxes=[{"name": "none", "ratePercent": 0}]), customerId=customer, autoFinalize=True)
    world.writes.clear()
    preview = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).data
    written = {table for _, tables in world.writes for table in tables}
    assert written == {world.tables[name] for name in ("callers", "idempotency", "audit")}
    assert (preview["period"], preview["balanceApplied"]) == (
        {"start": NEXT, "end": "2027-03-01T00:00:00Z"},
        3_000_000,
    )
    assert (len(preview["lines"]), preview["tax"] > 0, preview["discount"] > 0) == (4, True, True)
    advance(world, tenant, clock, NEXT)
    renewal = tenant.get("/v1/invoices", subscription=made["id"]).data[0]
    assert shown(renewal) == shown(preview)
    assert (renewal["status"], renewal["amountPaid"]) == ("paid", preview["amountDue"])


@pytest.mark.parametrize("case", ["trial", "resume", "resume_in_a_paid_period", "ending"])
def test_the_preview_of_a_trial_a_pause_and_an_end(world: World, tenant: Tenant, case: str) -> None:
    clock, customer = clocked(tenant)
    plan = flat(tenant, "monthly", 3100, pauseBilling="keep" if case == "resume_in_a_paid_period" else "credit")
    trial = {"trialDays": 10} if case == "trial" else {}
    made = tenant.subscribe(planId=plan, quantities={}, customerId=customer, **trial)
    path = f"/v1/subscriptions/{made['id']}"
    if case == "ending":
        advance(world, tenant, clock, "2027-01-11T00:00:00Z")
        dearer = flat(tenant, "dearer", 6200)
        tenant.patch(path, {"planId": dearer})
        assert tenant.post(f"{path}/cancel", {"atPeriodEnd": True}).status == 200
    elif case != "trial":
        advance(world, tenant, clock, "2027-01-11T00:00:00Z")
        assert tenant.patch(path, {"paused": True, "resumesAt": "2027-01-21T00:00:00Z"}).status == 200
    known = {each["id"] for each in tenant.get("/v1/invoices", subscription=made["id"]).data}
    preview = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]}).data
    advance(world, tenant, clock, "2027-02-02T00:00:00Z")
    billed = [e for e in tenant.get("/v1/invoices", subscription=made["id"]).data if e["id"] not in known]
    assert shown(billed[-1]) == shown(preview)
    assert (
        preview["total"]
        == {
            "trial": 3_100_000,
            "resume": (11 - 21) * 100_000,  # 21 days given back, the last 11 billed anew
            "resume_in_a_paid_period": 3_100_000,
            "ending": 2_100_000,
        }[case]
    )


@pytest.mark.parametrize("state", ["canceled", "incomplete", "paused", "ending_free"])
def test_where_nothing_will_be_billed_there_is_no_preview(tenant: Tenant, state: str) -> None:
    method = THREE_DS if state == "incomplete" else "pm_card_visa"
    made = tenant.subscribe(method)
    path = f"/v1/subscriptions/{made['id']}"
    if state == "canceled":
        tenant.post(f"{path}/cancel", {})
    elif state == "paused":
        tenant.patch(path, {"paused": True})
    elif state == "ending_free":
        tenant.post(f"{path}/cancel", {"atPeriodEnd": True})
    answer = tenant.post("/v1/invoices/preview", {"subscriptionId": made["id"]})
    refused(answer, "subscription.invalid_state", "active" if state == "ending_free" else state)


def test_a_one_off_preview_is_what_is_then_made(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    tenant.post("/v1/coupons", {"code": "ONE", "percentOff": 10, "duration": "once", "maxRedemptions": 1})
    make(tenant, line(-1000), customerId=customer, autoFinalize=True)
    body = {
        "customerId": customer,
        "lines": [CONSULTING, line(500, taxes=[{"name": "VAT", "ratePercent": "7.5"}])],
        "couponCode": "ONE",
        "autoFinalize": True,
    }
    world.writes.clear()
    preview = tenant.post("/v1/invoices/preview", body)
    assert preview.status == 200
    assert not {"invoices", "coupons", "redemptions", "events"} & {t for _, tables in world.writes for t in tables}
    made = tenant.post("/v1/invoices", body).data
    assert shown(made) == shown(preview.data)
    assert (made["amountDue"], made["balanceApplied"]) == (preview.data["amountDue"], 1_000_000)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"subscriptionId": "sub_1", "lines": [line(1)], "couponCode": "X"}, ["couponCode", "lines"]),
        ({"subscriptionId": "sub_1", "autoFinalize": True}, ["autoFinalize"]),
    ],
)
def test_a_preview_is_of_one_thing(tenant: Tenant, body: Json, bad: list[str]) -> None:
    answer = tenant.post("/v1/invoices/preview", body)
    assert answer.bad_fields == dict.fromkeys(bad, "not_with_subscription_id")


def test_personal_data_of_a_draft_is_sealed(world: World, tenant: Tenant) -> None:
    make(tenant, customerId=tenant.customer())
    assert "Ölmez" not in json.dumps(world.rows_of("invoices", tenant.id), ensure_ascii=False)
