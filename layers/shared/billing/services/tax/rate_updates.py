"""Rates that are newer than the built-in table, brought by the tax provider's webhook."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.domain.kernel.countries import is_country
from billing.domain.kernel.errors import Detail, WebhookRejected
from billing.domain.tax.rate_table import CATEGORIES, MOST_UPDATES, RateEntry, TaxRateUpdates, TaxTable
from billing.domain.tax.rules import STATES_TAX
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Work
from billing.services.tax.assessment import UPDATES

HANDLED = frozenset({"tax_rates.updated"})
"""The event types that change something here; others are only answered and counted."""

_STATE = re.compile(r"[A-Z0-9]{1,3}")
_FIELDS = {"country", "state", "category", "name", "percent", "validFrom"}
_FIRST_YEAR, _LAST_YEAR = 1970, 2500
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class TaxEvents:
    """The use case of the webhook.

    Args:
        table: the built-in table, without updates.
    """

    table: Callable[[], TaxTable]

    def rates(self, data: dict[str, Any]) -> tuple[RateEntry, ...]:
        """The rates of an event, all of them or none.

        Args:
            data: ``{"rates": [{"country", "state"?, "category", "name", "percent", "validFrom"}]}``.

        Raises:
            WebhookRejected: with every bad field.
        """
        sent = data.get("rates")
        if not isinstance(sent, list) or not 1 <= len(sent) <= MOST_UPDATES:
            raise WebhookRejected("The rates are malformed", (Detail("data.rates", "must_be_a_list_of_rates"),))
        bad: list[Detail] = []
        found = [_entry(each, f"data.rates.{n}", bad) for n, each in enumerate(sent)]
        table = self.table()
        for n, entry in enumerate(found):
            if entry is not None and not table.has_room_for(entry):
                bad.append(Detail(f"data.rates.{n}.name", "unknown_tax"))
        if bad:
            raise WebhookRejected("The rates are malformed", tuple(bad))
        return tuple(entry for entry in found if entry is not None)

    def apply(self, work: Work, rates: tuple[RateEntry, ...]) -> bool:
        """Stage the rates; False where all of them are known already."""
        known = work.load(UPDATES).get(UPDATES) or TaxRateUpdates(PLATFORM, UPDATES.id)
        updated = known.with_rates(rates)
        if updated == known:
            return False
        work.save(updated)
        return True


def _entry(sent: Any, path: str, bad: list[Detail]) -> RateEntry | None:
    """One rate; None if one of its fields is bad, which is then added to ``bad``."""
    if not isinstance(sent, dict):
        bad.append(Detail(path, "must_be_an_object"))
        return None
    before = len(bad)
    bad += [Detail(f"{path}.{name[:40]}", "unknown_field") for name in sent if name not in _FIELDS]
    percent, valid_from = _percent(sent.get("percent")), _day(sent.get("validFrom"))
    country, state, name = sent.get("country"), sent.get("state"), sent.get("name")
    needs_state = country in STATES_TAX
    for field, good in (
        ("country", isinstance(country, str) and is_country(country)),
        ("state", isinstance(state, str) and _STATE.fullmatch(state) if needs_state else state is None),
        ("category", sent.get("category") in CATEGORIES),
        ("name", isinstance(name, str) and 1 <= len(name) <= 40 and name.isprintable()),
        ("percent", percent is not None),
        ("validFrom", valid_from is not None),
    ):
        if not good:
            bad.append(Detail(f"{path}.{field}", "invalid" if field in sent else "missing_required_field"))
    if len(bad) > before or percent is None:
        return None
    return RateEntry(str(country), state, sent["category"], str(name), percent, valid_from)


def _percent(sent: Any) -> Decimal | None:
    """``"25.5"``, or a number as it was written: from 0 to 100, four decimals at most."""
    if isinstance(sent, bool) or not isinstance(sent, str | int | Decimal):
        return None
    try:
        value = Decimal(sent)
    except InvalidOperation:
        return None
    if not value.is_finite() or not 0 <= value <= 100:
        return None
    return value if value == round(value, _DECIMALS) else None


def _day(sent: Any) -> date | None:
    try:
        day = date.fromisoformat(sent)
    except (TypeError, ValueError):
        return None
    if day.isoformat() != sent:  # 20270701 and 2027-W26-4 are dates of ISO 8601, and not of RFC 3339
        return None
    return day if _FIRST_YEAR <= day.year < _LAST_YEAR else None
