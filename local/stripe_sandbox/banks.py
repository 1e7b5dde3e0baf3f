"""Bank accounts that connected accounts are paid out to.

::

    new -> errored (a payout failed)      errored -> new (an update call, even an empty one), or the bank is replaced

While the default bank of a currency is errored nothing is paid out. The last digits of a test number say what the
bank does with a payout (https://docs.stripe.com/connect/testing#account-numbers).
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import countries, errors, money
from local.stripe_sandbox.context import merge_metadata, text_or_none, token

Json = dict[str, Any]

_TAKEN = ("000123456789", "000123456", "00012345", "0001234", "0532013000")
_SENT_BACK = {
    "1111116": "no_account",
    "1111113": "account_closed",
    "2222227": "insufficient_funds",
    "3333335": "debit_not_authorized",
    "4444440": "invalid_currency",
    "0532013001": "no_account",
    "0532013002": "account_closed",
    "0532013003": "insufficient_funds",
    "0532013004": "debit_not_authorized",
    "0532013005": "invalid_currency",
}
_DEFAULT_NUMBER = "000123456789"
_TEXTS = ("account_holder_name", "account_holder_type", "account_type")
_PARAM = "external_account"


def of(account: Json) -> list[Json]:
    """An account's banks, oldest first."""
    banks: list[Json] = account["external_accounts"]["data"]
    return banks


def get(account: Json, bank_id: str, param: str = "id", *, status: int = 404) -> Json:
    """One of an account's banks.

    Raises:
        ApiError: ``resource_missing``.
    """
    found = next((bank for bank in of(account) if bank["id"] == bank_id), None)
    if found is None:
        raise errors.no_such("external account", bank_id, param, status=status)
    return found


def default_for(account: Json, currency: str) -> Json | None:
    """The bank that payouts in a currency go to."""
    return next((bank for bank in of(account) if bank["currency"] == currency and bank["default_for_currency"]), None)


def settlement_currency(account: Json, currency: str) -> str:
    """What money in ``currency`` is kept in: itself where a bank takes it, else the account's default currency."""
    return currency if default_for(account, currency) else str(account["default_currency"])


def stopped(account: Json) -> bool:
    """Whether a bank that payouts would go to has sent one back."""
    return any(bank["status"] == "errored" and bank["default_for_currency"] for bank in of(account))


def add(account: Json, hidden: Json, details: Any, *, default: bool = False, metadata: Json | None = None) -> Json:
    """A new bank; the first of its currency is the default one, a later one if it is asked for.

    Args:
        details: ``country``, ``currency`` and the numbers, as the API takes them.

    Raises:
        InvalidRequestError: a token, or details that are no test account's.
    """
    if not isinstance(details, dict):
        raise errors.not_served(f"{_PARAM} (a token)")
    country = str(details.get("country", account["country"])).upper()
    currency = money.check_currency(details.get("currency") or account["default_currency"])
    allowed = countries.bank_currencies(account["country"])
    if currency not in allowed:
        message = (
            f"Invalid currency: {currency}. You can use these currencies for payouts for an account in"
            f" {account['country']}: {', '.join(sorted(allowed))}"
        )
        raise errors.InvalidRequestError(message, param=f"{_PARAM}[currency]")
    number = "".join(str(details["account_number"]).split())
    failure = _failure_of(number)
    if country == "US" and not details.get("routing_number"):
        raise errors.missing(f"{_PARAM}[routing_number]")
    bank = _blank(account, details, country, currency, number) | {"metadata": merge_metadata({}, metadata)}
    hidden["banks"] = hidden.get("banks", {}) | {bank["id"]: failure}
    first = default_for(account, currency) is None
    _show(account, [*of(account), bank])
    return make_default(account, bank) if first or default else bank


def usual(account: Json, details: Json | None = None) -> Json:
    """What a holder names who does not say more: a bank that takes payouts in the account's currency."""
    numbers = {"account_number": _DEFAULT_NUMBER, "routing_number": "110000000"}
    return numbers | {"currency": account["default_currency"]} | (details or {})


def replace(account: Json, hidden: Json, details: Any) -> Json:
    """Another bank becomes the default of its currency, and the former default is gone.

    Raises:
        InvalidRequestError: as ``add``.
    """
    former = {bank["currency"]: bank["id"] for bank in of(account) if bank["default_for_currency"]}
    bank = add(account, hidden, details, default=True)
    _show(account, [other for other in of(account) if other["id"] != former.get(bank["currency"])])
    return bank


def make_default(account: Json, bank: Json) -> Json:
    """Payouts in the bank's currency go to it from now on."""
    chosen = bank | {"default_for_currency": True}
    others = [
        other | {"default_for_currency": False} if other["currency"] == bank["currency"] else other
        for other in of(account)
    ]
    _show(account, [chosen if other["id"] == bank["id"] else other for other in others])
    return chosen


def update(account: Json, bank: Json, params: Json) -> Json:
    """Change what can be changed; any call, an empty one too, makes an errored bank ``new`` again.

    Raises:
        InvalidRequestError: it would leave its currency without a default.
    """
    changed = bank | {"status": "new" if bank["status"] == "errored" else bank["status"]}
    changed |= {name: text_or_none(params[name]) for name in _TEXTS if name in params}
    if "metadata" in params:
        changed["metadata"] = merge_metadata(bank["metadata"], params["metadata"])
    if params.get("default_for_currency") is False and bank["default_for_currency"]:
        message = "Make another external account the default for its currency instead."
        raise errors.InvalidRequestError(message, param="default_for_currency")
    put(account, changed)
    return make_default(account, changed) if params.get("default_for_currency") else changed


def put(account: Json, bank: Json) -> None:
    """Keep a changed bank."""
    _show(account, [bank if other["id"] == bank["id"] else other for other in of(account)])


def remove(account: Json, bank: Json) -> None:
    """Remove a bank.

    Raises:
        ApiError: it is the default of the account's own currency, or of one in which there are others.
    """
    others = [other for other in of(account) if other["id"] != bank["id"]]
    shared = any(other["currency"] == bank["currency"] for other in others)
    if bank["default_for_currency"] and (shared or bank["currency"] == account["default_currency"]):
        raise errors.ApiError(
            "You cannot delete the default external account for your default currency. Please make another external"
            " account the default using the `default_for_currency` param, and then delete this one."
        )
    _show(account, others)


def _show(account: Json, banks: list[Json]) -> None:
    account["external_accounts"] = account["external_accounts"] | {"data": banks}


def _failure_of(number: str) -> str | None:
    """What a bank answers to a payout: a failure code, or None where it takes it."""
    for ending, code in _SENT_BACK.items():
        if number.endswith(ending):
            return code
    if not number.endswith(_TAKEN):
        message = (
            "You must use a test bank account number in test mode. Try 000123456789 or see more options at"
            " https://stripe.com/docs/connect/testing#account-numbers."
        )
        raise errors.InvalidRequestError(message, code="account_number_invalid", param=f"{_PARAM}[account_number]")
    return None


def _blank(account: Json, details: Json, country: str, currency: str, number: str) -> Json:
    return {
        "id": f"ba_1{token(23)}",
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": details.get("account_holder_name", account["business_profile"]["name"]),
        "account_holder_type": details.get("account_holder_type", "company"),
        "account_type": details.get("account_type"),
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": country,
        "currency": currency,
        "default_for_currency": False,
        "fingerprint": token(16),
        "future_requirements": None,
        "last4": number[-4:],
        "metadata": {},
        "requirements": None,
        "routing_number": details.get("routing_number"),
        "status": "new",
    }
