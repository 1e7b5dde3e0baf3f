"""Amounts, dates and rates as people of a locale write them (Babel, CLDR)."""

from __future__ import annotations

from copy import copy
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from billing.domain.kernel.currencies import minor_digits
from billing.domain.kernel.money import Money
from billing.integrations.pdf.text import REPLACEMENT, isolated, printable

_Day = date  # a method below has the name of the type
_MICRO_DIGITS = 3  # 1,000 micro-units are one minor unit, in every currency


class Formats:
    """How one document writes values.

    Args:
        locale: language tag; an unknown one falls back to its language, then to English.
        timezone: IANA name.

    Raises:
        ZoneInfoNotFoundError: the zone does not exist.
    """

    def __init__(self, locale: str, timezone: str) -> None:
        self.locale = _locale(locale)
        self.zone = ZoneInfo(timezone)
        # Prices, quantities and periods repeat from line to line, and Babel takes a tenth of a millisecond for each.
        self.money = cache(self._money)
        self.quantity = cache(self._quantity)
        self.period = cache(self._period)

    @property
    def tag(self) -> str:
        """The language tag of the look of values: "en", "zh-Hant-TW"."""
        return str(self.locale).replace("_", "-")

    def country(self, code: str | None) -> str | None:
        """A country by its name ("Deutschland"); what is no country's code is given back as it is."""
        name: str | None = self.locale.territories.get((code or "").strip().upper())
        return name or code

    def _money(self, amount: Money) -> str:
        """Write an amount: "$49.99", "¥500"; what is below a minor unit is shown exactly, "$0.0001"."""
        # ISO 4217 decides the digits, as it decides the ledger: CLDR would print 10.50 Serbian dinars as 11.
        digits = minor_digits(amount.currency)
        value = Decimal(amount.micros).scaleb(-digits - _MICRO_DIGITS)
        pattern = copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (digits, digits + _MICRO_DIGITS)
        text: str = pattern.apply(
            value,
            self.locale,
            currency=amount.currency,
            currency_digits=False,
            decimal_quantization=False,
        )
        return text

    def _quantity(self, quantity: Decimal) -> str:
        """Write a quantity with all digits that it has: "1,500", "0.25"."""
        return format_decimal(quantity, locale=self.locale, decimal_quantization=False)

    def whole(self, count: int) -> str:
        """Write a number of things: "1,500"."""
        return self.quantity(Decimal(count))

    def rate(self, percent: Decimal) -> str:
        """Write a rate: "20%", "8.875%"."""
        return format_percent(percent / 100, locale=self.locale, decimal_quantization=False)

    def date(self, moment: datetime) -> str:
        """The calendar day of a moment in the document's zone."""
        return self.day(moment.astimezone(self.zone).date())

    def day(self, day: _Day) -> str:
        """Write a calendar day: "Nov 2, 2026"."""
        return format_date(day, format="medium", locale=self.locale)

    def moment(self, moment: datetime) -> str:
        """A moment in the document's zone, to the minute: "Nov 2, 2026 3:04 PM"."""
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())} {format_time(local.time(), format='short', locale=self.locale)}"

    def _period(self, start: datetime | None, end: datetime | None) -> str:
        """A half-open period by its first and last day: [1 Jan, 1 Feb) is "1 Jan \u2013 31 Jan"; "" for none."""
        first = self.date(start) if start else None
        # The last moment inside, or an accountant would see 1 Feb in two periods.
        inside = end - timedelta(microseconds=1) if end else None
        last = self.date(max(inside, start) if start else inside) if inside else None
        if first is None or last is None or first == last:
            return isolated(first or last or "")
        return f"{isolated(first)} \u2013 {isolated(last)}"


@cache
def _locale(tag: str) -> Locale:
    for candidate in (tag, tag.replace("_", "-").split("-")[0]):
        try:
            locale = Locale.parse(candidate.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
        if _is_drawable(locale):
            return locale
    return Locale("en")


def _is_drawable(locale: Locale) -> bool:
    """Whether the layer's fonts have the digits and months of a locale: amounts must not be boxes (as in Tamil's)."""
    days = [format_date(date(2026, month, 23), format="medium", locale=locale) for month in range(1, 13)]
    sample = "".join((*days, format_decimal(Decimal("-1234567890.5"), locale=locale)))
    return REPLACEMENT not in printable(sample)
