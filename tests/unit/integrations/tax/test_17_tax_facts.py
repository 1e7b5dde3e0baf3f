"""Issue 17: what Stripe Tax and TaxJar say of a tax is kept: whose it is, what it is on, and why there is none.

The answers are shaped as the providers publish them: Stripe's by its OpenAPI description; TaxJar's is the example of
its reference ("Calculate sales tax for an order").
"""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from billing.domain.customers.customer import Address
from billing.domain.kernel.money import Money, sum_money
from billing.domain.lines.line import TaxAmount
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.domain.tax.facts import apart
from billing.domain.tax.rules import Place
from billing.integrations.stripe.secrets import SecretReader
from billing.integrations.tax import stripe_tax
from billing.integrations.tax.secrets import TaxSecretReader
from billing.integrations.tax.stripe_tax import StripeTax
from billing.integrations.tax.taxjar import TaxJar
from billing.services.tax.assessment import Item, Sale
from local.stripe_sandbox import openapi

AUSTIN = Address(city="Austin", postal_code="78701", state="TX", country="US")
LA = Address(city="Los Angeles", postal_code="90002", state="CA", country="US")
STATE, CITY, COUNTY = JurisdictionLevel.STATE, JurisdictionLevel.CITY, JurisdictionLevel.COUNTY
Json = dict[str, Any]


def usd(minor: int) -> Money:
    return Money.from_minor(minor, "USD")


def sale(buyer: Address, *items: Item) -> Sale:
    return Sale(None, buyer, Place.of(buyer), "USD", date(2026, 11, 22), items)


# Stripe Tax


def part(
    amount: int, taxable: int, reason: str, level: str = "state", place: str = "Texas", rate: str = "6.25"
) -> Json:
    details = {"display_name": "Sales Tax", "percentage_decimal": rate, "tax_type": "sales_tax"} if rate else None
    jurisdiction = {"country": "US", "display_name": place, "level": level, "state": "TX"}
    return {
        "amount": amount,
        "jurisdiction": jurisdiction,
        "sourcing": "destination",
        "tax_rate_details": details,
        "taxability_reason": reason,
        "taxable_amount": taxable,
    }


def by_stripe(monkeypatch: pytest.MonkeyPatch, item: Item, *parts: Json) -> tuple[TaxAmount, ...]:
    """What is read from an answer about one line."""
    line = {"reference": "0", "amount_tax": sum(each["amount"] for each in parts), "tax_breakdown": list(parts)}
    made = stripe.StripeObject.construct_from(line, "key")
    monkeypatch.setattr(StripeTax, "_lines", lambda *_: [made])
    reader = SecretReader(lambda: None, "stripe", 60)  # type: ignore[arg-type, return-value]
    (found,) = StripeTax(reader, "http://unused", 1.0, lambda: 60.0).taxes(sale(AUSTIN, item))
    return found


def told(taxes: tuple[TaxAmount, ...]) -> list[tuple[Any, ...]]:
    return [
        (tax.facts.level, tax.facts.treatment, None if tax.base is None else tax.base.minor, tax.amount.minor)
        for tax in taxes
        if tax.facts is not None
    ]


