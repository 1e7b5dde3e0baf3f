"""What the third act of `make demo` sends, and what has to come of it.

Nothing of the product is used here: sums and prices are computed a second time from the same events, in `Decimal`.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any

METER: dict[str, Any] = {
    "key": "tokens",
    "name": "Tokens, in thousands",
    "aggregation": "sum",
    "dimensions": ["model", "region"],
}
MODELS = ("small", "medium", "large")
REGIONS = ("eu", "us", "asia")
FREE, FIRST_TIER, PACKAGE = 10_000, 50_000, 1_000
FIRST_PRICE, NEXT_PRICE, PACKAGE_PRICE = 1_000, 400, 200_000  # micro-units: 1 cent, 0.4 cents, 2 dollars
PLAN: dict[str, Any] = {
    "id": "inference",
    "name": "Inference",
    "currency": "USD",
    "interval": "month",
    "components": [
        {"key": "base", "type": "flat", "unitAmount": 4_900_000},
        {
            "key": "tokens",
            "type": "metered",
            "meter": "tokens",
            "model": "graduated",
            "freeUnits": FREE,
            "tiers": [{"upTo": FIRST_TIER, "unitAmount": FIRST_PRICE}, {"upTo": None, "unitAmount": NEXT_PRICE}],
        },
        {
            "key": "large",
            "type": "metered",
            "meter": "tokens",
            "model": "package",
            "packageSize": PACKAGE,
            "unitAmount": PACKAGE_PRICE,
            "filters": {"model": ["large"]},
            "groupBy": ["region"],
        },
    ],
}
PER_REQUEST = 1_000
_SEED = 20_270_301
_MARCH = datetime(2027, 3, 1, tzinfo=UTC)
_MARCH_S = 30 * 86_400 + 22 * 3_600  # until an hour before the clock's


@dataclass(frozen=True)
class Event:
    """A measurement of the customer's."""

    id: str
    quantity: Decimal
    at: datetime
    model: str
    region: str

    def body(self, subscription_id: str, **other: Any) -> dict[str, Any]:
        """As the API takes it."""
        return {
            "eventId": self.id,
            "subscriptionId": subscription_id,
            "meter": METER["key"],
            "quantity": format(self.quantity, "f"),
            "timestamp": self.at.isoformat(),
            "properties": {"model": self.model, "region": self.region},
            **other,
        }


def march(count: int) -> list[Event]:
    """Seeded random events of March 2027 in the order of time: up to 25 units each, with up to nine decimals."""
    dice = random.Random(_SEED)
    seconds = sorted(dice.random() * _MARCH_S for _ in range(count))
    return [
        Event(
            f"evt-{n:06}",
            Decimal(dice.randrange(1, 25 * 10**decimals)).scaleb(-decimals),
            _MARCH + timedelta(milliseconds=int(second * 1000)),
            dice.choice(MODELS),
            dice.choice(REGIONS),
        )
        for n, second in enumerate(seconds)
        for decimals in (dice.randrange(10),)
    ]


def requests_of(events: Sequence[Event]) -> list[Sequence[Event]]:
    """The events as they are sent: 1,000 at a time."""
    return [events[n : n + PER_REQUEST] for n in range(0, len(events), PER_REQUEST)]


def some_of(requests: Sequence[Sequence[Event]], share: int) -> list[Sequence[Event]]:
    """One request in ``share``, chosen by chance; one at least."""
    dice = random.Random(_SEED + share)
    return dice.sample(list(requests), max(1, len(requests) // share))


def total(events: Iterable[Event]) -> Decimal:
    """The sum of their quantities: below 2.5 million with nine decimals, which `Decimal` adds exactly."""
    return sum((event.quantity for event in events), Decimal(0))


def by_place(events: Iterable[Event]) -> dict[tuple[str, str], Decimal]:
    """Sums by model and region."""
    found: dict[tuple[str, str], Decimal] = {}
    for event in events:
        place = event.model, event.region
        found[place] = found.get(place, Decimal(0)) + event.quantity
    return found


@dataclass(frozen=True)
class Line:
    """A metered line that an invoice must have; the amount in micro-units."""

    component: str
    region: str | None
    quantity: Decimal
    amount: int


def lines_of(sums: dict[tuple[str, str], Decimal]) -> list[Line]:
    """What a month's sums cost: all of it by tiers, and what ran on the large model by packages, for each region."""
    large = {region: quantity for (model, region), quantity in sums.items() if model == "large"}
    everything = sum(sums.values(), Decimal(0))
    lines = [Line("tokens", None, everything, _by_tiers(everything))]
    return lines + [Line("large", region, large[region], _by_packages(large[region])) for region in sorted(large)]


def late_lines(before: dict[tuple[str, str], Decimal], after: dict[tuple[str, str], Decimal]) -> list[Line]:
    """What came late, as the next invoice bills it: the price of the whole, less what was billed."""
    billed = {(line.component, line.region): line for line in lines_of(before)}
    found = []
    for line in lines_of(after):
        old = billed[line.component, line.region]
        if line.quantity != old.quantity:
            more, costs = line.quantity - old.quantity, line.amount - old.amount
            found.append(Line(line.component, line.region, more, costs))
    return found


def _by_tiers(quantity: Decimal) -> int:
    """60,000.5 units: 10,000 are free, 50,000 cost a cent each, and half a one 0.2 cents: 500.00 dollars."""
    priced = max(quantity - FREE, Decimal(0))
    first = min(priced, Decimal(FIRST_TIER))
    exact = first * FIRST_PRICE + (priced - first) * NEXT_PRICE
    return int((exact / 1000).quantize(Decimal(1), ROUND_HALF_UP)) * 1000


def _by_packages(quantity: Decimal) -> int:
    """1,000.1 units are two packages."""
    return int((quantity / PACKAGE).to_integral_value(ROUND_CEILING)) * PACKAGE_PRICE
