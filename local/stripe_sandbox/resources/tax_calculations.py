"""Stripe Tax calculations: a fixed account, registered in a few places, with rates of its own.

The rates here are not the product's: they are what the sandbox answers with, round or real, and stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local.stripe_sandbox import errors, money
from local.stripe_sandbox.context import merge_metadata, text_or_none, token
from local.stripe_sandbox.registry import Call, serves

Json = dict[str, Any]

_STORED = "_tax_calculation"
_DAYS_90 = 90 * 86400
_PRESET = "txcd_10000000"
_NONTAXABLE = "txcd_00000000"
_INLINE = 10
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@dataclass(frozen=True)
class Levy:
    """One tax of a place."""

    name: str
    type: str
    percent: str
    level: str = "country"
    place: str = ""


def _vat(percent: str, name: str = "VAT", kind: str = "vat") -> tuple[Levy, ...]:
    return (Levy(name, kind, percent),)


# Where the account is registered. Everywhere else it collects nothing.
_COUNTRIES = {
    "DE": _vat("19.0"),
    "FR": _vat("20.0"),
    "IE": _vat("23.0"),
    "GB": _vat("20.0"),
    "CH": _vat("8.1"),
    "AU": _vat("10.0", "GST", "gst"),
    "JP": _vat("10.0", "Consumption tax", "jct"),
}
_STATES = {
    ("US", "CA"): (
        Levy("Sales tax", "sales_tax", "6.25", "state", "California"),
        Levy("Sales tax", "sales_tax", "1.0", "county", "Los Angeles"),
        Levy("Sales tax", "sales_tax", "2.25", "district", "Los Angeles County Measure M"),
    ),
    ("US", "WA"): (Levy("Sales tax", "sales_tax", "6.5", "state", "Washington"),),
    ("US", "OR"): (Levy("Sales tax", "sales_tax", "0.0", "state", "Oregon"),),
    ("CA", "BC"): (Levy("GST", "gst", "5.0"), Levy("PST", "pst", "7.0", "state", "British Columbia")),
    ("CA", "ON"): (Levy("HST", "hst", "13.0", "state", "Ontario"),),
}
_UNSUPPORTED = {"CU", "IR", "KP", "SY"}


@serves("POST /v1/tax/calculations", "currency customer_details line_items")
def create(call: Call) -> Json:
    """Calculate tax; the calculation can be read for 90 days."""
    context, params = call.context, call.params
    currency = money.check_currency(params["currency"])
    details = _details(params.get("customer_details") or {})
    levies = _levies(details["address"])
    override = details["taxability_override"]
    lines = [_line(sent, n, levies, override, details["address"]) for n, sent in enumerate(params["line_items"])]
    _check_references(lines)
    calculation_id = f"taxcalc_1{token(23)}"
    exclusive = sum(line["amount_tax"] for line in lines if line["tax_behavior"] == "exclusive")
    calculation = {
        "id": calculation_id,
        "object": "tax.calculation",
        "amount_total": sum(line["amount"] for line in lines) + exclusive,
        "currency": currency,
        "customer": None,
        "customer_details": details,
        "expires_at": context.now + _DAYS_90,
        "livemode": False,
        "ship_from_details": None,
        "shipping_cost": None,
        "tax_amount_exclusive": exclusive,
        "tax_amount_inclusive": sum(line["amount_tax"] for line in lines) - exclusive,
        "tax_breakdown": _summary(lines),
        "tax_date": context.now,
    }
    stored = {"id": calculation_id, "object": _STORED, "created": context.now, "lines": lines}
    context.insert(stored)
    if any(path.startswith("line_items") for path in params.get("expand", ())):
        calculation["line_items"] = _list(lines[:_INLINE], len(lines) > _INLINE, calculation_id, _detailed(params, ""))
    return calculation


@serves("GET /v1/tax/calculations/{calculation}/line_items")
def line_items(call: Call) -> Json:
    """The lines of a calculation, in the order in which they were sent."""
    calculation_id = call.ids["calculation"]
    lines = call.context.get(_STORED, calculation_id, "calculation").body["lines"]
    limit = call.params.get("limit", _INLINE)
    if not 1 <= limit <= 100:
        raise errors.InvalidRequestError("limit must be between 1 and 100.", param="limit")
    for unserved in ("ending_before", "created"):
        if unserved in call.params:
            raise errors.not_served(unserved)
    first = 0
    after = call.params.get("starting_after")
    if after is not None:
        ids = [line["id"] for line in lines]
        if after not in ids:
            raise errors.no_such("tax calculation line item", after, "starting_after", status=400)
        first = ids.index(after) + 1
    return _list(
        lines[first : first + limit], len(lines) > first + limit, calculation_id, _detailed(call.params, "data.")
    )


def _detailed(params: Json, prefix: str) -> bool:
    wanted = {f"{prefix}tax_breakdown", "line_items.data.tax_breakdown"}
    return bool(wanted & set(params.get("expand", ())))


def _list(lines: list[Json], more: bool, calculation_id: str, detailed: bool) -> Json:
    """A page of lines; their breakdown is there for who asks."""
    shown = lines if detailed else [{k: v for k, v in line.items() if k != "tax_breakdown"} for line in lines]
    url = f"/v1/tax/calculations/{calculation_id}/line_items"
    return {"object": "list", "data": shown, "has_more": more, "url": url}


def _details(sent: Json) -> Json:
    if "ip_address" in sent or "tax_ids" in sent:
        raise errors.not_served("customer_details[ip_address]" if "ip_address" in sent else "customer_details[tax_ids]")
    address = sent.get("address")
    if address is None:
        raise errors.missing("customer_details[address]")
    if "address_source" not in sent:
        raise errors.missing("customer_details[address_source]")
    return {
        "address": {name: text_or_none(address.get(name)) for name in _ADDRESS},
        "address_source": sent["address_source"],
        "ip_address": None,
        "tax_ids": [],
        "taxability_override": sent.get("taxability_override", "none"),
    }


def _levies(address: Json) -> tuple[Levy, ...] | None:
    """The taxes of a place; none where the account is not registered, None where Stripe has no tax at all.

    Raises:
        ApiError: the address does not say where it is.
    """
    country, state = address["country"], address["state"]
    if not (len(country) == 2 and country.isascii() and country.isupper()) or country in ("XX", "ZZ"):
        raise _unlocated()
    if country in _UNSUPPORTED:
        return None
    if country in ("US", "CA"):
        if not address["postal_code"] and not state:
            raise _unlocated()
        return _STATES.get((country, state or ""), ())
    return _COUNTRIES.get(country, ())


def _unlocated() -> errors.ApiError:
    return errors.ApiError(
        "We could not determine the customer's tax location based on the provided customer address.",
        code="customer_tax_location_invalid",
        param="customer_details[address]",
    )


def _check_references(lines: list[Json]) -> None:
    references = [line["reference"] for line in lines]
    if len(set(references)) != len(references):
        raise errors.InvalidRequestError("Line item references have to be unique.", param="line_items")
    if not references:
        raise errors.missing("line_items")


def _line(sent: Json, number: int, levies: tuple[Levy, ...] | None, override: str, address: Json) -> Json:
    if "product" in sent:
        raise errors.not_served("line_items[product]")
    amount, code = sent["amount"], sent.get("tax_code", _PRESET)
    if amount < 0:
        raise errors.InvalidRequestError(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=f"line_items[{number}][amount]",
        )
    if not (code.startswith("txcd_") and code[5:].isdigit() and len(code) == 13):
        raise errors.ApiError(
            f"No such tax code: '{code}'", code="resource_missing", param=f"line_items[{number}][tax_code]"
        )
    behavior = sent.get("tax_behavior", "exclusive")
    reason = {"customer_exempt": "customer_exempt", "reverse_charge": "reverse_charge"}.get(override)
    parts = _parts(amount, behavior, levies, reason or ("product_exempt" if code == _NONTAXABLE else None), address)
    return {
        "id": f"tax_li_{token(14)}",
        "object": "tax.calculation_line_item",
        "amount": amount,
        "amount_tax": sum(part["amount"] for part in parts),
        "livemode": False,
        "metadata": merge_metadata({}, sent.get("metadata")),
        "product": None,
        "quantity": sent.get("quantity", 1),
        "reference": sent.get("reference", f"L{number + 1}"),
        "tax_behavior": behavior,
        "tax_breakdown": parts,
        "tax_code": code,
    }


def _parts(
    amount: int, behavior: str, levies: tuple[Levy, ...] | None, untaxed: str | None, address: Json
) -> list[Json]:
    if levies is None:
        return [_part(0, amount, None, "not_supported", address)]
    if not levies:
        return [_part(0, amount, None, "not_collecting", address)]
    if untaxed:
        return [_part(0, amount, levy, untaxed, address) for levy in levies]
    whole = sum((Decimal(levy.percent) for levy in levies), Decimal(0))
    net = amount if behavior == "exclusive" else _half_up(Decimal(amount * 100) / (100 + whole))
    parts = [
        _part(_half_up(net * Decimal(levy.percent) / 100), net, levy, "standard_rated", address) for levy in levies
    ]
    if behavior == "inclusive":  # the rest is tax, whatever the parts were rounded to
        parts[0]["amount"] += amount - net - sum(part["amount"] for part in parts)
    return parts


def _half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def _part(amount: int, taxable: int, levy: Levy | None, reason: str, address: Json) -> Json:
    level = levy.level if levy else "country"
    rate = {"display_name": levy.name, "percentage_decimal": levy.percent, "tax_type": levy.type} if levy else None
    return {
        "amount": amount,
        "jurisdiction": {
            "country": address["country"],
            "display_name": (levy.place if levy else "") or address["country"],
            "level": level,
            "state": address["state"] if level != "country" else None,
        },
        "sourcing": "destination",
        "tax_rate_details": rate,
        "taxability_reason": reason,
        "taxable_amount": taxable if reason == "standard_rated" else 0,
    }


def _summary(lines: list[Json]) -> list[Json]:
    """The whole calculation by rate and reason."""
    sums: dict[tuple[Any, ...], Json] = {}
    for line in lines:
        for part in line["tax_breakdown"]:
            rate = part["tax_rate_details"] or {}
            inclusive = line["tax_behavior"] == "inclusive"
            place = part["jurisdiction"]
            key = (
                rate.get("percentage_decimal"),
                rate.get("tax_type"),
                place["state"],
                part["taxability_reason"],
                inclusive,
            )
            known = sums.setdefault(
                key,
                {
                    "amount": 0,
                    "inclusive": inclusive,
                    "tax_rate_details": {
                        "country": place["country"],
                        "flat_amount": None,
                        "percentage_decimal": rate.get("percentage_decimal", "0.0"),
                        "rate_type": "percentage" if rate else None,
                        "state": place["state"],
                        "tax_type": rate.get("tax_type"),
                    },
                    "taxability_reason": part["taxability_reason"],
                    "taxable_amount": 0,
                },
            )
            known["amount"] += part["amount"]
            known["taxable_amount"] += part["taxable_amount"]
    return list(sums.values())
