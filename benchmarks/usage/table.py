"""Usage events through handler, queue and worker: how many a second beside the raw client, and what each of them costs.

One emulator, one run. Ours and the raw client take turns, so that whatever else the machine does falls on both.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median

from benchmarks.backend import Backend, backend
from benchmarks.calls.book import WRITE, shortened
from benchmarks.counting import Meter
from benchmarks.part import progress, save_measured
from benchmarks.report import Row, Section, verdict, verdict_at_least
from benchmarks.shop import Shop
from benchmarks.usage.case import BATCH, SUM, Metered
from benchmarks.usage.cost import KEPT_DAYS, bill, storage_usd
from benchmarks.usage.run import COUNTERS, Crew, Run, crew
from benchmarks.usage.units import Asked, Desk, KindAsked
from benchmarks.usage.work import Poller, Refused, events_in

BESIDE_RAW, BESIDE_SINGLES = 0.8, 10
ROUNDS = 3
EVENTS = 20_000
"""In a round, each way: sixty messages, of which a worker takes up to ten at once. With 5,000, one took ten of fifteen,
and a third of the round was its alone."""
_SINGLES = 60
_SINGLE_ROUNDS = 2


@dataclass
class Runs:
    """What was run: one of each for each round."""

    through: list[Run] = field(default_factory=list)
    worker: list[Run] = field(default_factory=list)
    raw: list[Run] = field(default_factory=list)
    accepted: list[Run] = field(default_factory=list)
    singles_accepted: list[Run] = field(default_factory=list)
    singles_through: list[Run] = field(default_factory=list)


def measure() -> list[Section]:
    """The tables.

    Raises:
        Refused: something was not accepted or not counted.
    """
    with backend() as running:
        try:
            metered = Metered.open(running)
            desk = _desk(running, metered)
            with crew(running.usage_queue_arn, running.emulator_pid) as hands:
                runs = _runs(hands, metered)
            progress("what each event asks for")
            kinds, singles = desk.kinds(), desk.singles()
            _require_all_counted(metered)
        finally:
            # It would save its state first: that takes longer than it is worth, and nobody wants it.
            os.kill(running.emulator_pid, signal.SIGKILL)
    return [rates_section(runs), calls_section(kinds, singles), cost_section(kinds)]


def _desk(running: Backend, metered: Metered) -> Desk:
    from billing.bootstrap import storage
    from billing.integrations.aws.clients import aws_client

    poller = Poller(running.usage_queue_arn, lambda event, _: Shop.invoke("usage_worker", event))
    return Desk(metered, Meter(running.stripe_url), poller, storage.database().client, aws_client("sqs"))


def _runs(hands: Crew, metered: Metered) -> Runs:
    progress(f"{ROUNDS} rounds of {EVENTS:,} events: handler, queue and worker; the worker alone; the raw client")
    runs = Runs()
    hands.counted(BATCH, metered.requests(SUM, BATCH))  # caches fill, connections open
    for n in range(ROUNDS):
        # The raw client in the middle of the two that it is compared with, which take turns at being first.
        ways = [_through, _worker_alone] if n % 2 else [_worker_alone, _through]
        transactions = ways[0](hands, metered, runs).transactions
        assert sum(map(events_in, transactions)) == EVENTS
        runs.raw.append(hands.replayed(EVENTS, transactions))
        ways[1](hands, metered, runs)
    progress(f"{_SINGLES} events in requests of one")
    for _ in range(_SINGLE_ROUNDS):
        runs.singles_accepted.append(hands.accepted(_SINGLES, metered.requests(SUM, _SINGLES, 1)))
        hands.counted(_SINGLES)
        runs.singles_through.append(hands.counted(_SINGLES, metered.requests(SUM, _SINGLES, 1)))
    return runs


def _through(hands: Crew, metered: Metered, runs: Runs) -> Run:
    runs.through.append(hands.counted(EVENTS, metered.requests(SUM, EVENTS)))
    return runs.through[-1]


def _worker_alone(hands: Crew, metered: Metered, runs: Runs) -> Run:
    runs.accepted.append(hands.accepted(EVENTS, metered.requests(SUM, EVENTS)))
    runs.worker.append(hands.counted(EVENTS))
    return runs.worker[-1]


def _require_all_counted(metered: Metered) -> None:
    """The totals are what was reported: once each, and none is missing.

    Raises:
        Refused: they are not.
    """
    from billing.bootstrap import usage as usage_bootstrap

    found = usage_bootstrap.usage_store().of_subscription(metered.shop.tenant_id, metered.subscription_id)
    counted = sum(amount.number for item in found if item.key.meter == SUM.key for amount in item.cells.values())
    if counted != metered.total:
        raise Refused(f"{metered.reported:,} events reported {metered.total}, and {counted} was counted")


def rates_section(runs: Runs) -> Section:
    """The first table."""
    section = Section(
        "Usage events per second",
        ["what", "ours, 1/s", "beside, 1/s", "beside what", "ratio", "spread", "budget"],
        notes=[
            f"Medians of {len(runs.raw)} rounds of {EVENTS:,} events in requests of {BATCH:,}, ours and raw in turns,",
            f"and of {len(runs.singles_through)} rounds of {_SINGLES} in requests of one; the meter is a sum.",
            "From the first request until the last message is counted and deleted: one process that accepts, the",
            f"queue, and {COUNTERS} that receive, count and delete. Raw: {COUNTERS} processes where botocore's client",
            "sends the same transactions with other keys of the same length; it builds and reads nothing.",
            "The emulator, one process, does the writing for both sides; with ours it has the queue's work besides.",
            "Per CPU second: of all these processes and the emulator; what else the machine does hardly shows in it.",
            "After the last round the totals are compared with all that was reported.",
        ],
    )
    _compare(section, "handler, queue and worker", runs.through, runs.raw, "raw client", BESIDE_RAW)
    _compare(section, "the same, per CPU second", runs.through, runs.raw, "raw client", None, lambda run: run.cpu_rate)
    _compare(section, "worker alone, all on the queue", runs.worker, runs.raw, "raw client", BESIDE_RAW)
    singles, through = runs.singles_accepted, runs.singles_through
    _compare(section, "accepted, in requests of 1,000", runs.accepted, singles, "requests of one", BESIDE_SINGLES)
    _compare(section, "accepted and counted, of 1,000", runs.through, through, "requests of one", BESIDE_SINGLES)
    return section


def _compare(
    section: Section,
    name: str,
    ours: Sequence[Run],
    other: Sequence[Run],
    beside: str,
    budget: float | None,
    rate: Callable[[Run], float] = lambda run: run.rate,
) -> None:
    """A line; where both sides have as many rounds, the ratio is the median of theirs: they had the same neighbours."""
    ratios = [rate(one) / rate(another) for one, another in zip(ours, cycle(other), strict=False)]
    ours_rate, other_rate, ratio = median(map(rate, ours)), median(map(rate, other)), median(ratios)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    cells = [name, f"{ours_rate:,.0f}", f"{other_rate:,.0f}", beside, f"{ratio:.2f}", spread, f"{budget or '-'}"]
    figures = {"ours_per_s": ours_rate, "beside_per_s": other_rate, "ratio": ratio}
    section.rows.append(Row(cells, verdict_at_least(ratio, budget), figures))


def calls_section(kinds: Sequence[KindAsked], singles: tuple[Asked, Asked]) -> Section:
    """The second table."""
    section = Section(
        "What usage asks for",
        ["what", "DynamoDB calls", "budget", "write units", "read units", "SQS requests", "CPU, µs", "operations"],
        notes=[
            "DynamoDB calls: of a request or a message; all else is for an event. Units as in the table of calls.",
            "SQS requests as they are billed: each 64 KB of messages sent or received is one, deleting ten is one.",
            "CPU time: the functions' own, on this machine. A meter that has to be looked at first costs reads.",
        ],
    )
    _asked(section, "accept 1,000 events", kinds[0].accepted, WRITE)
    _asked(section, "accept one event", singles[0], WRITE)
    for each in kinds:
        _asked(section, f"count a message: {each.kind.title}, {each.in_transaction:.0f} a transaction", each.counted)
    _asked(section, "count a message of one event: sum", singles[1])
    return section


def _asked(section: Section, name: str, asked: Asked, budget: int | None = None) -> None:
    figures = {
        "round_trips": asked.calls,
        "write_units": asked.each(asked.write_units),
        "read_units": asked.each(asked.read_units),
        "sqs_requests": asked.each(asked.sqs_requests),
        "cpu_us": asked.each(asked.cpu_s) * 1e6,
    }
    cells = [
        name,
        f"{asked.calls:.3g}",
        str(budget or "-"),
        f"{figures['write_units']:.3f}",
        f"{figures['read_units']:.3f}",
        f"{figures['sqs_requests']:.4f}",
        f"{figures['cpu_us']:,.0f}",
        shortened(list(asked.operations)),
    ]
    section.rows.append(Row(cells, verdict(asked.calls, budget), figures))


def cost_section(kinds: Sequence[KindAsked]) -> Section:
    """The third table."""
    section = Section(
        "A million usage events at list price, USD",
        ["what", *(each.kind.title for each in kinds)],
        notes=[
            "us-east-1, prices and their sources in benchmarks/prices.py; events in requests of 1,000, no free tier.",
            "Measured: units, requests, CPU and waiting time. Computed: Lambda's seconds, the CPU time at the 0.29 of",
            "a vCPU that 512 MB have, and the waiting, which is for the emulator here, for DynamoDB and SQS there.",
            "Not in it: logs, KMS, metrics, data transfer, point-in-time recovery, polls of an empty queue.",
        ],
    )
    bills = [bill(each) for each in kinds]
    for positions in zip(*bills, strict=True):
        _cost(section, positions[0].name, [position.usd for position in positions])
    _cost(section, "together", [sum(position.usd for position in positions) for positions in bills])
    _cost(section, f"and {KEPT_DAYS} days of storage", [storage_usd(each) for each in kinds])
    return section


def _cost(section: Section, name: str, usd: Sequence[float]) -> None:
    section.rows.append(
        Row([name, *(f"{each:.3f}" for each in usd)], "", {f"usd_{n}": each for n, each in enumerate(usd)})
    )


def main() -> None:
    """For ``benchmarks.run``: the tables go into a file."""
    save_measured(measure)


if __name__ == "__main__":
    main()
