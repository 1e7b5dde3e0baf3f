"""Tax per line or per document, through the API, to the cent (issue 11, 17)."""

from typing import Any

import pytest

from tests.integration.credited import credited
from tests.integration.invoices import balance_of, do, line, make, read
from tests.integration.steps import advance, books, flat, nets
from tests.integration.subscriptions.test_changes import newest, patch
from tests.integration.world import Json, Tenant, World

BERLIN = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
VAT = [{"name": "VAT", "ratePercent": "19"}]
VAT_ID_FR = "FR40303265045"


def seller(world: World, **fields: Any) -> Tenant:
    """In Germany, with the built-in table."""
    return world.tenant(**({"address": BERLIN, "taxProvider": "builtin", "currency": "EUR"} | fields))


def buyer(tenant: Tenant, **fields: Any) -> str:
    return tenant.customer(**({"currency": "EUR", "address": {"country": "DE"}} | fields))


def line_taxes(invoice: Json) -> list[int]:
    """The tax of each line, in cents; they sum to the invoice's, and the lines to its total."""
    found = [sum(tax["amount"] for tax in each["taxes"]) for each in invoice["lines"]]
    assert sum(found) == invoice["tax"]
    assert invoice["total"] == invoice["subtotal"] - invoice["discount"] + invoice["tax"] - invoice["taxIncluded"]
    return [tax // 1000 for tax in found]


# 293.84 at 19 % is 55.8296; by itself, each of the eight lines rounds up.
EIGHT = [line(3673)] * 8


@pytest.mark.parametrize(
    ("fields", "tax"),
    [
        ({}, 5583),
        ({"taxRounding": "document"}, 5583),
        ({"taxRounding": "line"}, 5584),
        ({"address": {"country": "CH"}}, 5584),
        ({"address": {"country": "CH"}, "taxRounding": "document"}, 5583),
    ],
    ids=["in the EU", "per document", "per line", "elsewhere", "elsewhere, per document"],
)
def test_11_17_the_vat_of_an_invoice_is_55_83_or_55_84(world: World, fields: Json, tax: int) -> None:
    tenant = seller(world, **fields)
    customer = buyer(tenant)
    shown = tenant.post("/v1/invoices/preview", {"customerId": customer, "lines": EIGHT}).data
    invoice = make(tenant, *EIGHT, customerId=customer, autoFinalize=True)
    up = [698] * 8
    assert line_taxes(shown) == line_taxes(invoice) == (up if tax == 5584 else [*up[:7], 697])
    assert (invoice["tax"], invoice["total"]) == (tax * 1000, (29_384 + tax) * 1000)
    sums = books(world, tenant)
    assert (sums["tax_payable"], sums["revenue"]) == (-tax * 1000, -29_384_000)


def test_11_17_the_setting_counts_from_the_next_invoice_on(world: World) -> None:
    tenant = seller(world)
    customer = buyer(tenant)
    before, draft = (make(tenant, *EIGHT, customerId=customer, autoFinalize=auto) for auto in (True, False))
    assert tenant.patch(f"/v1/tenants/{tenant.id}", {"taxRounding": "line"}).data["taxRounding"] == "line"
    world.clock.advance(minutes=2)  # a worker may have the settings of a minute ago
    assert read(tenant, before)["tax"] == 5_583_000
    assert do(tenant, "finalize", draft).data["tax"] == 5_584_000


@pytest.mark.parametrize(("rounding", "expected"), [("document", [16, 16, 15]), ("line", [16, 16, 16])])
def test_11_17_inclusive_prices(world: World, rounding: str, expected: list[int]) -> None:
    """2.97 with 19 % in it: 0.47, and 2.50 of it is the seller's; line by line 0.48 and 2.49."""
    tenant = seller(world, taxRounding=rounding)
    invoice = make(tenant, *[line(99)] * 3, customerId=buyer(tenant), taxBehavior="inclusive", autoFinalize=True)
    assert (line_taxes(invoice), invoice["total"]) == (expected, 297_000)
    assert books(world, tenant)["revenue"] == -297_000 + sum(expected) * 1000


def test_11_17_several_rates_and_a_discount(world: World) -> None:
    """Half off: 19 % of three times 0.83, 7 % of three times 0.83, and rates by hand with those of the table."""
    tenant = seller(world)
    tenant.post("/v1/coupons", {"code": "HALF", "percentOff": 50, "duration": "once"})
    lines = [line(166), line(166, taxCode="reduced"), line(166, taxes=VAT)] * 2
    lines = [*lines[:3], line(166, taxCode="reduced"), line(166), line(166, taxCode="reduced")]
    invoice = make(tenant, *lines, customerId=buyer(tenant), couponCode="HALF", autoFinalize=True)
    assert (line_taxes(invoice), invoice["discount"]) == ([16, 6, 16, 6, 15, 5], 498_000)
    assert (invoice["tax"], invoice["total"]) == (64_000, 562_000)


def test_11_17_credit_notes_sum_to_the_invoice_whatever_the_order(world: World) -> None:
    """Line by line, last to first, in halves: all of its net and of its tax come back, and no cent more."""
    tenant = seller(world)
    customer = buyer(tenant)
    lines = [line(83, quantity=2), line(83), line(83)]
    invoice = make(tenant, *lines, customerId=customer, autoFinalize=True)
    assert (line_taxes(invoice), invoice["total"]) == ([16, 16, 15], 296_000)
    ids = [each["id"] for each in invoice["lines"]]
    notes = [
        credited(tenant, invoice, lines=[{"lineId": ids[2]}]),
        credited(tenant, invoice, lines=[{"lineId": ids[0], "quantity": 1}]),
        credited(tenant, invoice, amount=64_000),
        credited(tenant, invoice, amount=read(tenant, invoice)["amountDue"]),
    ]
    assert notes[0]["taxes"] == [{"name": "VAT", "ratePercent": "19", "amount": 15_000}]
    assert sum(note["net"] for note in notes) == 249_000
    assert sum(note["tax"] for note in notes) == 47_000
    after = read(tenant, invoice)
    assert (after["amountDue"], after["status"]) == (0, "paid")
    sums = books(world, tenant)
    assert (sums["revenue"], sums["tax_payable"], sums["receivable"]) == (0, 0, 0)


def test_11_17_a_change_gives_the_split_tax_back_and_the_document_stays_exact(world: World) -> None:
    """Three components of 0.83 with 0.47 of tax; a change on the first day gives back and bills the same."""
    tenant = seller(world)
    tenant.plan(
        id="three", name="Three", currency="EUR",
        components=[{"key": key, "type": "flat", "unitAmount": 83_000} for key in "abc"],
    )  # fmt: skip
    other = flat(tenant, "one", 249, currency="EUR")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2026-06-01T00:00:00Z"}).data["id"]
    customer = buyer(tenant, testClockId=clock)
    made = tenant.subscribe(planId="three", quantities={}, customerId=customer)
    assert line_taxes(newest(tenant, made["id"])) == [16, 16, 15]
    wanted = {"planId": other, "prorationBehavior": "invoice_now"}
    shown = tenant.post(f"/v1/subscriptions/{made['id']}/preview", wanted).data
    patch(tenant, made["id"], **wanted)
    swapped = newest(tenant, made["id"])
    assert line_taxes(shown) == line_taxes(swapped) == [-16, -16, -15, 47]
    assert swapped["total"] == 0
    advance(world, tenant, clock, "2026-06-16T00:00:00Z")
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel", {"prorationBehavior": "create_prorations"})
    last = newest(tenant, made["id"])
    assert (nets(last["lines"]), line_taxes(last)) == ([-125], [-24])
    assert balance_of(tenant, customer) == 149_000


def test_11_17_reverse_charge_has_nothing_to_round(world: World) -> None:
    tenant = seller(world)
    customer = buyer(tenant, address={"country": "FR"}, taxId=VAT_ID_FR)
    invoice = make(tenant, *EIGHT, customerId=customer, autoFinalize=True)
    assert (invoice["tax"], invoice["total"], invoice["notes"]) == (0, 29_384_000, ["Reverse charge"])


@pytest.mark.parametrize(("rounding", "tax", "items"), [("document", 47_000, [16, 16, 15]), ("line", 48_000, [16] * 3)])
def test_11_17_a_cart_is_rounded_as_its_invoice_will_be(
    world: World, rounding: str, tax: int, items: list[int]
) -> None:
    tenant = seller(world, taxRounding=rounding)
    query = {"currency": "EUR", "country": "DE", "amount": [83_000] * 3}
    shown = tenant.get("/v1/tax/calculate", **query).data
    assert (shown["tax"], shown["total"]) == (tax, 249_000 + tax)
    assert [each["tax"] // 1000 for each in shown["items"]] == items


def test_11_17_a_providers_amounts_stay_as_they_are(world: World) -> None:
    """Stripe Tax calculates per line, and will report what it calculated."""
    tenant = seller(world, taxProvider="stripe", taxRounding="document")
    query = {"currency": "EUR", "country": "DE", "postalCode": "10119", "amount": [83_000] * 3}
    shown = tenant.get("/v1/tax/calculate", **query).data
    assert [each["tax"] for each in shown["items"]] == [16_000] * 3


@pytest.mark.parametrize("value", ["cart", 1, ["line"], {}])
def test_11_17_what_is_no_rounding_is_refused(world: World, value: Any) -> None:
    tenant = seller(world)
    refused = tenant.patch(f"/v1/tenants/{tenant.id}", {"taxRounding": value})
    assert refused.status == 400
    assert list(refused.bad_fields) == ["taxRounding"]
