"""A double of TaxJar's one call that the product makes, ``POST /v2/taxes``, beside the Stripe sandbox.

On the same port, so that the control API's faults and request log go for it too. It is as strict as TaxJar's reference
(developers.taxjar.com/api/reference) is about what it asks for; its rates are its own and stay as they are.
"""

from __future__ import annotations

import asyncio
import json
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from aiohttp import web

from local.stripe_sandbox.app import Sandbox, drop

Json = dict[str, Any]

# Rates by level; where there is none, the seller has no nexus.
_STATES: dict[tuple[str, str], Json] = {
    ("US", "CA"): {"state": "0.0625", "county": "0.01", "city": "0.0", "special": "0.0225", "zip": "9"},
    ("US", "NY"): {"state": "0.04", "county": "0.0", "city": "0.045", "special": "0.00375", "zip": "1"},
    ("US", "WA"): {"state": "0.065", "county": "0.0", "city": "0.0385", "special": "0.0", "zip": "98"},
    ("CA", "BC"): {"gst": "0.05", "pst": "0.07", "qst": "0.0"},
    ("CA", "QC"): {"gst": "0.05", "pst": "0.0", "qst": "0.09975"},
}
_COUNTRIES = {"FR": "0.2", "DE": "0.19", "PL": "0.23", "AU": "0.1"}
_NAMES = {"CA": ("LOS ANGELES", "LOS ANGELES"), "NY": ("NEW YORK", "NEW YORK"), "WA": ("KING", "SEATTLE")}
_ORDER_FIELDS = {
    *(f"{side}_{part}" for side in ("from", "to") for part in ("country", "zip", "state", "city", "street")),
    "amount", "shipping", "customer_id", "exemption_type", "nexus_addresses", "line_items", "plugin",
}  # fmt: skip
_LINE_FIELDS = {"id", "quantity", "product_tax_code", "unit_price", "discount"}
_EXEMPT_CODE = "99999"
_US_LEVELS = (
    ("state", "state_sales_tax_rate", "state_taxable_amount", "state_amount"),
    ("county", "county_tax_rate", "county_taxable_amount", "county_amount"),
    ("city", "city_tax_rate", "city_taxable_amount", "city_amount"),
    ("special", "special_tax_rate", "special_district_taxable_amount", "special_district_amount"),
)
_CA_LEVELS = tuple((name, f"{name}_tax_rate", f"{name}_taxable_amount", name) for name in ("gst", "pst", "qst"))
_COUNTRY_LEVEL = (("country", "country_tax_rate", "country_taxable_amount", "country_tax_collectable"),)


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class TaxJarDouble:
    """The handler; faults and log are the Stripe sandbox's."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        """Everything under /v2/."""
        return [web.route("*", "/v2/{path:.*}", self.handle)]

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """One request; what goes wrong is answered as TaxJar does, ``{"status", "error", "detail"}``."""
        entry: Json = {"time": time.time(), "method": http.method, "path": http.path, "idempotency_key": None}
        entry |= {"status": None, "replayed": False, "fault": None}
        self._sandbox.requests.append(entry)
        text = await http.text()
        fault = self._sandbox.faults.take(http.method, http.path)
        entry["fault"] = fault.kind if fault else None
        if fault and fault.kind == "drop_before":
            return drop(http)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.ms / 1000)
        try:
            if fault and fault.kind == "status":
                raise _Refused(fault.status, "An injected error.")
            status, body = 200, _answer(http, text)
        except _Refused as refusal:
            status = refusal.status
            error = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}.get(status, "Error")
            body = json.dumps({"status": status, "error": error, "detail": refusal.detail})
        entry["status"] = status
        if fault and fault.kind == "drop_after":
            return drop(http)
        headers = {"Retry-After": "7"} if status == 429 else {}
        return web.Response(status=status, text=body, headers=headers, content_type="application/json")


def _answer(http: web.Request, text: str) -> str:
    if (http.method, http.path) != ("POST", "/v2/taxes"):
        raise _Refused(404, "Resource can not be found")
    scheme, _, token = http.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise _Refused(401, "Not authorized for route 'POST /v2/taxes'")
    try:
        order = json.loads(text, parse_float=Decimal)
    except ValueError:
        raise _Refused(400, "The body is not JSON") from None
    _check(order)
    tax = _tax(order)
    return json.dumps({"tax": tax}, default=float)  # 1.0, as TaxJar writes it, not "1.0"


def _check(order: Any) -> None:
    if not isinstance(order, dict):
        raise _Refused(400, "The body must be an object")
    unknown = sorted(order.keys() - _ORDER_FIELDS)
    if unknown:
        raise _Refused(400, f"Unknown parameter {unknown[0]}")
    country = order.get("to_country")
    if not isinstance(country, str) or len(country) != 2:
        raise _Refused(400, "to_country must be a two-letter ISO code")
    if country == "US" and not order.get("to_zip"):
        raise _Refused(400, "to_zip is required when to_country is US")
    if country in ("US", "CA") and len(str(order.get("to_state", ""))) != 2:
        raise _Refused(400, f"to_state must be a two-letter ISO code when to_country is {country}")
    if not _is_number(order.get("shipping")):
        raise _Refused(400, "shipping is required")
    if "amount" not in order and not order.get("line_items"):
        raise _Refused(400, "amount or line_items is required")
    for line in order.get("line_items", ()):
        if line.keys() - _LINE_FIELDS or not _is_number(line.get("unit_price")) or line["unit_price"] < 0:
            raise _Refused(400, "line_items are malformed")
    prefix = _STATES.get((country, order.get("to_state", "")), {}).get("zip", "")
    if country == "US" and not str(order["to_zip"]).startswith(prefix):
        raise _Refused(400, f"to_zip {order['to_zip']} is not used within to_state {order['to_state']}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _tax(order: Json) -> Json:
    country, state = order["to_country"], order.get("to_state", "")
    lines = order.get("line_items") or [{"id": "1", "quantity": 1, "unit_price": order["amount"]}]
    whole = sum((_net(line) for line in lines), Decimal(0))
    levels, rates = _levels(country, state)
    tax: Json = {
        "order_total_amount": whole + order["shipping"],
        "shipping": order["shipping"],
        "taxable_amount": Decimal(0),
        "amount_to_collect": Decimal(0),
        "rate": Decimal(0),
        "has_nexus": bool(rates),
        "freight_taxable": False,
        "tax_source": "destination" if rates else None,
        "jurisdictions": {"country": country, "state": state},
    }
    if not rates:
        return tax
    if country == "US" and state in _NAMES:
        tax["jurisdictions"] |= dict(zip(("county", "city"), _NAMES[state], strict=True))
    taxed = [_line(line, levels, rates) for line in lines]
    collected = sum((line["tax_collectable"] for line in taxed), Decimal(0))
    taxable = sum((line["taxable_amount"] for line in taxed), Decimal(0))
    combined = sum(rates.values(), Decimal(0))
    breakdown: Json = {"taxable_amount": taxable, "tax_collectable": collected, "combined_tax_rate": combined}
    tax |= {"taxable_amount": taxable, "amount_to_collect": collected, "rate": combined}
    tax["breakdown"] = breakdown | {"line_items": taxed}
    return tax


def _levels(country: str, state: str) -> tuple[tuple[tuple[str, str, str, str], ...], dict[str, Decimal]]:
    """The levels of a country's breakdown, and the rates; no rates without nexus."""
    if country in ("US", "CA"):
        levels = _US_LEVELS if country == "US" else _CA_LEVELS
        found = _STATES.get((country, state), {})
        return levels, {name: Decimal(found[name]) for name, *_ in levels if found}
    rate = _COUNTRIES.get(country)
    return _COUNTRY_LEVEL, {"country": Decimal(rate)} if rate else {}


def _net(line: Json) -> Decimal:
    return Decimal(line["unit_price"]) * int(line.get("quantity", 1)) - Decimal(line.get("discount", 0))


def _line(line: Json, levels: tuple[tuple[str, str, str, str], ...], rates: dict[str, Decimal]) -> Json:
    net = _net(line)
    taxable = Decimal(0) if line.get("product_tax_code") == _EXEMPT_CODE else net
    found: Json = {"id": line["id"], "taxable_amount": taxable, "combined_tax_rate": sum(rates.values(), Decimal(0))}
    collected = Decimal(0)
    for name, rate_field, taxable_field, amount_field in levels:
        amount = (taxable * rates[name]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        found |= {rate_field: rates[name], taxable_field: taxable, amount_field: amount}
        collected += amount
    return found | {"tax_collectable": collected}
