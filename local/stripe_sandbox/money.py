"""Which currencies and amounts Stripe charges (https://docs.stripe.com/currencies)."""

from __future__ import annotations

from local.stripe_sandbox.errors import InvalidRequestError

_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_TWO = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad"
    " cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg"
    " huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr"
    " mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek"
    " sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw"
)
ZERO_DECIMAL = frozenset(_ZERO.split())
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | frozenset(_TWO.split())

_MOST_DIGITS = 8
_MORE_DIGITS = dict.fromkeys(("cop", "huf", "idr", "lbp"), 12) | {"inr": 9}
_SMALLEST = dict.fromkeys(("usd", "aud", "brl", "cad", "chf", "eur", "inr", "jpy", "nzd", "sgd"), 50) | {
    "aed": 200,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}

# The smallest step of an amount: the last digit of three-decimal currencies is 0, and so are both decimals of the
# currencies that have none any more (https://docs.stripe.com/currencies#special-cases).
_STEP = dict.fromkeys(THREE_DECIMAL, 10) | {"isk": 100, "ugx": 100}
# What banks take in whole units only, though a balance has decimals.
_WHOLE_IN_PAYOUTS = {"huf": 100, "twd": 100}


def digits(currency: str) -> int:
    """How many decimals the API's amounts of a currency have."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def check_step(amount: int, currency: str, *, payout: bool = False) -> None:
    """Refuse an amount between two steps: KWD 4.301 (4301), UGX 1.50 (150), and in a payout HUF 10.45 (1045).

    Args:
        payout: whether it is for a bank.

    Raises:
        InvalidRequestError: it is not divisible by the step.
    """
    step = _step(currency, payout=payout)
    if amount % step:
        message = f"Invalid amount: {show(amount, currency)}. Amounts in {currency} must be divisible by {step}."
        raise InvalidRequestError(message, code="parameter_invalid_integer", param="amount")


def whole(amount: int, currency: str) -> int:
    """The part of an amount that a payout can take: HUF 12,345.67 -> 12,345.00."""
    return amount - amount % _step(currency, payout=True)


def _step(currency: str, *, payout: bool) -> int:
    return _STEP.get(currency, _WHOLE_IN_PAYOUTS.get(currency, 1) if payout else 1)


def show(amount: int, currency: str) -> str:
    """An amount for an error message: ``49.99 usd``."""
    if currency in ZERO_DECIMAL:
        return f"{amount} {currency}"
    places = digits(currency)
    if amount < 0:
        return f"-{show(-amount, currency)}"
    return f"{amount // 10**places}.{amount % 10**places:0{places}d} {currency}"


def check_currency(currency: str) -> str:
    """The currency in lower case.

    Raises:
        InvalidRequestError: Stripe does not charge in it.
    """
    lower = currency.lower()
    if lower not in CURRENCIES:
        raise InvalidRequestError(f"Invalid currency: {currency}.", param="currency")
    return lower


def largest(currency: str) -> int:
    """The largest amount that a card can be charged: eight digits, of some currencies more."""
    most: int = 10 ** _MORE_DIGITS.get(currency, _MOST_DIGITS) - 1
    return most


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """An amount that a card can be charged.

    Raises:
        InvalidRequestError: not positive, under the currency's minimum, or of more digits than its maximum.
    """
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise InvalidRequestError(message, code="parameter_invalid_integer", param=param)
    least = _SMALLEST.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {show(least, currency)}."
        raise InvalidRequestError(message, code="amount_too_small", param=param)
    most = largest(currency)
    if amount > most:
        message = f"Amount must be no more than {show(most, currency)}."
        raise InvalidRequestError(message, code="amount_too_large", param=param)
    return amount
