"""Which taxes the tenant's rounding is about: those that are rated here, and none that a provider calculated."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.customers.customer import Address
from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine, TaxAmount, TaxRate
from billing.domain.tenant import TaxProviderName, TaxRounding, Tenant
from billing.services.tax.assessment import Taxes
from tests.unit.services.tax.test_assessment import AT, NOTHING, PARIS, Ten, builtin, customer, line, tenant

VAT = TaxRate("VAT", Decimal(19))
LINE, DOCUMENT = TaxRounding.LINE, TaxRounding.DOCUMENT


def taxes(taxed: Taxes, seller: Tenant, *lines: InvoiceLine, **buyer: Any) -> list[int]:
    found = taxed.applied(seller, customer(**buyer), NOTHING, lines, AT)
    return [each.tax.minor for each in found.lines]


@pytest.mark.parametrize(
    ("country", "setting", "expected"),
    [
        ("DE", None, [16, 16, 15]),
        ("de", None, [16, 16, 15]),
        ("DE", LINE, [16, 16, 16]),
        ("CH", None, [16, 16, 16]),
        ("CH", DOCUMENT, [16, 16, 15]),
        (None, None, [16, 16, 16]),
    ],
)
def test_11_17_the_tenants_setting_counts_or_else_where_it_is(
    country: str | None, setting: TaxRounding | None, expected: list[int]
) -> None:
    seller = tenant(address=Address(country=country) if country else None, tax_rounding=setting)
    assert taxes(builtin(), seller, line(83), line(83), line(83)) == expected


def test_11_17_rates_by_hand_and_those_of_the_table_are_one_document() -> None:
    by_hand = line(83, tax_rates=(VAT,))
    assert taxes(builtin(), tenant(), by_hand, line(83), line(83)) == [16, 16, 15]
    alone = tenant(tax_provider=TaxProviderName.NONE)
    assert taxes(Taxes(lambda name: Ten()), alone, by_hand, by_hand, by_hand, line(83)) == [16, 16, 15, 0]


def test_11_17_a_providers_amounts_stay_and_rates_by_hand_beside_them_are_rounded() -> None:
    """Ten percent of 0.83, three times, are 0.083 each as this provider says; of the others there are three."""
    by_hand = line(83, tax_rates=(VAT,))
    asked = tenant(tax_provider=TaxProviderName.STRIPE)
    lines = (line(80), line(80), by_hand, by_hand, by_hand)
    assert taxes(Taxes(lambda name: Ten()), asked, *lines) == [8, 8, 16, 16, 15]


def test_11_17_a_credit_of_an_earlier_line_keeps_its_tax() -> None:
    tax = TaxAmount("VAT", Decimal(19), Money.from_minor(-712, "EUR"))
    credit = replace(line(-3750), credits="in_1-1", taxes=(tax,))
    assert taxes(builtin(), tenant(), credit, line(3750)) == [-712, 712]
    assert taxes(builtin(), tenant(tax_rounding=LINE), credit, line(3750)) == [-712, 713]


def test_11_17_reverse_charge_and_what_is_exempt_have_nothing_to_round() -> None:
    seller = tenant()
    assert taxes(builtin(), seller, line(83), line(83), address=PARIS, tax_id="FR 40 303 265 045") == [0, 0]
    assert taxes(builtin(), seller, line(83, tax_code="exempt"), line(83), line(83)) == [0, 16, 16]
