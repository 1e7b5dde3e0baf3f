"""Webhooks: deliveries a second, time from commit to arrival, and what a million cost by measured units.

In one process, over the emulator: handler, publisher, the real queue, sender, and a receiver that verifies.
"""

import os
import time
from collections.abc import Sequence
from statistics import quantiles

from benchmarks.backend import backend
from benchmarks.calls.book import shortened
from benchmarks.part import progress, save_measured
from benchmarks.prices import EGRESS, GB, GB_SECOND, INVOCATION, MILLION, READ, SQS, SQS_FAIR, VCPU_MB, WRITE
from benchmarks.report import Row, Section, verdict
from benchmarks.shop import Refused
from benchmarks.usage.cost import Position
from benchmarks.webhooks.case import BATCH, STREAM_BATCH, Asked, Line
from tests.support.receiver import receiving

GOAL_USD = 5
PUBLISHER_MB, SENDER_MB = 512, 1024
"""As in template.yaml."""
DELIVERIES, ARRIVALS, SINGLES = 300, 60, 20


def measure() -> list[Section]:
    """The tables.

    Raises:
        Refused: something did not arrive, or more than once.
    """
    with backend() as running, receiving() as receiver:
        os.environ["WEBHOOK_LOOPBACK"] = "1"
        line = Line(running, receiver)
        line.watch()
        progress("warm-up")
        line.customers(BATCH)
        _deliver(line)
        progress(f"{ARRIVALS} from commit to arrival")
        arrivals = [_arrival(line) for _ in range(ARRIVALS)]
        progress(f"{DELIVERIES} deliveries in batches")
        rate, cpu_rate = _rate(line)
        progress(f"{SINGLES} deliveries one by one, metered")
        fed, published, sent = _metered(line)
        emitted = BATCH + ARRIVALS + DELIVERIES + SINGLES
        if len(receiver.events) != emitted or receiver.forged:
            raise Refused(f"{emitted} events were emitted, and {len(receiver.events)} arrived")
        size = len(receiver.bodies[-1])
    return [_times(arrivals, rate, cpu_rate), _asked(fed, published, sent), _cost(published, sent, size)]


def _deliver(line: Line) -> None:
    line.publish(line.records())
    while line.send():
        pass


def _arrival(line: Line) -> float:
    """From the answer to a commit to the arrival of its event, in seconds."""
    line.customers(1)
    committed = time.perf_counter()
    line.publish(line.records())
    if line.send() != 1:
        raise Refused("a notice did not come")
    return time.perf_counter() - committed


def _rate(line: Line) -> tuple[float, float]:
    """Deliveries per second, and per second of this process's CPU time, all of it: receiver and queue client too."""
    line.customers(DELIVERIES)
    records = line.records()
    for first in range(0, len(records), STREAM_BATCH):
        line.publish(records[first : first + STREAM_BATCH])
    wall, cpu, sent = time.perf_counter(), time.process_time(), 0
    while count := line.send():
        sent += count
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if sent != DELIVERIES:
        raise Refused(f"{sent} of {DELIVERIES} deliveries")
    return sent / wall, sent / cpu


def _metered(line: Line) -> tuple[Asked, Asked, Asked]:
    """What placing, addressing and sending ask for; sent in batches they would ask SQS for fewer requests."""
    line.customers(SINGLES)
    fed, published, sent = Asked(), Asked(), Asked()
    records = line.records()
    line.feed(records, fed)
    line.publish(records, published)
    while line.send(1, sent):
        pass
    return fed, published, sent


