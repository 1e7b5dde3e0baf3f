"""The sweep of a case: a queue at its worst, workers in processes of their own, and somebody who kills them.

Nothing of AWS is touched in this process: what does runs in forks of a clean one (multiprocessing's fork server).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from random import Random
from typing import Any, TypeAlias

from benchmarks.sweep.case import Case
from benchmarks.sweep.check import check
from benchmarks.sweep.queue import FifoQueue, Message
from benchmarks.sweep.worker import Answer, Beat, Outside, Wake, seed, still_due, work
from billing.services.sweep.wake_ups import wake_all

_FORKS = get_context("forkserver")
# What a child would import itself, once for all of them; a cold start is then its clients and caches.
_FORKS.set_forkserver_preload(
    ["benchmarks.backend", "benchmarks.report", "benchmarks.sweep.check", "rich.progress"]
    + [f"billing.integrations.{name}" for name in ("aws.clients", "aws.billing_queue", "stripe.gateway", "aws.vault")]
)
_LOOK_S = 0.05
_AGAIN_S = 5.0
_RETRIED_WITHIN = timedelta(minutes=2)
"""What failed is due again in 30 s, then in a minute; nothing else of a case is due for days."""
_SCHEDULE = timedelta(minutes=1)
Pipe: TypeAlias = "Connection[Any, Any]"


class Stuck(Exception):
    """The sweep does not come to its end; the message says where it stands."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a case is swept.

    Args:
        workers: processes that work at the same time.
        copies: how often each message is delivered.
        kills: how many workers are killed.
        kill_every: the mean number of transactions between two kills. By progress, not by time: a quick machine would
            be done before anybody was killed.
        at_most_s: a sweep that takes longer is stuck.
    """

    workers: int = 3
    copies: int = 3
    kills: int = 10
    kill_every: float = 80.0
    at_most_s: float = 3600.0
    random_seed: int = 20261122


@dataclass(slots=True)
class Outcome:
    """What a sweep took."""

    seconds: float = 0.0
    kills: int = 0
    messages: int = 0
    deliveries: int = 0
    returned: int = 0
    rounds: int = 0
    beat: Beat = field(default_factory=Beat)


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    pipe: Pipe
    message: Message | None = None


class Sweep:
    """One sweep.

    Args:
        clock: the wall clock, as the schedule has it.
        tell: is called from time to time with what was done so far.
    """

    def __init__(
        self, outside: Outside, case: Case, plan: Plan, clock: Callable[[], datetime], tell: Callable[[Outcome], None]
    ) -> None:
        self._outside, self._case, self._plan = outside, case, plan
        self._clock, self._tell = clock, tell
        self._random = Random(plan.random_seed)
        self._queue = FifoQueue(plan.copies, self._random)
        self._workers: list[_Worker] = []
        self.outcome = Outcome()
        self._kill_at = self._next_kill()

    def run(self) -> Outcome:
        """Sweep until nothing is due.

        Raises:
            Stuck: it takes too long.
        """
        started = time.monotonic()
        try:
            self._workers = [self._begin() for _ in range(self._plan.workers)]
            schedule = self._clock()
            while True:
                self.outcome.rounds += 1
                wake_all(self._queue, self._case.shards, schedule)
                self._drain(started)
                self.outcome.seconds = time.monotonic() - started
                if not sum(apart(self._outside, still_due, self._case, _RETRIED_WITHIN)):
                    return self._counted()
                # What failed has a later time: the schedule comes again.
                time.sleep(_AGAIN_S)
                schedule += _SCHEDULE
        finally:
            for worker in self._workers:
                _end(worker)

    def _drain(self, started: float) -> None:
        """Hand out messages until the queue is empty; meanwhile, kill."""
        while not self._queue.empty:
            for worker in self._workers:
                if worker.message is None and (message := self._queue.take()) is not None:
                    worker.message = message
                    worker.pipe.send(message)
            for pipe in wait([worker.pipe for worker in self._workers], _LOOK_S):
                self._hear(next(worker for worker in self._workers if worker.pipe is pipe))
            if self.outcome.beat.commits >= self._kill_at and self.outcome.kills < self._plan.kills:
                self._kill()
            self._tell(self._counted())
            if time.monotonic() - started > self._plan.at_most_s:
                raise Stuck(f"after {self._plan.at_most_s:.0f} s: {self.outcome}")

    def _next_kill(self) -> float:
        return self.outcome.beat.commits + self._random.expovariate(1 / self._plan.kill_every)

    def _hear(self, worker: _Worker) -> None:
        """Handle one message of a worker, or that it has ended."""
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            raise Stuck(f"a worker ended by itself; its log: {self._outside.log}") from None
        self._heard(worker, said)

    def _heard(self, worker: _Worker, said: object) -> None:
        if isinstance(said, Beat):
            self.outcome.beat.add(said)
        elif isinstance(said, Wake):
            self._queue.wake(said.shard, said.deduplication_id)
        elif isinstance(said, Answer):
            assert worker.message is not None
            (self._queue.failed if said.failed else self._queue.done)(worker.message)
            worker.message = None

    def _kill(self) -> None:
        """End a worker in the middle of whatever it does; what it has sent before has been sent."""
        busy = [worker for worker in self._workers if worker.message is not None]
        if not busy:
            return
        worker = self._random.choice(busy)
        worker.process.kill()
        worker.process.join()
        try:
            while True:
                self._heard(worker, worker.pipe.recv())
        except (EOFError, OSError):
            worker.pipe.close()
        if worker.message is not None:
            self._queue.failed(worker.message)
        self.outcome.kills += 1
        self._kill_at = self._next_kill()
        self._workers[self._workers.index(worker)] = self._begin()

    def _begin(self) -> _Worker:
        return _Worker(*_start(work, self._outside))

    def _counted(self) -> Outcome:
        outcome = self.outcome
        outcome.messages, outcome.deliveries = self._queue.sent, self._queue.delivered
        outcome.returned = self._queue.returned
        return outcome


def apart(outside: Outside, job: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """What a job sends, which runs in a process of its own.

    Raises:
        Stuck: it did not come to its end.
    """
    with _started(outside, job, *arguments) as (process, pipe):
        yield from _said(pipe)
        _require_done(process, outside)


def write(outside: Outside, case: Case, processes: int, tell: Callable[[int], None]) -> None:
    """Write a case's world.

    Args:
        tell: is told of every few orders that were written.
    """
    parts = [_start(seed, outside, case, part, processes) for part in range(processes)]
    open_pipes = {pipe for _, pipe in parts}
    while open_pipes:
        for pipe in wait(list(open_pipes)):
            assert isinstance(pipe, Connection)
            try:
                tell(pipe.recv())
            except EOFError:
                open_pipes.discard(pipe)
    for process, pipe in parts:
        _require_done(process, outside)
        pipe.close()


def verify(outside: Outside, case: Case, tell: Callable[[int], None]) -> list[str]:
    """Every way in which the tables are not what they have to be.

    Args:
        tell: is told of every tenant that was looked at.
    """
    found: list[str] = []
    for problems in apart(outside, check, case, list(range(case.tenants))):
        found += problems
        tell(1)
    return found


@contextmanager
def _started(outside: Outside, job: Callable[..., None], *arguments: Any) -> Iterator[tuple[ForkServerProcess, Pipe]]:
    process, pipe = _start(job, outside, *arguments)
    try:
        yield process, pipe
    finally:
        process.kill()
        process.join()
        pipe.close()


def _start(job: Callable[..., None], outside: Outside, *arguments: Any) -> tuple[ForkServerProcess, Pipe]:
    here, there = _FORKS.Pipe()
    process = _FORKS.Process(target=job, args=(there, outside, *arguments), daemon=True)
    process.start()
    there.close()
    return process, here


def _said(pipe: Pipe) -> Iterator[Any]:
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


def _require_done(process: ForkServerProcess, outside: Outside) -> None:
    process.join()
    if process.exitcode:
        raise Stuck(f"a process ended with code {process.exitcode}; its log: {outside.log}")


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()
