"""Stripe Tax as a ``services.tax.assessment.TaxProvider``: POST /v1/tax/calculations (docs.stripe.com/tax/custom).

A calculation moves no money, so it needs no key and can be repeated. A slow, dropped or 5xx answer is tried once more,
then the provider is ``Unavailable``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import stripe
from stripe import StripeClient

from billing.domain.customers.customer import Address
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.money import MICROS_PER_MINOR, Money
from billing.domain.lines.line import TaxAmount
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.domain.tax.facts import category_of, usual_name
from billing.integrations.stripe.objects import stripe_amount
from billing.integrations.stripe.secrets import SecretReader
from billing.integrations.tax.common import (
    CONNECT_TIMEOUT_S,
    RETRY_AFTER_S,
    Budget,
    asked_by_sign,
    is_untaxed,
    percent,
    reconciled,
    with_bases,
)
from billing.services.tax.assessment import Item, Sale

_NONTAXABLE = "txcd_00000000"
_MOST_ITEMS = 100
_CODE_PREFIX = "txcd_"
_WHOLE = _SHOWN_AT_ZERO = {"standard_rated", "reduced_rated", "zero_rated"}
"""All of the line is taxed, so that the base is its net; and they are on documents also where they come to nothing."""
_LEVELS = {each.value: each for each in JurisdictionLevel}
_TREATMENTS = {
    "standard_rated": Taxability.STANDARD,
    "portion_standard_rated": Taxability.STANDARD,
    "proportionally_rated": Taxability.TAXED,
    "taxable_basis_reduced": Taxability.TAXED,
    "reduced_rated": Taxability.REDUCED,
    "portion_reduced_rated": Taxability.REDUCED,
    "zero_rated": Taxability.ZERO,
    "customer_exempt": Taxability.EXEMPT,
    "product_exempt": Taxability.EXEMPT,
    "portion_product_exempt": Taxability.EXEMPT,
    "product_exempt_holiday": Taxability.EXEMPT,
    "reverse_charge": Taxability.REVERSE_CHARGE,
    "not_collecting": Taxability.NOT_COLLECTING,
    "not_subject_to_tax": Taxability.OUT_OF_SCOPE,
}
"""By Stripe's ``taxability_reason``; one that comes later is taxed if it has an amount, and else exempt."""


class StripeTax:
    """Asks Stripe Tax with the stack's API key.

    The seller's address and registrations are those of the Stripe account. Codes other than Stripe's own
    (``txcd_...``) and ``zero`` leave the category to the account's preset.

    Args:
        timeout_s: how long one try may take.
        left_s: how long Stripe may be waited for before the invocation ends.
    """

    def __init__(self, secrets: SecretReader, api_base: str, timeout_s: float, left_s: Callable[[], float]) -> None:
        self._left_s = left_s
        self._secrets = secrets
        self._api_base = api_base
        self._timeout_s = timeout_s
        self._clients: dict[str, StripeClient] = {}

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        budget = Budget(self._timeout_s, self._left_s())
        return asked_by_sign(sale.items, lambda items: self._calculated(sale, items, budget), _MOST_ITEMS)

    def _calculated(self, sale: Sale, items: Sequence[Item], budget: Budget) -> list[tuple[TaxAmount, ...]]:
        params: Any = {
            "currency": sale.currency.lower(),
            "customer_details": {"address": _address(sale.buyer), "address_source": "billing"},
            "line_items": [_line(n, item) for n, item in enumerate(items)],
            "expand": ["line_items.data.tax_breakdown"],
        }
        try:
            lines = self._tried(params, budget)
        except stripe.InvalidRequestError as error:
            if _is_about_address(error):
                raise TaxJurisdictionUnsupported(f"Stripe Tax does not know this address ({error.code})") from error
            raise Unavailable("Stripe Tax refused the calculation", retry_after_s=RETRY_AFTER_S) from error
        except stripe.StripeError as error:
            raise Unavailable("Stripe Tax does not answer", retry_after_s=RETRY_AFTER_S) from error
        by_reference = {line.reference: line for line in lines}
        return [_taxes(by_reference[str(n)], item, sale.currency) for n, item in enumerate(items)]

    def _tried(self, params: Any, budget: Budget) -> list[Any]:
        """The lines, from a second try if the first was slow, dropped or a 5xx.

        The SDK is not used to retry: it would repeat the key of a try that may still be under way there, and get a 409.
        """
        try:
            return self._lines(params, budget)
        except stripe.APIConnectionError:
            return self._lines(params, budget)
        except stripe.APIError as error:
            if (error.http_status or 0) < 500:
                raise
            return self._lines(params, budget)

    def _lines(self, params: Any, budget: Budget) -> list[Any]:
        client = self._client()
        budget.spend()
        calculation = client.v1.tax.calculations.create(params)
        page: Any = calculation.line_items
        lines = list(page.data)
        # An expanded list holds its first lines only.
        while page.has_more:
            more: Any = {"limit": 100, "starting_after": lines[-1].id, "expand": ["data.tax_breakdown"]}
            budget.spend()
            page = client.v1.tax.calculations.line_items.list(str(calculation.id), more)
            lines += page.data
        return lines

    def _client(self) -> StripeClient:
        api_key = self._secrets.get().api_key
        if api_key not in self._clients:
            self._clients = {
                api_key: StripeClient(
                    api_key,
                    base_addresses={"api": self._api_base},
                    http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, self._timeout_s)),
                    max_network_retries=0,
                )
            }
        return self._clients[api_key]


