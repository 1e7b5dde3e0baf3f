"""The table of calls: measures routes, and writes their lines."""

from collections.abc import Callable
from statistics import fmean

from benchmarks.backend import PREFIX
from benchmarks.counting import Meter, Tally
from benchmarks.part import progress
from benchmarks.report import Row, Section, verdict

WARM_CALLS = 4
READ, CREATE, WRITE, MOVES_MONEY, WEBHOOK = 3, 2, 3, 4, 3
"""The budget of DynamoDB round trips for each kind of call (benchmarks/README.md)."""
NUMBER = 1
"""What a call may take more that issues an invoice or a credit note: the claim of its number (decision 0064)."""

Prepared = Callable[[], None]
KEPT_APART = ("audit", "events", "idempotency")
"""Tables whose items expire, each after a time of its own (``benchmarks.cost``)."""


def _stored(table: str) -> Callable[[Tally], float]:
    return lambda tally: tally.stored_bytes(PREFIX + table)


def _stored_for_good(tally: Tally) -> float:
    return sum(tally.stored.values()) - sum(tally.stored_bytes(PREFIX + table) for table in KEPT_APART)


BESIDE: dict[str, Callable[[Tally], float]] = {
    "cpu_ms": lambda tally: tally.cpu_s * 1000,
    "log_bytes": lambda tally: tally.log_bytes,
    "kms_calls": lambda tally: sum(each.startswith("kms.") for each in tally.others),
    "sqs_calls": lambda tally: sum(each.startswith("sqs.") for each in tally.others),
    "events": lambda tally: sum(table == PREFIX + "events" for table, _ in tally.stored),
    **{f"stored_{table}_bytes": _stored(table) for table in KEPT_APART},
    "stored_bytes": _stored_for_good,
}
"""What the table does not show, and the cost sheet is made of."""


class Book:
    """Measures routes and writes the table's lines."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.section = Section(
            "DynamoDB and Stripe, per warm call",
            ["route", "round trips", "budget", "read units", "write units", "Stripe", "operations"],
            notes=[
                f"{WARM_CALLS} warm calls each, counted by botocore hooks; the worst is shown, units are means.",
                "Write units: ReturnConsumedCapacity as ministack computes it (transactions twice, indexes included;",
                "none for a refused transaction). Read units: from the sizes of what was read, by DynamoDB's rule.",
                "Calls to other AWS services (KMS, SQS, Secrets Manager) would stand among the operations.",
            ],
        )

    def route(self, name: str, budget: int | None, prepare: Callable[[], Prepared]) -> None:
        """Measure one route.

        Args:
            prepare: makes what a call needs, uncounted, and returns the call.
        """
        progress(name)
        prepare()()
        tallies = []
        for _ in range(WARM_CALLS):
            call = prepare()
            with self._meter.open() as tally:
                call()
            tallies.append(tally)
        self.line(name, budget, tallies)

    def line(self, name: str, budget: int | None, tallies: list[Tally]) -> None:
        """A line from what was counted."""
        worst = max(tallies, key=lambda tally: len(tally.dynamodb))
        trips = len(worst.dynamodb)
        figures = {
            "round_trips": trips,
            "read_units": fmean(tally.read_units for tally in tallies),
            "write_units": fmean(tally.write_units for tally in tallies),
            "stripe_calls": max(tally.stripe for tally in tallies),
        }
        figures |= {name: fmean(map(beside, tallies)) for name, beside in BESIDE.items()}
        self.add(name, budget, figures, shortened(worst.dynamodb + worst.others))

    def add(self, name: str, budget: int | None, figures: dict[str, float], operations: str) -> None:
        """A line."""
        cells = [
            name,
            f"{figures['round_trips']:g}",
            str(budget or "-"),
            f"{figures['read_units']:.1f}",
            f"{figures['write_units']:.1f}",
            f"{figures['stripe_calls']:g}",
            operations,
        ]
        self.section.rows.append(Row(cells, verdict(figures["round_trips"], budget), figures))


def shortened(operations: list[str]) -> str:
    """``UpdateItem``, ``BatchGetItem`` -> ``update, batch get``."""
    names = {
        "UpdateItem": "update",
        "BatchGetItem": "batch get",
        "PutItem": "put",
        "Query": "query",
        "TransactWriteItems": "transact",
    }
    return ", ".join(names.get(operation, operation) for operation in operations)


def ignore(_: object) -> None:
    """Drop the result of a call that was made only for its cost."""
