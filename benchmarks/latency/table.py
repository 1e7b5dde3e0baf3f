"""p50 and p95 of a local stack at four clients: what one machine gives, over HTTP, Lambdas and all.

It starts a stack of its own, as ``make e2e`` does, and measures each case twice: the product, and right after it the
bare function (``bare``), which sends the same requests to DynamoDB and to Stripe's sandbox and does nothing else.
"""

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks.events import Context
from benchmarks.latency.bare import Bare, Recorder, Wire
from benchmarks.latency.cases import A_TENANT_EACH, CLIENTS, ONE_TENANT, Ask, Story
from benchmarks.latency.marketplace import MarketStory
from benchmarks.part import end_in_order, progress
from benchmarks.report import Row, Section, verdict
from benchmarks.stack import NotThere, RunningStack, running

EACH = 15
"""Measured requests of each client."""

_WARM_UP = 3
"""Requests of each client before them: they start the workers, one for each client, and fill their caches."""

_RECORDED = 2
"""Requests that go through the handler in this process: the first fills its caches, the second is recorded."""

ALIKE = 1.5
"""The most that p95 of one tenant's clients may be beside that of clients with a tenant each."""
_NOTHING_TO_MEASURE = 3
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Shot:
    """One request over HTTP, and what makes sure that its answer is the one that was to be measured."""

    send: Callable[[requests.Session], requests.Response]
    check: Callable[[requests.Response], Any]


def fire(shots: Sequence[Shot], warm_up: int, clients: int = CLIENTS) -> tuple[list[float], list[Any]]:
    """Share requests among the clients; the milliseconds of those after the warm-up, sorted, and all answers in order.

    Args:
        warm_up: how many of them come first, and are not looked at.
    """
    spans: list[float] = []
    answers: dict[int, Any] = {}
    sessions = [requests.Session() for _ in range(clients)]

    def client(n: int, first: int, last: int) -> list[float]:
        taken = []
        for at in range(first + n, last, clients):
            started = time.perf_counter()
            answer = shots[at].send(sessions[n])
            taken.append((time.perf_counter() - started) * 1000)
            answers[at] = shots[at].check(answer)
        return taken

    with ThreadPoolExecutor(clients) as pool:
        for first, last in ((0, warm_up), (warm_up, len(shots))):
            taken = pool.map(partial(client, first=first, last=last), range(clients))
            spans = [span for each in taken for span in each]
    for session in sessions:
        session.close()
    return sorted(spans), [answers[at] for at in range(len(shots))]


