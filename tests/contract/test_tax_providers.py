"""Stripe Tax and TaxJar behind one port, against the sandbox: amounts, signs, and everything that a network does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from billing.domain.customers.customer import Address
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.money import Money
from billing.domain.lines.line import TaxAmount
from billing.domain.lines.tax_facts import Taxability
from billing.domain.tax.rules import Place
from billing.integrations.stripe.secrets import SecretReader
from billing.integrations.tax import common
from billing.integrations.tax.secrets import TaxSecretReader
from billing.integrations.tax.stripe_tax import StripeTax
from billing.integrations.tax.taxjar import TaxJar
from billing.services.tax.assessment import Item, Sale, TaxProvider
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client

KEY = "sk_test_taxsandbox01"
TIMEOUT_S = 0.5
PATHS = {"stripe": "/v1/tax/calculations", "taxjar": "/v2/taxes"}
SELLER = Address(line1="500 Market Street", city="Springfield", postal_code="62701", state="IL", country="US")
LA = Address(line1="1 Main St", city="Los Angeles", postal_code="90002", state="CA", country="US")
PARIS = Address(city="Paris", postal_code="75001", country="FR")


class Secrets:
    """Secrets Manager, as far as a reader knows it."""

    def __init__(self, **values: Any) -> None:
        self.text = json.dumps(values)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"SecretString": self.text}


@pytest.fixture
def control(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Control:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    return Control(server.url)


def provider(
    name: str, url: str, token: str = "tj_token", timeout_s: float = TIMEOUT_S, left_s: float = 60.0
) -> TaxProvider:
    if name == "stripe":
        keys = Secrets(api_key=KEY, webhook_secrets=[])
        return StripeTax(SecretReader(lambda: keys, "stripe", 60), url, timeout_s, lambda: left_s)
    secrets = Secrets(taxjar_token=token, webhook_secrets=[])
    return TaxJar(TaxSecretReader(lambda: secrets, "tax", 60), url, timeout_s, lambda: left_s)


@pytest.fixture(params=PATHS)
def either(request: pytest.FixtureRequest, server: SandboxServer, control: Control) -> tuple[str, TaxProvider]:
    return PATHS[request.param], provider(request.param, server.url)


@pytest.fixture
def stripe_tax(server: SandboxServer, control: Control) -> TaxProvider:
    return provider("stripe", server.url)


@pytest.fixture
def taxjar(server: SandboxServer, control: Control) -> TaxProvider:
    return provider("taxjar", server.url)


def sale(buyer: Address, *items: Item, currency: str = "USD") -> Sale:
    return Sale(SELLER, buyer, Place.of(buyer), currency, date(2026, 11, 22), items)


def usd(minor: int, **more: Any) -> Item:
    return Item(Money.from_minor(minor, "USD"), **more)


def plain(taxes: tuple[TaxAmount, ...]) -> tuple[TaxAmount, ...]:
    return tuple(replace(tax, facts=None) for tax in taxes)


def minor(taxes: tuple[TaxAmount, ...]) -> list[int]:
    return [tax.amount.minor for tax in taxes]


# What both say


def test_vat_on_top_and_within(either: tuple[str, TaxProvider]) -> None:
    on_top, within = either[1].taxes(sale(PARIS, usd(10_000), usd(12_000, inclusive=True)))
    assert plain(on_top) == (TaxAmount("VAT", Decimal(20), Money.from_minor(2_000, "USD")),)
    assert plain(within) == (TaxAmount("VAT", Decimal(20), Money.from_minor(2_000, "USD"), inclusive=True),)


def test_the_parts_of_a_us_rate_have_their_places(either: tuple[str, TaxProvider]) -> None:
    (taxes,) = either[1].taxes(sale(LA, usd(10_000)))
    assert [tax.rate_percent for tax in taxes if tax.amount.minor] == [Decimal("6.25"), Decimal(1), Decimal("2.25")]
    assert [each for each in minor(taxes) if each] == [625, 100, 225]
    assert len({tax.name for tax in taxes}) == len(taxes)


def test_a_credit_is_taxed_as_minus_its_debit(either: tuple[str, TaxProvider]) -> None:
    debit, credit, other = either[1].taxes(sale(LA, usd(3_333), usd(-3_333), usd(-1, inclusive=True)))
    assert minor(credit) == [-each for each in minor(debit)]
    assert sum(minor(other)) == 0


def test_credits_go_into_a_calculation_of_their_own(control: Control, either: tuple[str, TaxProvider]) -> None:
    path, asked = either
    before = len(control.calls("POST", path))
    asked.taxes(sale(LA, usd(100), usd(-100)))
    assert len(control.calls("POST", path)) == before + 2


def test_yen_are_whole(either: tuple[str, TaxProvider]) -> None:
    item = Item(Money.from_minor(999, "JPY"))
    (taxes,) = either[1].taxes(sale(PARIS, item, currency="JPY"))
    assert minor(taxes) == [200]


def test_where_the_seller_is_not_registered_nothing_is_due(either: tuple[str, TaxProvider]) -> None:
    ((tax,),) = either[1].taxes(sale(Address(country="BR"), usd(10_000)))
    assert (tax.amount.minor, tax.base) == (0, None)
    assert tax.facts is not None
    assert (tax.facts.country, tax.facts.treatment) == ("BR", Taxability.NOT_COLLECTING)


def test_what_is_zero_rated_here_is_taxed_by_nobody(either: tuple[str, TaxProvider]) -> None:
    taxed, zero = either[1].taxes(sale(LA, usd(10_000), usd(10_000, tax_code="zero")))
    assert sum(minor(taxed)) == 950
    assert sum(minor(zero)) == 0


@pytest.mark.parametrize("name", PATHS)
def test_five_hundred_lines_keep_their_order(name: str, server: SandboxServer, control: Control) -> None:
    items = [usd(100 * n) for n in range(1, 501)]
    # Ample time: the sandbox checks each of its answers, and this machine may be busy.
    taxes = provider(name, server.url, timeout_s=20).taxes(sale(PARIS, *items))
    assert [minor(each) for each in taxes] == [[20 * n] for n in range(1, 501)]


@pytest.mark.parametrize("country", ["ZZ"])
def test_an_address_that_is_nowhere_is_unsupported(stripe_tax: TaxProvider, country: str) -> None:
    with pytest.raises(TaxJurisdictionUnsupported):
        stripe_tax.taxes(sale(Address(country=country), usd(100)))


def test_a_country_that_stripe_has_no_tax_for_is_unsupported(stripe_tax: TaxProvider) -> None:
    with pytest.raises(TaxJurisdictionUnsupported):
        stripe_tax.taxes(sale(Address(country="CU"), usd(100)))


@pytest.mark.parametrize(
    "buyer",
    [
        Address(country="US", state="CA"),
        Address(country="US", state="NY", postal_code="90002"),
        Address(country="FRANCE"),
    ],
    ids=["no ZIP code", "a ZIP code of another state", "no country's code"],
)
def test_an_address_that_taxjar_refuses_is_unsupported(taxjar: TaxProvider, buyer: Address) -> None:
    with pytest.raises(TaxJurisdictionUnsupported):
        taxjar.taxes(sale(buyer, usd(100)))


def test_canadas_two_taxes(taxjar: TaxProvider, stripe_tax: TaxProvider) -> None:
    address = Address(country="CA", state="BC", postal_code="V6B 1A1")
    for asked in (taxjar, stripe_tax):
        (taxes,) = asked.taxes(sale(address, usd(10_000)))
        assert [each for each in minor(taxes) if each] == [500, 700]


def test_an_inclusive_price_with_several_rates_is_split_to_the_cent(either: tuple[str, TaxProvider]) -> None:
    """$10.95 at 9.5 % is $10.00 and $0.95."""
    (taxes,) = either[1].taxes(sale(LA, usd(1_095, inclusive=True)))
    assert sum(minor(taxes)) == 95
    assert all(tax.inclusive for tax in taxes)


# What a network does


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "slow", "ms": 1_500},
    ],
    ids=["500", "503", "dropped before", "dropped after", "slow"],
)
def test_one_fault_is_tried_again_and_two_are_unavailable(
    control: Control, either: tuple[str, TaxProvider], fault: dict[str, Any]
) -> None:
    path, asked = either
    control.post("faults", path=f"^{path}$", times=1, **fault)
    assert minor(asked.taxes(sale(PARIS, usd(100)))[0]) == [20]
    control.post("faults", path=f"^{path}$", times=2, **fault)
    with pytest.raises(Unavailable) as unavailable:
        asked.taxes(sale(PARIS, usd(100)))
    assert (unavailable.value.retry_after_s or 0) > 0
    assert minor(asked.taxes(sale(PARIS, usd(100)))[0]) == [20]


@pytest.mark.parametrize("name", PATHS)
def test_no_call_begins_that_might_outlive_the_invocation(name: str, server: SandboxServer, control: Control) -> None:
    before = len(control.get("requests")["data"])
    with pytest.raises(Unavailable, match="too slow"):
        provider(name, server.url, left_s=2.0 + TIMEOUT_S - 0.1).taxes(sale(PARIS, usd(10_000)))
    assert len(control.get("requests")["data"]) == before
    assert minor(provider(name, server.url, left_s=2.0 + TIMEOUT_S + 5).taxes(sale(PARIS, usd(100)))[0]) == [20]


def test_a_provider_that_is_slow_again_and_again_gets_no_more_than_its_time(
    server: SandboxServer, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten calls for 500 lines, each in time: together they would outlive the request that waits for them.

    Each call takes four fifths of a timeout on the provider's clock, and three timeouts are what all may take together.
    """
    ticks = count(step=4.0)
    monkeypatch.setattr(common, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    with pytest.raises(Unavailable, match="too slow"):
        provider("stripe", server.url, timeout_s=5.0).taxes(sale(PARIS, *[usd(100)] * 500))
    assert len(control.get("requests")["data"]) == 3


def test_too_many_requests_is_unavailable(control: Control, either: tuple[str, TaxProvider]) -> None:
    path, asked = either
    control.post("faults", kind="status", status=429, path=f"^{path}$", times=2)
    with pytest.raises(Unavailable) as unavailable:
        asked.taxes(sale(PARIS, usd(100)))
    assert unavailable.value.retry_after_s in (5, 7)  # TaxJar's own header says 7


def test_nobody_there_is_unavailable() -> None:
    for name in PATHS:
        with pytest.raises(Unavailable):
            provider(name, "http://127.0.0.1:1").taxes(sale(PARIS, usd(100)))


def test_a_refused_token_is_unavailable_not_untaxed(server: SandboxServer, control: Control) -> None:
    with pytest.raises(Unavailable, match="401"):
        provider("taxjar", server.url, token="").taxes(sale(PARIS, usd(100)))


def test_a_code_that_stripe_does_not_know_is_not_an_untaxed_line(stripe_tax: TaxProvider) -> None:
    with pytest.raises(Unavailable):
        stripe_tax.taxes(sale(PARIS, usd(100, tax_code="txcd_nonsense")))


def test_who_buys_is_not_told(server: SandboxServer, stripe_tax: TaxProvider) -> None:
    """The calculation holds a place and amounts; the sandbox would refuse a tax id or an IP address."""
    api = client(server, KEY)
    made = api.v1.tax.calculations.create(
        {
            "currency": "usd",
            "line_items": [{"amount": 100}],
            "customer_details": {"address": {"country": "FR"}, "address_source": "billing"},
        }
    )
    assert made.tax_amount_exclusive == 20
    with pytest.raises(stripe.InvalidRequestError, match="tax_ids"):
        api.v1.tax.calculations.create(
            {
                "currency": "usd",
                "line_items": [{"amount": 100}],
                "customer_details": {
                    "address": {"country": "FR"},
                    "address_source": "billing",
                    "tax_ids": [{"type": "eu_vat", "value": "FR40303265045"}],
                },
            }
        )