def _times(arrivals: Sequence[float], rate: float, cpu_rate: float) -> Section:
    section = Section(
        "Webhooks: rate, and time from commit to arrival",
        ["what", "figure"],
        notes=[
            f"{len(arrivals)} events one after the other, each from the answer to its commit until its arrival is",
            f"written down; and {DELIVERIES} in batches of {BATCH}, worked at once. The receiver is in the process;",
            "the stream's own delay (a quarter of a second at AWS) is not in it: the publisher is given its records.",
        ],
    )
    cuts = quantiles(arrivals, n=20)
    for name, figure, shown in (
        ("commit to arrival, p50", cuts[9], f"{cuts[9] * 1000:.0f} ms"),
        ("commit to arrival, p95", cuts[18], f"{cuts[18] * 1000:.0f} ms"),
        ("deliveries a second, one process", rate, f"{rate:.0f}"),
        ("deliveries a second of CPU time", cpu_rate, f"{cpu_rate:.0f}"),
    ):
        section.rows.append(Row([name, shown], "", {"figure": figure}))
    return section


def _asked(fed: Asked, published: Asked, sent: Asked) -> Section:
    section = Section(
        "What a delivery asks for",
        ["what", "write units", "read units", "CPU, ms", "operations"],
        notes=["A first attempt that is accepted. Units as in the table of calls, indexes included."],
    )
    parts = {"place an event in the feed": fed, "address it to an endpoint": published, "send it": sent}
    for name, asked in parts.items():
        figures = {
            "write_units": asked.write_units / SINGLES,
            "read_units": asked.read_units / SINGLES,
            "cpu_ms": asked.cpu_s / SINGLES * 1000,
            "round_trips": asked.calls / SINGLES,
        }
        shown = (f"{figures[each]:.2f}" for each in ("write_units", "read_units", "cpu_ms"))
        cells = [name, *shown, shortened(asked.operations[:12])]
        section.rows.append(Row(cells, "", figures))
    return section


def _cost(published: Asked, sent: Asked, size: int) -> Section:
    section = Section(
        "A million webhook deliveries at list price, USD",
        ["what", "USD", "budget"],
        notes=[
            "us-east-1, no free tier; prices and their sources in benchmarks/prices.py.",
            f"First attempts that are accepted, of {size} bytes, in batches of {BATCH}; an answer takes 100 ms.",
            "Measured: units and CPU time. Not in it: logs, KMS, storage, and the event itself, which is there anyway.",
        ],
    )
    positions = bill(published, sent, size)
    for each in positions:
        section.rows.append(Row([each.name, f"{each.usd:.2f}", ""], "", {"usd": each.usd}))
    total = sum(each.usd for each in positions)
    section.rows.append(Row(["together", f"{total:.2f}", str(GOAL_USD)], verdict(total, GOAL_USD), {"usd": total}))
    return section


def bill(published: Asked, sent: Asked, size: int, answer_s: float = 0.1, count: int = SINGLES) -> list[Position]:
    """A million deliveries.

    Args:
        size: of a body, in bytes.
        answer_s: how long a receiver takes; a batch waits for it once.
        count: how many deliveries were measured.
    """
    each = MILLION / count
    publisher_s = published.cpu_s * VCPU_MB / PUBLISHER_MB + published.wait_s
    sender_s = sent.cpu_s * VCPU_MB / SENDER_MB + (sent.wait_s + answer_s * count) / BATCH
    gb_s = publisher_s * PUBLISHER_MB / 1024 + sender_s * SENDER_MB / 1024
    invocations = 1 / STREAM_BATCH + 1 / BATCH
    return [
        Position("DynamoDB, writes", (published.write_units + sent.write_units) * each * WRITE.usd),
        Position("DynamoDB, reads", (published.read_units + sent.read_units) * each * READ.usd),
        # Sent, received and deleted by ten.
        Position("SQS", 3 / BATCH * MILLION * SQS.usd + MILLION * SQS_FAIR.usd),
        Position("Lambda", gb_s * each * GB_SECOND.usd + invocations * MILLION * INVOCATION.usd),
        Position("data out", size * MILLION / GB * EGRESS.usd),
    ]


def main() -> None:
    """For ``benchmarks.run``: the tables go into a file."""
    save_measured(measure)


if __name__ == "__main__":
    main()
