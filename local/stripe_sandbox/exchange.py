"""Conversion between currencies, at rates that never change by themselves.

The table is the sandbox's own: units of a currency for one US dollar, with whatever Stripe would charge for the
conversion inside. A test that needs a rate to move sets one for an account (``accounts/{id}/exchange_rate``).

    10.00 usd at 0.90 -> 9.00 eur        10.00 usd at 150 -> 1500 jpy (minor units: 1000 -> 1500)
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local.stripe_sandbox import money
from local.stripe_sandbox.errors import ApiError

Json = dict[str, Any]

_PER_DOLLAR = {
    "usd": "1",
    "aed": "3.67",
    "all": "90",
    "amd": "390",
    "ars": "1400",
    "aud": "1.5",
    "bhd": "0.376",
    "bob": "6.9",
    "brl": "5.5",
    "cad": "1.35",
    "chf": "0.85",
    "clp": "950",
    "cop": "4000",
    "crc": "500",
    "czk": "22",
    "dkk": "6.7",
    "egp": "48",
    "eur": "0.9",
    "gbp": "0.8",
    "hkd": "7.8",
    "huf": "350",
    "idr": "16000",
    "ils": "3.6",
    "inr": "85",
    "isk": "130",
    "jod": "0.709",
    "jpy": "150",
    "kes": "130",
    "krw": "1350",
    "kwd": "0.307",
    "mxn": "19",
    "myr": "4.3",
    "nok": "10.5",
    "nzd": "1.65",
    "omr": "0.385",
    "pen": "3.7",
    "php": "57",
    "pln": "3.9",
    "ron": "4.5",
    "sek": "10.2",
    "sgd": "1.32",
    "thb": "34",
    "tnd": "3.1",
    "try": "35",
    "twd": "32",
    "ugx": "3700",
    "uyu": "40",
    "vnd": "25000",
    "zar": "18",
}
_DIGITS = Decimal("0.000001")


def rate(hidden: Json, source: str, target: str) -> Decimal | None:
    """Units of ``target`` for one of ``source``, to six digits; None where nothing is converted.

    Args:
        hidden: what only the sandbox knows of the account that converts, such as a rate of its own.

    Raises:
        ApiError: the table does not know one of them.
    """
    if source == target:
        return None
    own = hidden.get("rates", {}).get(f"{source}:{target}")
    if own:
        return Decimal(own)
    for currency in (source, target):
        if currency not in _PER_DOLLAR:
            raise ApiError(f"The Stripe sandbox has no rate for {currency}.", param="currency")
    return (Decimal(_PER_DOLLAR[target]) / Decimal(_PER_DOLLAR[source])).quantize(_DIGITS, ROUND_HALF_UP)


def convert(amount: int, at: Decimal | None, source: str, target: str) -> int:
    """An amount in the smallest unit of ``target``, rounded half up."""
    if at is None:
        return amount
    shift = Decimal(10) ** (money.digits(target) - money.digits(source))
    return int((amount * at * shift).quantize(Decimal(1), ROUND_HALF_UP))
