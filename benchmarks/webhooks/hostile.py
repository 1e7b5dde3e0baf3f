"""A healthy endpoint's arrivals alone, beside endpoints that answer, and beside as many that accept and say nothing.

In one process, over the emulator: handler, publisher, the real queues, and senders that take from both lanes as
Lambda's mappings do: each a worker with ten threads of its own, a batch of ten at a time, over when its slowest is.
"""

import argparse
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import boto3

from benchmarks.backend import backend
from benchmarks.environment import queue_arn
from benchmarks.events import Context, received_event
from benchmarks.part import end_in_order, progress
from benchmarks.report import Row, Section, save_all, verdict
from benchmarks.shop import Refused
from benchmarks.webhooks.case import BATCH, Line
from tests.support.receiver import LocalReceiver, receiving

HANGING, EVENTS_FIRST = 10, 2
"""Endpoints that hang, and events for each of them before the healthy one's begin."""
FAST, SLOW = 20, 4
"""Workers on each lane; deployed are 50 and 10."""
ARRIVALS, ANOTHER_EVERY = 40, 5
BUDGET = 1.5
_PAUSE_S = 0.25
"""Before each arrival, in both runs: what the others' attempts cost this one process is no part of the waiting."""
_PATIENCE_S = 30.0


@contextmanager
def hanging() -> Iterator[tuple[str, list[socket.socket]]]:
    """A receiver that accepts, and never answers; its URL, and the connections that it has."""
    found: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:

        def accept() -> None:
            while True:
                try:
                    found.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hooks", found
        for each in found:
            each.close()


def _worker(queue_url: str, ended: threading.Event) -> None:
    """One environment of the sender's function, and what its mapping does."""
    from billing.bootstrap.webhook_sending import webhook_sender
    from billing.schemas.webhooks.event import body

    handler: Callable[[Any, Any], Any] = webhook_sender(body).lambda_handler
    sqs, arn = boto3.session.Session().client("sqs"), queue_arn(queue_url)
    wanted = {"QueueUrl": queue_url, "MaxNumberOfMessages": BATCH, "WaitTimeSeconds": 1}
    while not ended.is_set():
        messages = sqs.receive_message(**wanted, MessageSystemAttributeNames=["All"]).get("Messages", [])
        if not messages:
            continue
        failed = {
            each["itemIdentifier"] for each in handler(received_event(arn, messages), Context())["batchItemFailures"]
        }
        for each in messages:
            if each["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=each["ReceiptHandle"])


def _arrival(line: Line) -> float:
    """From the answer to a commit to the arrival of its event, in seconds."""
    time.sleep(_PAUSE_S)
    before = len(line.receiver.bodies)
    line.customers(1)
    committed = time.perf_counter()
    line.publish(line.records())
    while len(line.receiver.bodies) == before:
        if time.perf_counter() - committed > _PATIENCE_S:
            raise Refused("an event did not arrive")
        time.sleep(0.001)
    return time.perf_counter() - committed


def measure() -> Section:
    """The table.

    Raises:
        Refused: something did not arrive, or nothing hung.
    """
    with backend() as running, receiving() as receiver, receiving() as other, hanging() as (url, hung):
        os.environ["WEBHOOK_LOOPBACK"] = "1"
        healthy = Line(running, receiver)
        ended = threading.Event()
        lanes = [os.environ["WEBHOOK_QUEUE_URL"]] * FAST + [os.environ["WEBHOOK_SLOW_QUEUE_URL"]] * SLOW
        for each in lanes:
            threading.Thread(target=_worker, args=(each, ended), daemon=True).start()
        for _ in range(BATCH):
            _arrival(healthy)  # warm
        progress(f"{ARRIVALS} arrivals alone")
        idle = [_arrival(healthy) for _ in range(ARRIVALS)]
        other.take = lambda *_: 200  # type: ignore[method-assign]  # there are ten secrets
        progress(f"{ARRIVALS} arrivals beside {HANGING} endpoints that answer")
        busy = _beside(healthy, Line(running, other))
        progress(f"{ARRIVALS} arrivals beside {HANGING} endpoints that hang")
        beside = _beside(healthy, Line(running, LocalReceiver(url=url)))
        ended.set()
        logging.disable()  # the workers' last words, while the emulator ends
    if len(hung) < HANGING * EVENTS_FIRST:
        raise Refused(f"only {len(hung)} connections hung")
    return table(idle, busy, beside, len(hung))


def _beside(healthy: Line, others: Line) -> list[float]:
    """The healthy endpoint's arrivals, while others get events, too."""
    for _ in range(HANGING - 1):
        body = {"url": others.receiver.url, "eventTypes": ["customer.created"]}
        others.shop.call("webhooks", "POST", "/v1/webhook-endpoints", body)
    others.customers(EVENTS_FIRST)
    found = []
    for n in range(ARRIVALS):
        if n % ANOTHER_EVERY == 0:
            others.customers(1)
            others.publish(others.records())
        found.append(_arrival(healthy))
    return found


def table(idle: list[float], busy: list[float], beside: list[float], hung: int) -> Section:
    """p50 and p95 of each, and their ratios.

    Args:
        idle, busy, beside: arrivals alone, beside endpoints that answer, beside those that hang; in seconds.
        hung: connections that were kept without an answer.
    """
    section = Section(
        f"A healthy endpoint beside {HANGING} others: commit to arrival, ms",
        ["what", "alone", "they answer", "they hang", "hang / alone", "at most", "hang / answer"],
        notes=[
            f"{len(idle)} events each, one after the other, in one process; {FAST} workers on the fast lane and {SLOW}",
            f"on the slow one (deployed: 50 and 10). The others get {EVENTS_FIRST} events each at first, and one more",
            f"with every fifth of the healthy one's; {hung} connections were accepted and not answered for 15 s. Those",
            "that answer show what the others' mere number costs this one process and this one emulator.",
        ],
    )
    for name, place, budget in (("p50", 9, None), ("p95", 18, BUDGET)):
        alone, answer, hang = (quantiles(each, n=20)[place] * 1000 for each in (idle, busy, beside))
        shown = "" if budget is None else f"{budget:g}"
        cells = [name, *(f"{each:.0f}" for each in (alone, answer, hang))]
        cells += [f"{hang / alone:.2f}", shown, f"{hang / answer:.2f}"]
        figures = {"alone": alone, "answer": answer, "hang": hang, "ratio": hang / alone}
        section.rows.append(Row(cells, verdict(hang / alone, budget), figures))
    return section


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    save_all([measure()], parser.parse_args().out)
    sys.stdout.flush()
    os._exit(0)  # a worker may be waiting for a receiver that hangs


if __name__ == "__main__":
    main()