class Latencies:
    """Measures cases and writes the table's lines.

    Args:
        each: measured requests of each client.
        clients: who ask at the same time.
    """

    def __init__(self, stack: RunningStack, each: int, clients: int) -> None:
        self._api_url: str = stack.known["api_url"]
        self._clients, self._warm_up = clients, clients * _WARM_UP
        self._fired = clients * (_WARM_UP + each)
        self._story = Story(stack, _RECORDED + self._fired)
        self._market = MarketStory(stack, _RECORDED + self._fired)
        stack.become_a_function()
        from billing.bootstrap import storage  # it reads the environment that has just been set

        self._recorder = Recorder(storage.database().client, stack.known["stripe_url"])
        cases = stack.folder / "cases"
        cases.mkdir()
        self._bare = Bare(stack.ports, cases)
        self._figures: dict[str, dict[str, float]] = {}
        self.section = Section(
            f"A local stack at {clients} client{'s'[: clients - 1]}",
            [
                "request", "p50, ms", "p95, ms", "budget", "bare p50", "bare p95", "ours, p50", "beside bare",
                "DynamoDB + Stripe",
            ],
            notes=[
                f"{clients * each} requests each, after {self._warm_up} that are not looked at; the budget is",
                "p95's. An empty function is what gateway, API and Lambda take of every request.",
                "Bare: a function beside ours that sends the same requests to DynamoDB and Stripe over plain sockets,",
                "without their conditions, and does nothing else. Ours: what the medians differ by; beside bare: how",
                "many times the bare one's ours is.",
                "Intents and payments name a user (X-User-Id), whose limit is one update more for intents.",
                "A trigger wakes the payout worker, which works beside the ones that follow, on the same cores.",
            ],
        )  # fmt: skip

    def run(self) -> Section:
        """The whole table."""
        self._empty()
        self._story.tell(self.measure)
        if self._clients > 1:
            self._compare_tenants()
        self._market.tell(self.measure)
        return self.section

    def _compare_tenants(self) -> None:
        """Whether four clients of one tenant wait for each other."""
        one, each = (self._figures[name] for name in (ONE_TENANT, A_TENANT_EACH))
        ratios = {name: one[name] / each[name] for name in ("p50_ms", "p95_ms")}
        cells = ["one tenant's beside four tenants'", *(f"{ratio:.2f}" for ratio in ratios.values()), f"{ALIKE}"]
        cells += ["-"] * 5
        self.section.rows.append(Row(cells, verdict(ratios["p95_ms"], ALIKE), ratios))

    def measure(self, name: str, budget_ms: int, asks: Sequence[Ask]) -> list[Any]:
        """Measure a case, and write its line; returns what was answered."""
        progress(name)
        recorded = [self._record(ask) for ask in asks[:_RECORDED]]
        spans, answers = self._fire([self._shot(ask) for ask in asks[_RECORDED:]])
        text, wires = recorded[-1]
        last = asks[_RECORDED - 1]
        path = self._bare.play(_file_name(name), wires, last.path + last.body, text)
        bare, _ = self._fire([self._bare_shot(last.method, path, last.body)] * self._fired)
        self._line(name, budget_ms, spans, bare, wires)
        return [ask.data(200, text) for ask, (text, _) in zip(asks, recorded, strict=False)] + answers

    def _fire(self, shots: Sequence[Shot]) -> tuple[list[float], list[Any]]:
        return fire(shots, self._warm_up, self._clients)

    def _empty(self) -> None:
        """What gateway, API and Lambda take of every request: the bare function with nothing to send."""
        path = self._bare.play("empty", [], "", "{}")
        spans, _ = self._fire([self._bare_shot("GET", path, "")] * self._fired)
        p50, p95 = percentile(spans, 50), percentile(spans, 95)
        cells = ["(an empty function)", "-", "-", "-", f"{p50:.0f}", f"{p95:.0f}", "-", "-", "0 + 0"]
        self.section.rows.append(Row(cells, "", {"bare_p50_ms": p50, "bare_p95_ms": p95}))

    def _record(self, ask: Ask) -> tuple[str, list[Wire]]:
        """What the handler answers in this process, and what it asks for that."""
        handler = importlib.import_module(f"functions.{ask.function}.handler").lambda_handler
        with self._recorder.recording() as wires:
            answer = handler(ask.event(), Context())
        ask.data(answer["statusCode"], answer["body"])
        return answer["body"], wires

    def _shot(self, ask: Ask) -> Shot:
        return Shot(
            lambda session: self._story.send(session, ask), lambda answer: ask.data(answer.status_code, answer.text)
        )

    def _bare_shot(self, method: str, path: str, body: str) -> Shot:
        def send(session: requests.Session) -> requests.Response:
            return session.request(method, self._api_url + path, data=body.encode() or None, timeout=_TIMEOUT_S)

        return Shot(send, requests.Response.raise_for_status)

    def _line(self, name: str, budget_ms: int, spans: list[float], bare: list[float], wires: Sequence[Wire]) -> None:
        p50, p95 = percentile(spans, 50), percentile(spans, 95)
        bare_p50, bare_p95 = percentile(bare, 50), percentile(bare, 95)
        to_dynamodb = sum(1 for wire in wires if wire.operation)
        cells = [name, f"{p50:.0f}", f"{p95:.0f}", str(budget_ms), f"{bare_p50:.0f}", f"{bare_p95:.0f}"]
        cells += [f"{p50 - bare_p50:.0f}", f"{p50 / bare_p50:.2f}", f"{to_dynamodb} + {len(wires) - to_dynamodb}"]
        figures = {"p50_ms": p50, "p95_ms": p95, "bare_p50_ms": bare_p50, "bare_p95_ms": bare_p95}
        self._figures[name] = figures
        self.section.rows.append(Row(cells, verdict(p95, budget_ms), figures))


def _file_name(case: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", case.lower())


def percentile(spans: list[float], percent: int) -> float:
    """The smallest of the sorted values that is not below ``percent`` of them (nearest rank).

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
    2.0
    """
    return spans[-(-len(spans) * percent // 100) - 1]


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file; exit code 3 where no stack can be started."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, default=EACH, help="measured requests of each client")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="who ask at the same time")
    options = parser.parse_args()
    try:
        with running() as stack:
            Latencies(stack, options.each, options.clients).run().save(options.out)
    except NotThere as reason:
        print(f"    not measured: {reason}", file=sys.stderr)
        sys.exit(_NOTHING_TO_MEASURE)


if __name__ == "__main__":
    main()
