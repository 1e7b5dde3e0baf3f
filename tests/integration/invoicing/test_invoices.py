"""Invoices made by hand, and the customer's balance."""

import json
from typing import Any

import pytest

from billing.integrations.stripe.gateway import StripeGateway
from tests.integration.access.test_auth import new_key
from tests.integration.invoices import NEXT, START, balance_of, carded, clocked, do, line, make, read
from tests.integration.kernel.test_idempotency import Died
from tests.integration.steps import (
    advance,
    behave,
    books,
    event_types,
    flat,
)
from tests.integration.world import Json, Tenant, World

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
    fixed = {"treatment": "taxed", "category": "vat", "region": None, "jurisdiction": None, "reason": "fixed_rate"}
    (tax,) = inside["lines"][0]["taxes"]
    assert tax == tax | fixed | {
        "name": "VAT", "ratePercent": "19", "amount": 1_900_000, "inclusive": True, "base": 10_000_000,
    }  # fmt: skip
    assert inside["lines"][0]["untaxed"] == []


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


# What is wrong is named


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


def size(item: Json) -> int:
    """A DynamoDB item's: its names and values, in bytes of UTF-8."""
    return sum(len(name.encode()) + len(next(iter(value.values())).encode()) for name, value in item.items())


# 500 lines


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


# Previews


def test_personal_data_of_a_draft_is_sealed(world: World, tenant: Tenant) -> None:
    make(tenant, customerId=tenant.customer())
    assert "Ölmez" not in json.dumps(world.rows_of("invoices", tenant.id), ensure_ascii=False)