def _address(address: Address) -> dict[str, str]:
    """The parts of an address that decide a tax rate: no name. US rates below the state's need street and ZIP code."""
    parts = {
        "line1": address.line1,
        "city": address.city,
        "postal_code": address.postal_code,
        "state": address.state,
        "country": address.country,
    }
    return {name: value for name, value in parts.items() if value}


def _line(number: int, item: Item) -> dict[str, Any]:
    line: dict[str, Any] = {
        "amount": stripe_amount(item.taxable),
        "reference": str(number),
        "tax_behavior": "inclusive" if item.inclusive else "exclusive",
    }
    if is_untaxed(item.tax_code):
        line["tax_code"] = _NONTAXABLE
    elif item.tax_code and item.tax_code.startswith(_CODE_PREFIX):
        line["tax_code"] = item.tax_code
    return line


def _is_about_address(error: stripe.InvalidRequestError) -> bool:
    return error.code == "customer_tax_location_invalid" or (error.param or "").startswith("customer_details")


def _taxes(line: Any, item: Item, currency: str) -> tuple[TaxAmount, ...]:
    """The taxes on a line, and those that are not: where the account is not registered, and what is not taxable."""
    on, off = [], []
    for part in line.tax_breakdown or ():
        if part.taxability_reason == "not_supported":
            raise TaxJurisdictionUnsupported("Stripe Tax does not support the place of this address")
        if part.tax_rate_details is None or (not part.amount and part.taxability_reason not in _SHOWN_AT_ZERO):
            off.append(_untaxed(part, currency))
            continue
        rate = percent(part.tax_rate_details.percentage_decimal)
        base = None if part.taxability_reason in _WHOLE else _money(part.taxable_amount, currency)
        amount = _money(part.amount, currency)
        on.append(TaxAmount(_name(part), rate, amount, item.inclusive, base, _facts(part)))
    taxes = reconciled(on, _money(line.amount_tax, currency))
    return with_bases(taxes, off, item)


def _untaxed(part: Any, currency: str) -> TaxAmount:
    facts = _facts(part)
    if facts.treatment.is_taxed:  # a share so small that no tax is due on it
        facts = replace(facts, treatment=Taxability.EXEMPT)
    name = _name(part) if part.tax_rate_details is not None else usual_name(facts.country)
    return TaxAmount(name, Decimal(0), Money.zero(currency), facts=facts)


def _facts(part: Any) -> TaxFacts:
    """Whose tax it is. What Stripe may add one day, a level or a reason, is no reason to bill nobody."""
    place, reason = part.jurisdiction, str(part.taxability_reason)
    level = _LEVELS.get(place.level, JurisdictionLevel.DISTRICT)
    details = part.tax_rate_details
    below = level not in (JurisdictionLevel.COUNTRY, JurisdictionLevel.STATE)
    return TaxFacts(
        country=place.country,
        treatment=_TREATMENTS.get(reason, Taxability.TAXED if part.amount else Taxability.EXEMPT),
        category=getattr(details, "tax_type", None) or category_of(usual_name(place.country)),
        region=getattr(place, "state", None) or None,
        level=level,
        jurisdiction=str(place.display_name) if below else None,
        reason=reason,
    )


def _name(part: Any) -> str:
    """``VAT``, or ``Sales Tax (California)`` below the country."""
    name, place = str(part.tax_rate_details.display_name), part.jurisdiction
    return name if place.level == "country" else f"{name} ({place.display_name})"


def _money(stripe_units: int, currency: str) -> Money:
    """Stripe's integer as money, by the scale that ``stripe_amount`` sent: JPY 50 -> 50 yen, ISK 5000 -> 50."""
    step = charge_step(currency)
    one = Fraction(stripe_amount(Money(step * MICROS_PER_MINOR, currency)), step)
    return Money.rounded(stripe_units / one * MICROS_PER_MINOR, currency, step)