def test_a_reduced_basis_leaves_the_rest_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texas taxes 80 % of data processing; Austin is said to tax all of it."""
    found = by_stripe(
        monkeypatch,
        Item(usd(10_000)),
        part(500, 8_000, "taxable_basis_reduced"),
        part(100, 10_000, "standard_rated", "city", "Austin", "1.0"),
    )
    assert told(found) == [
        (STATE, Taxability.TAXED, 8_000, 500),
        (CITY, Taxability.STANDARD, None, 100),
        (STATE, Taxability.EXEMPT, 2_000, 0),
    ]
    assert found[1].facts == TaxFacts("US", Taxability.STANDARD, "sales_tax", "TX", CITY, "Austin", "standard_rated")


def test_a_part_that_stripe_calls_exempt_has_the_rest_and_not_more(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_stripe(
        monkeypatch,
        Item(usd(10_000)),
        part(250, 4_000, "portion_standard_rated"),
        part(0, 0, "portion_product_exempt"),
    )
    assert told(found) == [(STATE, Taxability.STANDARD, 4_000, 250), (STATE, Taxability.EXEMPT, 6_000, 0)]


@pytest.mark.parametrize(
    ("reason", "treatment"),
    [
        ("not_collecting", Taxability.NOT_COLLECTING),
        ("not_subject_to_tax", Taxability.OUT_OF_SCOPE),
        ("product_exempt", Taxability.EXEMPT),
        ("customer_exempt", Taxability.EXEMPT),
        ("reverse_charge", Taxability.REVERSE_CHARGE),
    ],
)
def test_why_there_is_none_is_kept_and_on_no_document(
    monkeypatch: pytest.MonkeyPatch, reason: str, treatment: Taxability
) -> None:
    found = by_stripe(monkeypatch, Item(usd(10_000)), part(0, 0, reason, rate=""))
    on, off = apart(found)
    assert on == ()
    assert told(off) == [(STATE, treatment, None, 0)]


def test_a_credit_has_the_facts_of_its_debit_and_minus_its_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (part(500, 8_000, "taxable_basis_reduced"),)
    debit = by_stripe(monkeypatch, Item(usd(10_000)), *parts)
    credit = by_stripe(monkeypatch, Item(usd(-10_000)), *parts)
    assert credit == tuple(-tax for tax in debit)
    assert [tax.base for tax in credit] == [usd(-8_000), usd(-2_000)]


def test_an_inclusive_amount_has_its_net_as_base(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_stripe(monkeypatch, Item(usd(10_625), inclusive=True), part(625, 10_000, "standard_rated"))
    assert told(found) == [(STATE, Taxability.STANDARD, None, 625)]


def test_what_stripe_may_add_one_day_stops_no_invoice(monkeypatch: pytest.MonkeyPatch) -> None:
    new = part(625, 10_000, "lunar_rated", level="galaxy")
    del new["jurisdiction"]["state"]
    (tax,) = by_stripe(monkeypatch, Item(usd(10_000)), new)
    assert told((tax,)) == [(JurisdictionLevel.DISTRICT, Taxability.TAXED, None, 625)]
    (none,) = by_stripe(monkeypatch, Item(usd(10_000)), part(0, 0, "lunar_exempt", rate=""))
    assert told((none,)) == [(STATE, Taxability.EXEMPT, None, 0)]


def test_every_reason_and_level_that_stripe_publishes_is_known() -> None:
    described = json.loads(gzip.decompress((Path(openapi.__file__).with_name("openapi.json.gz")).read_bytes()))
    schemas = described["components"]["schemas"]
    reasons = schemas["tax_product_resource_line_item_tax_breakdown"]["properties"]["taxability_reason"]["enum"]
    levels = schemas["tax_product_resource_jurisdiction"]["properties"]["level"]["enum"]
    assert set(reasons) - {"not_supported"} == set(stripe_tax._TREATMENTS)
    assert set(levels) == {each.value for each in JurisdictionLevel}


# TaxJar

EXAMPLE: Json = {
    "order_total_amount": 16.5,
    "shipping": 1.5,
    "taxable_amount": 15,
    "amount_to_collect": 1.35,
    "rate": 0.09,
    "has_nexus": True,
    "freight_taxable": False,
    "tax_source": "destination",
    "jurisdictions": {"country": "US", "state": "CA", "county": "LOS ANGELES", "city": "LOS ANGELES"},
    "breakdown": {
        "taxable_amount": 15,
        "tax_collectable": 1.35,
        "combined_tax_rate": 0.09,
        "line_items": [
            {
                "id": "0",
                "taxable_amount": 15,
                "tax_collectable": 1.35,
                "combined_tax_rate": 0.09,
                "state_taxable_amount": 15,
                "state_sales_tax_rate": 0.0625,
                "state_amount": 0.94,
                "county_taxable_amount": 15,
                "county_tax_rate": 0.0025,
                "county_amount": 0.04,
                "city_taxable_amount": 0,
                "city_tax_rate": 0,
                "city_amount": 0,
                "special_district_taxable_amount": 15,
                "special_tax_rate": 0.025,
                "special_district_amount": 0.38,
            }
        ],
    },
}


def by_taxjar(monkeypatch: pytest.MonkeyPatch, item: Item, **line: Any) -> tuple[TaxAmount, ...]:
    """What is read from the reference's example, with another line."""
    tax = json.loads(json.dumps(EXAMPLE))
    tax["breakdown"]["line_items"][0] |= line
    answer = requests.Response()
    answer.status_code, answer._content = 200, json.dumps({"tax": tax}).encode()
    monkeypatch.setattr(requests.Session, "post", lambda *_, **__: answer)
    secrets = type("Secrets", (), {"get_secret_value": lambda *_, **__: {
        "SecretString": json.dumps({"taxjar_token": "t", "webhook_secrets": []})
    }})()  # fmt: skip
    reader = TaxSecretReader(lambda: secrets, "tax", 60)
    (found,) = TaxJar(reader, "http://unused", 1.0, lambda: 60.0).taxes(sale(LA, item))
    return found


