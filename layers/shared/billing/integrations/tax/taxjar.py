"""TaxJar as a ``services.tax.assessment.TaxProvider``: POST /v2/taxes (developers.taxjar.com/api/reference).

A calculation leaves nothing behind at TaxJar. A slow, dropped or 5xx answer is tried once more, then the provider is
``Unavailable``. Amounts are read as the decimals that TaxJar wrote, never as floats.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import requests

from billing.domain.customers.customer import Address
from billing.domain.kernel.currencies import charge_step, minor_digits
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.domain.lines.line import TaxAmount, TaxRate
from billing.domain.lines.tax_facts import JurisdictionLevel, Taxability, TaxFacts
from billing.domain.tax.facts import NO_NEXUS, PRODUCT_EXEMPT, category_of, not_taxed, usual_name
from billing.domain.tax.rules import line_taxes
from billing.integrations.http_session import HttpSession
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
from billing.integrations.tax.secrets import TaxSecretReader
from billing.services.tax.assessment import Item, Sale

_EXEMPT_CODE = "99999"
"""TaxJar's category for goods that are exempt everywhere."""
_MOST_ITEMS = 500
_TRIES = 2
_LONGEST_WAIT_S = 3600


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a line's breakdown: the names of its rate, its amount and what that is on, and whose tax it is."""

    rate: str
    amount: str
    base: str
    kind: str
    level: JurisdictionLevel


_COUNTRY, _STATE = JurisdictionLevel.COUNTRY, JurisdictionLevel.STATE
_LEVELS = (
    _Level("country_tax_rate", "country_tax_collectable", "country_taxable_amount", "country", _COUNTRY),
    _Level("gst_tax_rate", "gst", "gst_taxable_amount", "GST", _COUNTRY),
    _Level("pst_tax_rate", "pst", "pst_taxable_amount", "PST", _STATE),
    _Level("qst_tax_rate", "qst", "qst_taxable_amount", "QST", _STATE),
    _Level("state_sales_tax_rate", "state_amount", "state_taxable_amount", "state", _STATE),
    _Level("county_tax_rate", "county_amount", "county_taxable_amount", "county", JurisdictionLevel.COUNTY),
    _Level("city_tax_rate", "city_amount", "city_taxable_amount", "city", JurisdictionLevel.CITY),
    _Level(
        "special_tax_rate",
        "special_district_amount",
        "special_district_taxable_amount",
        "special district",
        JurisdictionLevel.DISTRICT,
    ),
)
_BELOW_STATES = {"county", "city", "special district"}


class TaxJar:
    """Asks TaxJar with the stack's token.

    TaxJar uses today's rates and has no prices that contain their tax: for those, ``line_taxes`` applies its rates. Our
    codes such as ``reduced`` mean nothing to it; its own (digits) are passed on.

    Args:
        api_base: ``https://api.taxjar.com``, or a stand-in's.
        timeout_s: how long one try may take.
        left_s: how long TaxJar may be waited for before the invocation ends.
    """

    def __init__(self, secrets: TaxSecretReader, api_base: str, timeout_s: float, left_s: Callable[[], float]) -> None:
        self._left_s = left_s
        self._secrets = secrets
        self._url = f"{api_base}/v2/taxes"
        self._timeout = (CONNECT_TIMEOUT_S, timeout_s)
        self._session = HttpSession(api_base)

    def taxes(self, sale: Sale) -> tuple[tuple[TaxAmount, ...], ...]:
        budget = Budget(self._timeout[1], self._left_s())
        return asked_by_sign(sale.items, lambda items: self._calculated(sale, items, budget), _MOST_ITEMS)

    def _calculated(self, sale: Sale, items: Sequence[Item], budget: Budget) -> list[tuple[TaxAmount, ...]]:
        tax = self._asked(_body(sale, items), budget)
        try:
            return _answers(tax, sale, items)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise Unavailable("TaxJar's answer makes no sense", retry_after_s=RETRY_AFTER_S) from error

    def _asked(self, body: str, budget: Budget) -> Any:
        token = self._secrets.get().taxjar_token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            budget.spend()
            try:
                answer = self._session.post(
                    self._url, data=body.encode(), headers=headers, timeout=self._timeout, allow_redirects=False
                )
            except requests.RequestException as error:
                if last:
                    raise Unavailable("TaxJar does not answer", retry_after_s=RETRY_AFTER_S) from error
                continue
            if answer.status_code < 500 or last:
                return _tax_of(answer)
        raise AssertionError("unreachable")


