"""Tax: how much is on a line, who is taxed where, and which rate is in force; vectors from outside by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.customers.customer import Address, TaxExempt
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import TaxJurisdictionUnsupported
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, sum_money
from billing.domain.lines.line import TaxRate
from billing.domain.tax.rate_table import MOST_UPDATES, RateEntry, TaxRateUpdates, in_force, tax_day
from billing.domain.tax.rules import REVERSE_CHARGE_COUNTRIES, Place, Treatment, line_taxes, treatment
from billing.domain.tax.tax_ids import EU_MEMBERS
from billing.domain.tenant import PLATFORM
from billing.integrations.tax.builtin import builtin_table

LAW = settings(max_examples=80, deadline=None)
RATES = st.lists(
    st.integers(0, 400_000).map(lambda n: TaxRate("Tax", Decimal(n).scaleb(-4))), min_size=1, max_size=4
)  # 0 to 40 %
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD", "MGA", "ISK"])
CHARGEABLE = st.builds(
    lambda units, currency: Money.from_minor(units * charge_step(currency), currency),
    st.integers(-(10**9), 10**9),
    CURRENCIES,
)


def usd(text: str) -> Money:
    return Money(int(Decimal(text) * 100 * MICROS_PER_MINOR), "USD")


def vat(percent: str) -> TaxRate:
    return TaxRate("VAT", Decimal(percent))


# How much


def test_vector_lago_coupon_and_three_rates() -> None:
    """Fees 10000 at 10 %, 5000 at 0 %, 3000 and 2000 at 20 %, coupon 1000: taxes 950/0/570/380, total 20900."""
    fees = [Money.from_minor(fee, "USD") for fee in (10_000, 5_000, 3_000, 2_000)]
    percents = ("10", "0", "20", "20")
    coupons = Money.from_minor(1_000, "USD").allocate([fee.minor for fee in fees])
    taxable = [fee - coupon for fee, coupon in zip(fees, coupons, strict=True)]
    taxes = [line_taxes(each, [vat(percent)], False) for each, percent in zip(taxable, percents, strict=True)]
    assert [tax.amount.minor for (tax,) in taxes] == [950, 0, 570, 380]
    total = sum_money(taxable, "USD") + sum_money((tax.amount for (tax,) in taxes), "USD")
    assert total.minor == 20_900


def test_vector_wafeq_half_up() -> None:
    (tax,) = line_taxes(usd("45.30"), [vat("5")], inclusive=False)
    assert tax.amount == usd("2.27")


def test_vector_zuora_the_net_is_rounded_and_the_tax_is_the_rest() -> None:
    (tax,) = line_taxes(usd("2.99"), [vat("4")], inclusive=True)
    assert (usd("2.99") - tax.amount, tax.amount) == (usd("2.88"), usd("0.11"))
    assert tax.inclusive


def test_several_rates_are_each_on_the_whole_and_rounded_alone() -> None:
    """Quebec: 5 % and 9.975 % of $1.00 are 5 cents and 9.975 -> 10 cents."""
    taxes = line_taxes(usd("1.00"), [TaxRate("GST", Decimal(5)), TaxRate("QST", Decimal("9.975"))], inclusive=False)
    assert [(tax.name, tax.amount.minor) for tax in taxes] == [("GST", 5), ("QST", 10)]


def test_taxes_within_a_price_are_split_by_their_percents() -> None:
    taxes = line_taxes(usd("114.98"), [TaxRate("GST", Decimal(5)), TaxRate("QST", Decimal("9.975"))], inclusive=True)
    assert [tax.amount.minor for tax in taxes] == [500, 998]


def test_a_rate_of_zero_is_shown() -> None:
    for inclusive in (False, True):
        (tax,) = line_taxes(usd("10.00"), [vat("0")], inclusive)
        assert (tax.amount, tax.rate_percent) == (usd("0.00"), Decimal(0))


def test_no_rates_no_taxes() -> None:
    assert line_taxes(usd("10.00"), [], False) == line_taxes(usd("10.00"), [], True) == ()


@LAW
@given(CHARGEABLE, RATES, st.booleans())
def test_a_credits_tax_is_minus_its_debits(amount: Money, rates: list[TaxRate], inclusive: bool) -> None:
    debit, credit = line_taxes(amount, rates, inclusive), line_taxes(-amount, rates, inclusive)
    assert [tax.amount for tax in credit] == [-tax.amount for tax in debit]


@LAW
@given(CHARGEABLE, RATES)
def test_net_and_tax_are_the_gross_of_an_inclusive_price(gross: Money, rates: list[TaxRate]) -> None:
    tax = sum_money((each.amount for each in line_taxes(gross, rates, inclusive=True)), gross.currency)
    net = gross - tax
    percent = sum(rate.percent for rate in rates)
    # The net is the exact one, to half a chargeable unit.
    assert abs(net.micros * (100 + percent) - gross.micros * 100) * 2 <= (
        charge_step(gross.currency) * MICROS_PER_MINOR * (100 + percent)
    )


@LAW
@given(CHARGEABLE, RATES, st.booleans())
def test_every_tax_can_be_charged(amount: Money, rates: list[TaxRate], inclusive: bool) -> None:
    """KWD taxes end in 0 fils, ariary ones are whole."""
    for tax in line_taxes(amount, rates, inclusive):
        assert tax.amount.minor % charge_step(amount.currency) == 0


@LAW
@given(CHARGEABLE, RATES)
def test_each_tax_on_top_is_exact_to_half_a_unit(net: Money, rates: list[TaxRate]) -> None:
    for rate, tax in zip(rates, line_taxes(net, rates, inclusive=False), strict=True):
        assert abs(tax.amount.micros * 100 - net.micros * rate.percent) * 2 <= (
            charge_step(net.currency) * MICROS_PER_MINOR * 100
        )


# Who


FRENCH, SWISS = "FR40303265045", "CHE-100.155.212 MWST"


@pytest.mark.parametrize(
    ("seller", "buyer", "tax_id", "treated"),
    [
        ("DE", "FR", FRENCH, Treatment.REVERSE_CHARGE),
        ("US", "FR", FRENCH, Treatment.REVERSE_CHARGE),  # article 196: the supplier may be outside of the EU
        ("DE", "CH", SWISS, Treatment.REVERSE_CHARGE),
        ("de", "fr", FRENCH, Treatment.REVERSE_CHARGE),
        ("FR", "FR", FRENCH, Treatment.TAXED),  # at home
        ("DE", "FR", None, Treatment.TAXED),  # a consumer
        ("DE", "FR", "", Treatment.TAXED),
        ("DE", "FR", "FR40303265046", Treatment.TAXED),  # a digit off
        ("DE", "IT", FRENCH, Treatment.TAXED),  # not of the buyer's country
        (None, "FR", FRENCH, Treatment.TAXED),  # who is nowhere is not abroad
        ("DE", None, FRENCH, Treatment.TAXED),
        ("DE", "US", "12-3456789", Treatment.TAXED),  # no such scheme there
        ("DE", "JP", "T7000012050002", Treatment.TAXED),
    ],
)
def test_reverse_charge(seller: str | None, buyer: str | None, tax_id: str | None, treated: Treatment) -> None:
    assert treatment(seller, buyer, tax_id) is treated


@pytest.mark.parametrize(
    ("exempt", "treated"),
    [(TaxExempt.EXEMPT, Treatment.EXEMPT), (TaxExempt.REVERSE, Treatment.REVERSE_CHARGE)],
)
@pytest.mark.parametrize("tax_id", [None, FRENCH])
def test_what_the_tenant_says_of_a_customer_comes_first(
    exempt: TaxExempt, treated: Treatment, tax_id: str | None
) -> None:
    assert treatment("FR", "FR", tax_id, exempt) is treated


# Where


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (Address(country="DE", state="Bavaria"), "DE"),
        (Address(country="us", state="ca"), "US-CA"),
        (Address(country="US", state="California"), "US-CA"),
        (Address(country="US", state="US-CA"), "US-CA"),
        (Address(country="US", state=" district of columbia "), "US-DC"),
        (Address(country="CA", state="British Columbia"), "CA-BC"),
    ],
)
def test_the_place_of_an_address(address: Address, code: str) -> None:
    assert Place.of(address).code == code
    assert builtin_table().find(Place.of(address)).place.code == code


@pytest.mark.parametrize(
    "address", [None, Address(), Address(country=""), Address(country="US"), Address(country="CA", state=" ")]
)
def test_an_address_that_does_not_say_where_it_is(address: Address | None) -> None:
    with pytest.raises(TaxJurisdictionUnsupported):
        Place.of(address)


# The table


def test_the_table_has_every_place_that_it_promises() -> None:
    codes = builtin_table().jurisdictions.keys()
    assert codes >= EU_MEMBERS | {"GB", "CH", "NO", "AU", "JP", "IN"}
    assert sum(code.startswith("US-") for code in codes) == 51
    assert sum(code.startswith("CA-") for code in codes) == 13
    assert {code for code in REVERSE_CHARGE_COUNTRIES if code not in codes} == {"CA"}  # by province


def test_every_place_has_a_standard_rate_on_every_day() -> None:
    table = builtin_table()
    for jurisdiction in table.jurisdictions.values():
        for on in (date(2019, 12, 31), date(2024, 2, 29), date(2026, 11, 22), date(2031, 1, 1)):
            rates = table.rates(jurisdiction.place, None, on)
            assert rates
            assert all(0 <= rate.percent <= 40 for rate in rates)


@pytest.mark.parametrize("code", sorted(EU_MEMBERS))
def test_eu_rates_are_within_the_directive(code: str) -> None:
    """A standard rate of 15 % at least; no reduced rate above it (Directive 2006/112/EC, articles 97 and 98)."""
    table, on = builtin_table(), date(2026, 11, 22)
    (standard,) = table.rates(Place(code), "standard", on)
    assert 15 <= standard.percent <= 27
    for category in ("reduced", "reduced_2", "super_reduced", "special"):
        (rate,) = table.rates(Place(code), category, on)
        assert rate.percent <= standard.percent


@pytest.mark.parametrize(
    ("code", "category", "last_day", "before", "after"),
    [
        ("EE", "standard", date(2025, 6, 30), "22", "24"),
        ("RO", "standard", date(2025, 7, 31), "19", "21"),
        ("SK", "standard", date(2024, 12, 31), "20", "23"),
        ("SK", "reduced", date(2024, 12, 31), "10", "19"),
        ("FI", "standard", date(2024, 8, 31), "24", "25.5"),
        ("FI", "reduced", date(2025, 12, 31), "14", "13.5"),
        ("LT", "reduced", date(2025, 12, 31), "9", "12"),
        ("CH", "standard", date(2023, 12, 31), "7.7", "8.1"),
        ("DE", "standard", date(2020, 12, 31), "16", "19"),
        ("CA-NS", "standard", date(2025, 3, 31), "15", "14"),
        ("US-LA", "standard", date(2024, 12, 31), "4.45", "5"),
        ("IN", "reduced_2", date(2025, 9, 21), "12", "5"),
    ],
)
def test_a_tax_point_takes_the_rate_of_its_day(
    code: str, category: str, last_day: date, before: str, after: str
) -> None:
    table = builtin_table()
    place = Place(*code.split("-"))
    (old,) = table.rates(place, category, last_day)
    (new,) = table.rates(place, category, date.fromordinal(last_day.toordinal() + 1))
    assert (str(old.percent), str(new.percent)) == (before, after)


def test_the_day_is_that_of_the_customers_calendar() -> None:
    at = datetime(2025, 6, 30, 21, 0, tzinfo=UTC)
    assert tax_day(at, "Europe/Tallinn") == date(2025, 7, 1)
    assert tax_day(at, "UTC") == date(2025, 6, 30)


@pytest.mark.parametrize(
    ("tax_code", "percents"),
    [
        (None, ["19"]),
        ("standard", ["19"]),
        ("reduced", ["7"]),
        ("super_reduced", ["19"]),  # Germany has none
        ("txcd_10103001", ["19"]),  # another provider's
        ("zero", ["0"]),
        ("exempt", []),
    ],
)
def test_tax_codes(tax_code: str | None, percents: list[str]) -> None:
    rates = builtin_table().rates(Place("DE"), tax_code, date(2026, 1, 1))
    assert [str(rate.percent) for rate in rates] == percents


# What the webhook told since


def entry(percent: str, valid_from: date, name: str = "VAT", country: str = "DE") -> RateEntry:
    return RateEntry(country, None, "standard", name, Decimal(percent), valid_from)


def test_an_update_counts_from_its_first_day() -> None:
    table = builtin_table().with_updates([entry("20", date(2027, 1, 1))])
    assert [str(table.rates(Place("DE"), None, on)[0].percent) for on in (date(2026, 12, 31), date(2027, 1, 1))] == [
        "19",
        "20",
    ]
    assert str(builtin_table().rates(Place("DE"), None, date(2027, 1, 1))[0].percent) == "19"


def test_an_update_of_the_same_day_stands_in_for_what_the_table_says() -> None:
    table = builtin_table().with_updates([entry("23", date(2025, 7, 1), country="EE")])
    (rate,) = table.rates(Place("EE"), None, date(2025, 7, 1))
    assert str(rate.percent) == "23"


def test_a_place_may_be_added() -> None:
    table = builtin_table().with_updates([entry("24", date(2015, 1, 1), country="IS")])
    assert str(table.rates(Place("IS"), None, date(2026, 1, 1))[0].percent) == "24"


def test_a_tax_by_another_name_would_be_added_to_those_that_are_there() -> None:
    table = builtin_table()
    assert not table.has_room_for(entry("19", date(2027, 1, 1), name="MwSt"))
    assert table.has_room_for(entry("19", date(2027, 1, 1)))
    assert table.has_room_for(entry("24", date(2027, 1, 1), name="VSK", country="IS"))


def test_what_is_told_again_replaces_what_was_told() -> None:
    known = TaxRateUpdates(PLATFORM, "rates").with_rates([entry("20", date(2027, 1, 1))])
    assert known.with_rates(known.rates) == known
    assert [str(rate.percent) for rate in known.with_rates([entry("21", date(2027, 1, 1))]).rates] == ["21"]


def test_updates_have_an_end() -> None:
    many = [entry("20", date.fromordinal(740_000 + n)) for n in range(MOST_UPDATES)]
    full = TaxRateUpdates(PLATFORM, "rates").with_rates(many)
    with pytest.raises(ValueError, match="new one"):
        full.with_rates([entry("20", date(2030, 1, 1), country="FR")])


def test_which_rates_are_in_force() -> None:
    rates = builtin_table().find(Place("EE")).rates
    now = {(rate.category, str(rate.percent)) for rate in in_force(rates, date(2025, 6, 30))}
    assert now == {("standard", "22"), ("reduced", "9"), ("reduced_2", "13")}
