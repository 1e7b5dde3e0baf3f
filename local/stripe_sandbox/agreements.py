"""Which service agreement an account is under, and what that lets it ask for and receive.

https://docs.stripe.com/connect/service-agreement-types: ``full`` (the default) can charge cards; ``recipient`` can
only receive transfers, across a border; once accepted, it stays what it is.
"""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import countries, errors

Json = dict[str, Any]

FULL, RECIPIENT = "full", "recipient"
_PARAM = "tos_acceptance[service_agreement]"
_READ = "See https://stripe.com/docs/connect/service-agreement-types."
# What a transfer to a recipient takes longer to arrive.
RECIPIENT_DELAY_S = 86_400


def of(account: Json) -> str:
    """The agreement that an account is under."""
    return str(account["tos_acceptance"].get("service_agreement") or FULL)


def accept(account: Json, sent: Json, *, is_new: bool) -> Json:
    """The account's ``tos_acceptance`` with what was sent.

    Raises:
        InvalidRequestError: not the platform's to accept, no such agreement, or another one than was accepted.
    """
    current: Json = account["tos_acceptance"]
    by_platform = account["controller"]["requirement_collection"] == "application"
    if not by_platform and (sent.keys() - {"service_agreement"} or not is_new):
        message = "You cannot accept the Terms of Service on behalf of Standard and Express connected accounts."
        raise errors.InvalidRequestError(message, param="tos_acceptance")
    wanted = sent.get("service_agreement")
    if wanted not in {None, FULL, RECIPIENT}:
        raise errors.InvalidRequestError(f"Invalid {_PARAM}: must be one of full, recipient", param=_PARAM)
    if wanted and current["date"] and wanted != of(account):
        message = f"The service agreement was accepted as `{of(account)}` and cannot be changed any more. {_READ}"
        raise errors.InvalidRequestError(message, param=_PARAM)
    if ("date" in sent) != ("ip" in sent):
        raise errors.missing(f"tos_acceptance[{'ip' if 'date' in sent else 'date'}]")
    return current | sent


def check(account: Json) -> None:
    """Refuse an account that its country, its agreement and its capabilities do not allow together.

    Raises:
        InvalidRequestError: in Stripe's words.
    """
    country, asked = account["country"], set(account["capabilities"])
    dashboard = account["controller"]["stripe_dashboard"]["type"]
    if of(account) == RECIPIENT:
        if country == countries.PLATFORM:
            message = (
                f"The recipient ToS agreement is not supported for platforms in {countries.PLATFORM} creating"
                f" accounts in {country}."
            )
            raise errors.InvalidRequestError(message, param=_PARAM)
        if dashboard == "full" or account["controller"]["losses"]["payments"] != "application":
            message = f"The recipient agreement is for accounts whose losses the platform bears. {_READ}"
            raise errors.InvalidRequestError(message, param=_PARAM)
        if "card_payments" in asked:
            message = f"Accounts under the `recipient` agreement cannot request `card_payments`. {_READ}"
            raise errors.InvalidRequestError(message, param="capabilities[card_payments]")
        return
    if country not in countries.CURRENCY_OF:
        message = f"{country} is not currently supported by Stripe."
        raise errors.InvalidRequestError(message, code="country_unsupported", param="country")
    if asked != {"transfers"}:
        return
    message = "You cannot request the `transfers` capability without the `card_payments` capability for accounts"
    if dashboard == "full":
        where = "when controller[stripe_dashboard][type]=full, which includes Standard accounts"
        raise errors.InvalidRequestError(f"{message} {where}.", param="capabilities")
    if country != countries.PLATFORM:
        raise errors.InvalidRequestError(f"{message} in {country}.", param="capabilities")


def require_reachable(account: Json) -> None:
    """Refuse a transfer to an account outside of the platform's region, unless it is a recipient.

    Raises:
        ApiError: as Stripe's.
    """
    if of(account) == FULL and not countries.within_region(account["country"]):
        message = (
            f"Funds can't be sent to accounts located in {account['country']} when the account is under the `full`"
            " service agreement. To learn more, see https://stripe.com/docs/connect/service-agreement-types."
        )
        raise errors.ApiError(message)


def delay_s(account: Json) -> int:
    """How many seconds longer than on the platform a transfer to this account takes to become available."""
    return RECIPIENT_DELAY_S if of(account) == RECIPIENT else 0