def _tax_of(answer: requests.Response) -> Any:
    if answer.status_code == 200:
        try:
            return json.loads(answer.text, parse_float=Decimal)["tax"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("TaxJar's answer makes no sense", retry_after_s=RETRY_AFTER_S) from error
    if answer.status_code in (400, 404, 406, 422) and _is_about_address(answer):
        raise TaxJurisdictionUnsupported("TaxJar does not know this address")
    message = f"TaxJar answers {answer.status_code}"
    raise Unavailable(message, retry_after_s=_wait_s(answer.headers.get("Retry-After")))


def _is_about_address(answer: requests.Response) -> bool:
    """``{"detail": "to_zip 90002 is not used within to_state NY"}``."""
    try:
        detail = str(answer.json().get("detail", ""))
    except (ValueError, AttributeError):
        return False
    return "to_" in detail


def _wait_s(header: str | None) -> int:
    if header and header.isascii() and header.isdigit():
        return max(1, min(int(header), _LONGEST_WAIT_S))
    return RETRY_AFTER_S


def _body(sale: Sale, items: Sequence[Item]) -> str:
    fields: dict[str, Any] = {**_address("to", sale.buyer), "shipping": 0}
    if sale.seller is not None:
        fields |= _address("from", sale.seller)
    lines = ",".join(_line(n, item) for n, item in enumerate(items))
    return f'{json.dumps(fields)[:-1]}, "line_items": [{lines}]}}'


def _address(prefix: str, address: Address) -> dict[str, str]:
    parts = {
        "country": address.country,
        "zip": address.postal_code,
        "state": address.state,
        "city": address.city,
        "street": address.line1,
    }
    return {f"{prefix}_{name}": value for name, value in parts.items() if value}


def _line(number: int, item: Item) -> str:
    fields: dict[str, Any] = {"id": str(number), "quantity": 1}
    if is_untaxed(item.tax_code):
        fields["product_tax_code"] = _EXEMPT_CODE
    elif item.tax_code and item.tax_code[:1].isdigit():
        fields["product_tax_code"] = item.tax_code
    # The number is written out: as a float it would be another one.
    return f'{json.dumps(fields)[:-1]}, "unit_price": {_decimal(item.taxable):f}}}'


def _decimal(amount: Money) -> Decimal:
    """USD 4999000 micro-units -> 49.99 (of 4999 minor units)."""
    return Decimal(amount.minor).scaleb(-minor_digits(amount.currency))


def _money(value: Any, currency: str) -> Money:
    exact = exact_fraction(value) * 10 ** minor_digits(currency) * MICROS_PER_MINOR
    return Money.rounded(exact, currency, charge_step(currency))


def _answers(tax: Any, sale: Sale, items: Sequence[Item]) -> list[tuple[TaxAmount, ...]]:
    breakdown = tax.get("breakdown")
    if breakdown is None:
        if tax["amount_to_collect"]:
            raise ValueError("an amount without its breakdown")
        nothing = not_taxed(sale.currency, sale.buyer, Taxability.NOT_COLLECTING, NO_NEXUS)
        return [(nothing,) for _ in items]
    by_id = {str(line["id"]): line for line in breakdown["line_items"]}
    places = {**tax.get("jurisdictions", {}), "country": sale.place.country, "region": sale.place.state}
    return [_taxes(by_id[str(n)], item, sale, places) for n, item in enumerate(items)]


def _taxes(line: Any, item: Item, sale: Sale, places: dict[str, Any]) -> tuple[TaxAmount, ...]:
    """The taxes on a line, and those that are not."""
    levels = [each for each in _LEVELS if line.get(each.rate)]
    collected = _money(line["tax_collectable"], sale.currency)
    if not line["tax_collectable"]:
        if not levels:
            return (not_taxed(sale.currency, sale.buyer, Taxability.EXEMPT, PRODUCT_EXEMPT),)
        return with_bases((), [_untaxed(each, sale.currency, places) for each in levels], item)
    if item.inclusive:
        return with_bases(_contained(line, item, levels, places), (), item)
    taxes = [
        TaxAmount(
            name=_name(each.kind, places),
            rate_percent=percent(Decimal(line[each.rate]) * 100),
            amount=_money(line.get(each.amount) or 0, sale.currency),
            base=_base(line, each, sale.currency),
            facts=_facts(each, places, Taxability.TAXED),
        )
        for each in levels
    ]
    return with_bases(reconciled(taxes, collected), (), item)


def _base(line: Any, level: _Level, currency: str) -> Money | None:
    """What a level taxes of a line; None where the answer does not say it, which is taken for all."""
    said = line.get(level.base)
    if said is None:
        said = line.get("taxable_amount")
    return None if said is None else _money(said, currency)


def _contained(line: Any, item: Item, levels: list[_Level], places: dict[str, Any]) -> tuple[TaxAmount, ...]:
    """The taxes contained in an amount, by the rates; if it is taxable in part, only that part's share."""
    share = exact_fraction(line["taxable_amount"]) / exact_fraction(_decimal(item.taxable))
    rates = [TaxRate(_name(each.kind, places), percent(Decimal(line[each.rate]) * 100)) for each in levels]
    currency = item.taxable.currency
    part = Money.rounded(Fraction(item.taxable.micros) * share, currency, charge_step(currency))
    taxes = line_taxes(part, rates, inclusive=True)
    base = None if share == 1 else part - sum_money((tax.amount for tax in taxes), currency)
    return tuple(
        replace(tax, base=base, facts=_facts(each, places, Taxability.TAXED))
        for tax, each in zip(taxes, levels, strict=True)
    )


def _untaxed(level: _Level, currency: str, places: dict[str, Any]) -> TaxAmount:
    facts = _facts(level, places, Taxability.EXEMPT)
    return TaxAmount(_name(level.kind, places), Decimal(0), Money.zero(currency), facts=facts)


def _facts(level: _Level, places: dict[str, Any], treatment: Taxability) -> TaxFacts:
    """Whose tax it is. TaxJar says no class of a rate, and no reason."""
    below = level.kind in _BELOW_STATES
    place = places.get(level.kind) if below else None  # it never names a special district
    return TaxFacts(
        country=places["country"],
        treatment=treatment,
        category="sales_tax" if below or level.kind == "state" else category_of(_name(level.kind, places)),
        region=None if level.level is _COUNTRY else places["region"],
        level=level.level,
        jurisdiction=str(place) if place else None,
        reason=None if treatment.is_taxed else PRODUCT_EXEMPT,
    )


def _name(kind: str, places: dict[str, Any]) -> str:
    if kind == "country":
        return "GST" if usual_name(places["country"]) == "GST" else "VAT"
    if kind.isupper():
        return kind
    place = places.get(kind)
    if not place:
        return f"Sales tax ({kind})"
    # A county and its city may have one name: Los Angeles.
    return f"Sales tax ({place} county)" if kind == "county" else f"Sales tax ({place})"