def test_the_example_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_taxjar(monkeypatch, Item(usd(1_500)))
    district = JurisdictionLevel.DISTRICT
    # 0.94 + 0.04 + 0.38 are 1.36; the line's total is what TaxJar reports.
    assert sum_money((tax.amount for tax in found), "USD") == usd(135)
    assert [(level, treated, base) for level, treated, base, _ in told(found)] == [
        (STATE, Taxability.TAXED, None), (COUNTY, Taxability.TAXED, None), (district, Taxability.TAXED, None),
    ]  # fmt: skip
    assert [tax.facts.jurisdiction for tax in found if tax.facts] == [None, "LOS ANGELES", None]
    assert {(tax.facts.country, tax.facts.region, tax.facts.category) for tax in found if tax.facts} == {
        ("US", "CA", "sales_tax")
    }


def test_what_a_level_does_not_tax_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_taxjar(monkeypatch, Item(usd(1_500)), county_taxable_amount=10, county_amount=0.03)
    (county,) = (tax for tax in found if tax.facts and tax.facts.level is COUNTY and tax.rate_percent)
    assert county.base == usd(1_000)
    assert told(found)[-1] == (COUNTY, Taxability.EXEMPT, 500, 0)


def test_a_level_that_says_no_base_is_taken_to_tax_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_taxjar(monkeypatch, Item(usd(1_500)), state_taxable_amount=None, taxable_amount=None)
    assert told(found)[0][:3] == (STATE, Taxability.TAXED, None)


def test_a_product_that_is_exempt_is_so_at_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = ("state_amount", "county_amount", "special_district_amount", "tax_collectable", "taxable_amount")
    found = by_taxjar(monkeypatch, Item(usd(1_500)), **dict.fromkeys(amounts, 0))
    on, off = apart(found)
    assert on == ()
    assert {(each[1], each[2]) for each in told(off)} == {(Taxability.EXEMPT, None)}
    assert len(off) == 3


def test_contained_taxes_of_a_part_have_the_parts_net_as_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """10.90 of 21.80 are taxable: 10.00 and 0.90."""
    found = by_taxjar(monkeypatch, Item(usd(2_180), inclusive=True), taxable_amount=Decimal("10.9").__float__())
    on, off = apart(found)
    assert {tax.base for tax in on} == {usd(1_000)}
    assert sum_money((tax.amount for tax in on), "USD") == usd(90)
    assert {tax.base for tax in off} == {usd(1_090)}
