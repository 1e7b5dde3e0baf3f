"""The tax engine: manual rates, exemption, reverse charge, and what a provider is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.customers.customer import Address, Customer, TaxExempt
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.money import Money
from billing.domain.lines.line import DiscountAmount, InvoiceLine, TaxAmount, TaxRate
from billing.domain.tax.rate_table import RateEntry, TaxRateUpdates
from billing.domain.tenant import PLATFORM, Mode, TaxProviderName, Tenant, TenantStatus, Tier
from billing.integrations.tax.builtin import BuiltinTax
from billing.services.kernel.work import Found
from billing.services.tax.assessment import UPDATES, Sale, Taxes

AT = datetime(2026, 11, 22, tzinfo=UTC)
BERLIN = Address(city="Berlin", country="DE")
PARIS = Address(city="Paris", country="FR")
NOTHING = Found({})


@dataclass
class Ten:
    """A provider that asks for ten percent of everything, and remembers what it was asked."""

    asked: list[Sale] = field(default_factory=list)

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        self.asked.append(sale)
        return tuple((TaxAmount("Ten", Decimal(10), Money(i.taxable.micros // 10, "EUR")),) for i in sale.items)


class Down:
    """A provider that does not answer."""

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        raise Unavailable("down", retry_after_s=5)


def tenant(**more: Any) -> Tenant:
    values: dict[str, Any] = {
        "id": "ten_1", "name": "Acme", "tier": Tier.STANDARD, "mode": Mode.TEST, "status": TenantStatus.ACTIVE,
        "currency": "EUR", "timezone": "UTC", "invoice_prefix": "ACME", "data_key": "", "created_at": AT,
        "address": BERLIN, "tax_provider": TaxProviderName.BUILTIN,
    }  # fmt: skip
    return Tenant(**values | more)


def customer(**more: Any) -> Customer:
    values = {"address": BERLIN, "currency": "EUR", "timezone": "UTC", "created_at": AT}
    return Customer(**{"id": "cus_1", "tenant_id": "ten_1", "name": "Ada", **values, **more})


def line(minor: int = 10_000, **more: Any) -> InvoiceLine:
    return InvoiceLine("", "Line", None, None, None, Money.from_minor(minor, "EUR"), None, **more)


def builtin() -> Taxes:
    return Taxes(lambda name: BuiltinTax())


def test_the_builtin_table_taxes_each_line_after_its_discounts() -> None:
    discounted = line(discounts=(DiscountAmount("LAUNCH", Money.from_minor(1_000, "EUR")),))
    taxed = builtin().applied(tenant(), customer(), NOTHING, (discounted, line(tax_code="reduced")), AT)
    assert [each.tax.minor for each in taxed.lines] == [1_710, 700]
    assert taxed.notes == ()


def test_manual_rates_win_and_the_provider_is_asked_about_the_rest() -> None:
    provider = Ten()
    manual = line(tax_rates=(TaxRate("City", Decimal(3)),))
    taxed = Taxes(lambda name: provider).applied(tenant(), customer(), NOTHING, (line(), manual, line(500)), AT)
    assert [[tax.name for tax in each.taxes] for each in taxed.lines] == [["Ten"], ["City"], ["Ten"]]
    assert [item.taxable.minor for item in provider.asked[0].items] == [10_000, 500]


def test_without_a_provider_manual_rates_are_the_only_tax_and_no_address_is_needed() -> None:
    alone = tenant(tax_provider=TaxProviderName.NONE)
    manual = line(tax_rates=(TaxRate("VAT", Decimal(19)),), tax_inclusive=True)
    taxed = Taxes(lambda name: Down()).applied(alone, customer(address=None), NOTHING, (line(), manual), AT)
    assert [each.tax.minor for each in taxed.lines] == [0, 1_597]
    assert Taxes(lambda name: Down()).refs(alone) == ()


@pytest.mark.parametrize(("exempt", "note"), [(TaxExempt.EXEMPT, "Tax exempt"), (TaxExempt.REVERSE, "Reverse charge")])
@pytest.mark.parametrize("provider", TaxProviderName)
def test_an_exempt_customer_owes_none_on_any_line(exempt: TaxExempt, note: str, provider: TaxProviderName) -> None:
    manual = line(tax_rates=(TaxRate("VAT", Decimal(19)),))
    buyer = customer(address=None, tax_exempt=exempt)
    taxed = Taxes(lambda name: Down()).applied(tenant(tax_provider=provider), buyer, NOTHING, (line(), manual), AT)
    assert [each.taxes for each in taxed.lines] == [(), ()]
    assert taxed.notes == (note,)


def test_a_business_abroad_accounts_for_the_tax_itself_and_nobody_is_asked() -> None:
    buyer = customer(address=PARIS, tax_id="FR 40 303 265 045")
    taxed = Taxes(lambda name: Down()).applied(tenant(), buyer, NOTHING, (line(),), AT)
    assert (taxed.lines[0].taxes, taxed.notes) == ((), ("Reverse charge",))


def test_an_invalid_tax_id_is_taxed() -> None:
    taxed = builtin().applied(tenant(), customer(address=PARIS, tax_id="FR1"), NOTHING, (line(),), AT)
    assert taxed.lines[0].tax.minor == 2_000


def test_taxes_that_were_there_are_replaced() -> None:
    once = builtin().applied(tenant(), customer(), NOTHING, (line(),), AT)
    assert builtin().applied(tenant(), customer(), NOTHING, once.lines, AT) == once


@pytest.mark.parametrize("address", [None, Address(), Address(country="BR"), Address(country="US")])
def test_where_nobody_knows_the_tax_there_is_no_invoice_without_it(address: Address | None) -> None:
    with pytest.raises(TaxJurisdictionUnsupported):
        builtin().applied(tenant(), customer(address=address), NOTHING, (line(),), AT)


def test_a_provider_that_is_down_stops_the_invoice() -> None:
    with pytest.raises(Unavailable):
        Taxes(lambda name: Down()).applied(tenant(), customer(), NOTHING, (line(),), AT)


def test_what_costs_nothing_and_what_is_exempt_need_no_provider_and_no_address() -> None:
    taxed = Taxes(lambda name: Down()).applied(
        tenant(), customer(address=None), NOTHING, (line(0), line(tax_code="exempt")), AT
    )
    assert [each.taxes for each in taxed.lines] == [(), ()]


def test_no_lines_no_questions() -> None:
    assert Taxes(lambda name: Down()).applied(tenant(), customer(), NOTHING, (), AT).lines == ()


def test_the_updates_of_the_webhook_count_where_the_table_is_asked() -> None:
    entry = RateEntry("DE", None, "standard", "VAT", Decimal(21), date(2026, 11, 1))
    updates = TaxRateUpdates(PLATFORM, UPDATES.id, (entry,))
    taxes = builtin()
    assert taxes.refs(tenant()) == (UPDATES,)
    taxed = taxes.applied(tenant(), customer(), Found({UPDATES: updates}), (line(),), AT)
    assert taxed.lines[0].tax.minor == 2_100


def test_a_provider_is_asked_about_the_customers_day_and_place_and_not_who_it_is() -> None:
    provider = Ten()
    buyer = customer(
        address=Address(country="us", state="California", postal_code="90002"), timezone="America/Los_Angeles"
    )
    Taxes(lambda name: provider).applied(tenant(), buyer, NOTHING, (line(),), AT)
    (sale,) = provider.asked
    assert (sale.on, sale.place.code) == (date(2026, 11, 21), "US-CA")
    assert (sale.buyer.country, sale.buyer.state) == ("US", "CA")
    assert "Ada" not in repr(sale)


def test_a_credit_line_gives_its_tax_back() -> None:
    debit, credit = builtin().applied(tenant(), customer(), NOTHING, (line(3_333), line(-3_333)), AT).lines
    assert credit.tax == -debit.tax
    assert replace(debit, taxes=()) == line(3_333)
