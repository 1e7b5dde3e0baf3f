"""What a page showed before it asked for a consent: carried by its form, and read again from it."""

from datetime import datetime

from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.times import parse_time
from billing.edge.portal.doors import Form
from billing.services.invoicing.expected import ExpectedSums
from billing.services.portal.acts import Agreed

AT = "at"
_VERSION, _TOTAL, _DUE = "version", "total", "due"


def version_shown(version: int) -> dict[str, str]:
    """Which version of a thing a form is about, as its field."""
    return {_VERSION: str(version)}


def sums_shown(sums: ExpectedSums) -> dict[str, str]:
    """What a form's page said that is to be paid, as its fields."""
    return {_TOTAL: str(sums.total), _DUE: str(sums.amount_due)}


def version_of(form: Form) -> int:
    """The version that a form is about.

    Raises:
        ValidationFailed: it says none.
    """
    return whole(_VERSION, form.get(_VERSION, ""), 0, 2**53)


def agreed_to(form: Form, or_less: bool = False) -> Agreed:
    """What a form's page showed.

    Args:
        or_less: its sums are the highest ones that are agreed to.

    Raises:
        ValidationFailed: it does not say that, or not so.
    """
    sums = None
    if _TOTAL in form or _DUE in form:
        total, due = (whole(name, form.get(name, ""), -(2**53), 2**53) for name in (_TOTAL, _DUE))
        sums = ExpectedSums(total, due, or_less)
    return Agreed(version_of(form), _second(form.get(AT)), sums)


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


def _second(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text is not None else None
    except ValueError:
        raise ValidationFailed.of(AT, "invalid_format") from None
