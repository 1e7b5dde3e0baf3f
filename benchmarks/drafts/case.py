"""What both sides of the comparison of draft invoices bill, and how each tells what it did.

Standard library only: django-silver's side runs in an environment that has nothing of the product.
"""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal

CUSTOMERS = 200
PLAN_NAME, SEATS = "Business", 100
FLAT, SEAT = Decimal("49.99"), Decimal("5.00")
"""A month of the plan, and of one seat, in US dollars."""
YEAR, MONTH = 2025, 1
"""The month that has run when the drafts are made; silver makes none for a day that is still to come."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a draft says, in a form that both sides can give: lines of (quantity, amount)."""

    status: str
    currency: str
    lines: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, status: str, currency: str, lines: list[tuple[Decimal, Decimal]]) -> "Bill":
        """The bill with its numbers in one spelling.

        >>> Bill.of("draft", "USD", [(Decimal("1E+2"), Decimal("500"))]).lines
        (('100', '500.00'),)
        """
        return cls(
            status, currency, tuple((f"{quantity.normalize():f}", f"{amount:.2f}") for quantity, amount in lines)
        )


EXPECTED = Bill.of("draft", "USD", [(Decimal(1), FLAT), (Decimal(SEATS), SEAT * SEATS)])


@dataclass(frozen=True, slots=True)
class Round:
    """One timed round of a side.

    Args:
        wall_s: seconds on the clock.
        cpu_s: CPU seconds of the process that bills.
        store_s: of ``wall_s``, seconds inside the database that is part of this process; else 0.
        bills: the different bills that were found in the drafts.
    """

    drafts: int
    wall_s: float
    cpu_s: float
    store_s: float
    bills: tuple[Bill, ...]

    def to_line(self) -> str:
        """One line of JSON, for a pipe."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> "Round":
        """What ``to_line`` wrote."""
        plain = json.loads(line)
        bills = [
            Bill(bill["status"], bill["currency"], tuple((quantity, amount) for quantity, amount in bill["lines"]))
            for bill in plain.pop("bills")
        ]
        return cls(**plain, bills=tuple(bills))

    def require(self, drafts: int) -> None:
        """Two sides that bill different things would be no comparison.

        Raises:
            AssertionError: it is not this number of drafts, or one of them says something else.
        """
        assert (self.drafts, self.bills) == (drafts, (EXPECTED,)), f"{self.drafts} of {drafts} drafts: {self.bills}"
