"""ISO 4217 currencies and how many digits their minor unit has.

Source: ISO 4217 table A.1 ("List One") as SIX Group, the maintenance agency, published it on 2026-01-01
(https://www.six-group.com/en/products-services/financial-information/data-standards.html). Codes without a
minor unit (gold XAU, SDR XDR, test code XTS, XXX ...) are left out: nothing can be charged in them.
"""

_CODES_BY_DIGITS: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
        "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
        "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB "
        "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW "
        "ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_MINOR_DIGITS: dict[str, int] = {code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()}


_CHARGE_STEPS = dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10) | {"MGA": 100, "ISK": 1, "UGX": 1}


def charge_step(currency: str) -> int:
    """The smallest amount that can be charged, in minor units: what is priced is rounded to it.

    Stripe charges three-decimal currencies with two decimals (KWD 5.124 -> 5.120), and ariary only in whole units (MGA
    100 minor units are one). Source: docs.stripe.com/currencies.
    """
    return _CHARGE_STEPS.get(currency, 1)


_CHARGE_MINIMUMS = dict.fromkeys(("AUD", "BRL", "CAD", "CHF", "EUR", "INR", "JPY", "NZD", "SGD", "USD"), 50) | {
    "AED": 200,
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "THB": 1000,
}


def charge_minimum(currency: str) -> int:
    """The least that a card can be charged, in minor units (USD 50, JPY 50, GBP 30); 0 where none is known.

    Source: docs.stripe.com/currencies, "Minimum and maximum charge amounts".
    """
    return _CHARGE_MINIMUMS.get(currency, 0)


_NOT_CHARGED = (
    "BOV BTN CHE CHW CLF COU CUP ERN GHS IQD IRR KPW LYD MRU MXV SDG SSP STN SVC SYP TMT USN UYI UYW VED VES XAD XCG "
    "ZWG"
)
_NEVER_CHARGED = frozenset(_NOT_CHARGED.split())


def is_charged(currency: str) -> bool:
    """Whether cards can be charged in a currency at all. Source: docs.stripe.com/currencies, "Supported currencies"."""
    return currency not in _NEVER_CHARGED


_MOST_DIGITS = 8
_MORE_DIGITS = dict.fromkeys(("COP", "HUF", "IDR", "LBP"), 12) | {"INR": 9}


def charge_maximum(currency: str) -> int:
    """The most that a card can be charged at once, in minor units: USD 99999999 (999,999.99), IDR twelve digits.

    Source: docs.stripe.com/currencies, "Maximum charge amounts". Its numbers were raised several times; these are what
    every edition since 2025 takes of a card (IDR since 2022), so that nothing is sent that is refused for its size:
    twelve digits in IDR, COP, HUF and LBP, where eight would be $60, $250, $2,800 and $11; nine in INR; eight in all
    others. What Stripe counts with other digits (ISK and UGX with two) is reckoned in its own.
    """
    most: int = 10 ** _MORE_DIGITS.get(currency, _MOST_DIGITS) - 1
    return most // 100 if currency in ("ISK", "UGX") else most


def currency_codes() -> list[str]:
    """Every currency, in the order of the alphabet."""
    return sorted(_MINOR_DIGITS)


def is_currency(code: str) -> bool:
    """Tell whether `code` is an active ISO 4217 currency, written in upper case."""
    return code in _MINOR_DIGITS


def minor_digits(currency: str) -> int:
    """Give the number of decimal digits of a currency's minor unit: USD 2, JPY 0, KWD 3, CLF 4.

    Args:
        currency: ISO 4217 code, upper case.

    Raises:
        ValueError: the code is not an active currency, or not in upper case.
    """
    digits = _MINOR_DIGITS.get(currency)
    if digits is None:
        raise ValueError(f"unknown currency {currency!r}: expected an active ISO 4217 code in upper case")
    return digits
