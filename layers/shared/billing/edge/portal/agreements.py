"""What a page showed before it asked for a consent: carried by its form, and read again from it."""

from datetime import datetime

from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.times import format_time, parse_time
from billing.edge.portal.doors import Form
from billing.services.invoicing.expected import ExpectedSums
from billing.services.portal.acts import Agreed

_AT, _SHOWN_AT, _PLAN_VERSION = "at", "shown", "plan.version"
_VERSION, _TOTAL, _DUE = "version", "total", "due"


def version_shown(version: int) -> dict[str, str]:
    """Which version of a thing a form is about, as its field."""
    return {_VERSION: str(version)}


def sums_shown(sums: ExpectedSums) -> dict[str, str]:
    """What a form's page said that is to be paid, as its fields."""
    return {_TOTAL: str(sums.total), _DUE: str(sums.amount_due)}


def agreed_in(agreed: Agreed) -> dict[str, str]:
    """All that a form's page showed, as its fields."""
    found = version_shown(agreed.version)
    for name, at in ((_AT, agreed.at), (_SHOWN_AT, agreed.shown_at)):
        if at is not None:
            found[name] = format_time(at)
    if agreed.plan_version is not None:
        found[_PLAN_VERSION] = str(agreed.plan_version)
    return found if agreed.sums is None else found | sums_shown(agreed.sums)


def version_of(form: Form) -> int:
    """The version that a form is about.

    Raises:
        ValidationFailed: it says none.
    """
    return whole(_VERSION, form.get(_VERSION, ""), 0, 2**53)


def version_again(form: Form) -> dict[str, str]:
    """The same as a field once more: what was entered then is still not about what there is now."""
    return {_VERSION: form.get(_VERSION, "")}


def without_version(form: Form) -> Form:
    """The fields that somebody has filled in."""
    return {name: value for name, value in form.items() if name != _VERSION}


def agreed_to(form: Form) -> Agreed:
    """What a form's page showed; its sums are the most that is agreed to where no second is from which it counts.

    Raises:
        ValidationFailed: it does not say that, or not so.
    """
    sums = None
    if _TOTAL in form or _DUE in form:
        total, due = (whole(name, form.get(name, ""), -(2**53), 2**53) for name in (_TOTAL, _DUE))
        sums = ExpectedSums(total, due, or_less=_AT not in form)
    plan_version = whole(_PLAN_VERSION, form[_PLAN_VERSION], 1, 2**53) if _PLAN_VERSION in form else None
    return Agreed(version_of(form), _second(form, _AT), sums, _second(form, _SHOWN_AT), plan_version)


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number of a form.

    Raises:
        ValidationFailed: it is none, or not between these.
    """
    digits = text.removeprefix("-") if least < 0 else text
    value = int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= 16 else most + 1
    if not least <= value <= most:
        raise ValidationFailed.of(name, "must_be_an_integer")
    return value


def _second(form: Form, name: str) -> datetime | None:
    try:
        return parse_time(form[name]) if name in form else None
    except ValueError:
        raise ValidationFailed.of(name, "invalid_format") from None
