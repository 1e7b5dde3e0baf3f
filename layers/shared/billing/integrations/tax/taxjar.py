"""TaxJar as a ``services.tax.assessment.TaxProvider``: POST /v2/taxes (developers.taxjar.com/api/reference).

A calculation leaves nothing behind at TaxJar. A slow, dropped or 5xx answer is tried once more, then the provider is
``Unavailable``. Amounts are read as the decimals that TaxJar wrote, never as floats.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import requests

from billing.domain.customers.customer import Address
from billing.domain.kernel.currencies import charge_step, minor_digits
from billing.domain.kernel.errors import TaxJurisdictionUnsupported, Unavailable
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction
from billing.domain.lines.line import TaxAmount, TaxRate
from billing.domain.tax.rules import line_taxes
from billing.integrations.tax.common import (
    CONNECT_TIMEOUT_S,
    RETRY_AFTER_S,
    Budget,
    asked_by_sign,
    is_untaxed,
    percent,
    reconciled,
)
from billing.integrations.tax.secrets import TaxSecretReader
from billing.services.tax.assessment import Item, Sale

_EXEMPT_CODE = "99999"
"""TaxJar's category for goods that are exempt everywhere."""
_MOST_ITEMS = 500
_TRIES = 2
_LONGEST_WAIT_S = 3600
# A line's breakdown: the rate, the amount, and how the tax is called ("{}" is the place's name).
_PARTS = (
    ("country_tax_rate", "country_tax_collectable", "country"),
    ("gst_tax_rate", "gst", "GST"),
    ("pst_tax_rate", "pst", "PST"),
    ("qst_tax_rate", "qst", "QST"),
    ("state_sales_tax_rate", "state_amount", "state"),
    ("county_tax_rate", "county_amount", "county"),
    ("city_tax_rate", "city_amount", "city"),
    ("special_tax_rate", "special_district_amount", "special district"),
)
_GST_COUNTRIES = {"AU", "CA", "IN", "NZ", "SG"}


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
        self._session = requests.Session()

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
        return [() for _ in items]  # the seller has no nexus there
    by_id = {str(line["id"]): line for line in breakdown["line_items"]}
    places = {**tax.get("jurisdictions", {}), "country": sale.place.country}
    return [_taxes(by_id[str(n)], item, sale.currency, places) for n, item in enumerate(items)]


def _taxes(line: Any, item: Item, currency: str, places: dict[str, Any]) -> tuple[TaxAmount, ...]:
    parts = [(rate, line.get(amount) or 0, _name(kind, places)) for rate, amount, kind in _PARTS if line.get(rate)]
    if item.inclusive:
        return _contained(line, item, parts)
    taxes = [
        TaxAmount(name, percent(Decimal(line[rate]) * 100), _money(amount, currency))
        for rate, amount, name in parts
        if amount or line["tax_collectable"]
    ]
    return reconciled(taxes, _money(line["tax_collectable"], currency))


def _contained(line: Any, item: Item, parts: list[tuple[str, Any, str]]) -> tuple[TaxAmount, ...]:
    """The taxes contained in an amount, by the rates; if it is taxable in part, only that part's share."""
    if not line["tax_collectable"]:
        return ()
    share = exact_fraction(line["taxable_amount"]) / exact_fraction(_decimal(item.taxable))
    rates = [TaxRate(name, percent(Decimal(line[rate]) * 100)) for rate, _, name in parts]
    if share == 1:
        return line_taxes(item.taxable, rates, inclusive=True)
    part = Money.rounded(
        Fraction(item.taxable.micros) * share, item.taxable.currency, charge_step(item.taxable.currency)
    )
    return line_taxes(part, rates, inclusive=True)


def _name(kind: str, places: dict[str, Any]) -> str:
    if kind == "country":
        return "GST" if places["country"] in _GST_COUNTRIES else "VAT"
    if kind.isupper():
        return kind
    place = places.get(kind)
    if not place:
        return f"Sales tax ({kind})"
    # A county and its city may have one name: Los Angeles.
    return f"Sales tax ({place} county)" if kind == "county" else f"Sales tax ({place})"
