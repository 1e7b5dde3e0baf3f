"""Where accounts may be, which currency each country is paid in, and who may send money where.

The platform is in the United States. Under the ``full`` agreement its money reaches the accounts of one region
(https://docs.stripe.com/connect/cross-border-payouts); everybody else has to be a recipient.
"""

from __future__ import annotations

PLATFORM = "US"

_EURO = "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"
# Where Stripe has accounts (https://stripe.com/global), with the currency that they are paid out in.
CURRENCY_OF = dict.fromkeys(_EURO.split(), "eur") | {
    "AE": "aed",
    "AU": "aud",
    "BR": "brl",
    "CA": "cad",
    "CH": "chf",
    "CZ": "czk",
    "DK": "dkk",
    "GB": "gbp",
    "GI": "gbp",
    "HK": "hkd",
    "HU": "huf",
    "IN": "inr",
    "JP": "jpy",
    "LI": "chf",
    "MX": "mxn",
    "MY": "myr",
    "NO": "nok",
    "NZ": "nzd",
    "PL": "pln",
    "RO": "ron",
    "SE": "sek",
    "SG": "sgd",
    "TH": "thb",
    "US": "usd",
}
# Where Stripe has no accounts of its own, yet pays recipients of a platform: some of these countries.
RECIPIENTS_ONLY = {
    "AL": "all",
    "AM": "amd",
    "AR": "ars",
    "BH": "bhd",
    "BO": "bob",
    "CL": "clp",
    "CO": "cop",
    "CR": "crc",
    "EG": "egp",
    "ID": "idr",
    "IL": "ils",
    "IS": "isk",
    "JO": "jod",
    "KE": "kes",
    "KR": "krw",
    "KW": "kwd",
    "OM": "omr",
    "PE": "pen",
    "PH": "php",
    "TN": "tnd",
    "TR": "try",
    "TW": "twd",
    "UG": "ugx",
    "UY": "uyu",
    "VN": "vnd",
    "ZA": "zar",
}
# The least that a bank in a country takes (https://docs.stripe.com/connect/cross-border-payouts/special-requirements).
LEAST_PAYOUT = {"all": 300_000, "amd": 1_210_000, "bob": 20_000}
_EUROPE = {*_EURO.split(), "CH", "CZ", "DK", "GB", "GI", "HU", "IS", "LI", "NO", "PL", "RO", "SE"}
_REGION = (_EUROPE - {"GI"}) | {"CA", "US"}
_SETTLED_IN_EUROPE = frozenset({"chf", "czk", "dkk", "eur", "gbp", "huf", "nok", "pln", "ron", "sek", "usd"})


def currency_of(country: str) -> str:
    """The currency that accounts of a country are paid in, unless they say otherwise."""
    return (CURRENCY_OF | RECIPIENTS_ONLY)[country]


def within_region(country: str) -> bool:
    """Whether the platform's money reaches a ``full`` account there."""
    return country in _REGION


def bank_currencies(country: str) -> frozenset[str]:
    """The currencies in which an account of this country can have a bank account."""
    own = frozenset({currency_of(country)})
    return own | _SETTLED_IN_EUROPE if country in _EUROPE else own
