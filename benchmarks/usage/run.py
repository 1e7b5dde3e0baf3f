"""Rounds of the usage benchmark: who accepts, who counts, who replays, and how long they take together."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from benchmarks.events import Event
from benchmarks.usage.work import (
    Accept,
    Count,
    Counted,
    Done,
    Go,
    Pipe,
    Ready,
    Recorded,
    Refused,
    Replay,
    Stop,
    accept,
    count,
)

COUNTERS = 2
"""Processes that count, and as many that replay: the emulator, one process, is busy with two of them all the time."""
_AT_MOST_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_CLEAN = get_context("spawn")


@dataclass
class Run:
    """What a run took.

    Args:
        cpu_s: of all processes that had a part in it, the emulator too.
        transactions: the product's, recorded.
    """

    events: int
    seconds: float = 0.0
    cpu_s: float = 0.0
    transactions: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Events per second of CPU time."""
        return self.events / self.cpu_s


class Crew:
    """One process that accepts, and those that count."""

    def __init__(self, queue_arn: str, emulator_pid: int, counters: int = COUNTERS) -> None:
        self._emulator_pid = emulator_pid
        self._processes: list[SpawnProcess] = []
        self._acceptor = self._begin(accept)
        self._counters = [self._begin(count, queue_arn) for _ in range(counters)]

    def accepted(self, events: int, requests: list[Event]) -> Run:
        """The handler alone; what it accepts stays on the queue."""
        _prepare(self._acceptor, Accept(requests))
        return self._until_done(Run(events), [self._acceptor])

    def replayed(self, events: int, transactions: Sequence[bytes]) -> Run:
        """The raw client with transactions of so many events, shared out among as many processes as count."""
        for n, pipe in enumerate(self._counters):
            _prepare(pipe, Replay(list(transactions[n :: len(self._counters)])))
        return self._until_done(Run(events), self._counters)

    def counted(self, events: int, requests: list[Event] | None = None) -> Run:
        """The worker, until so many events are counted.

        Args:
            requests: given to the handler meanwhile; None: all is on the queue already.
        """
        for pipe in self._counters:
            _prepare(pipe, Count())
        busy = list(self._counters)
        if requests is not None:
            _prepare(self._acceptor, Accept(requests))
            busy.append(self._acceptor)
        run = Run(events)
        with self._timed(run):
            started = _go(busy)
            left, accepting = events, requests is not None
            while left or accepting:
                for said in self._hear(busy, started):
                    left -= said.events if isinstance(said, Counted) else 0
                    if isinstance(said, Done):
                        accepting = False
                        run.cpu_s += said.cpu_s
        self._stop(run)
        return run

    def _stop(self, run: Run) -> None:
        """End the counting.

        Raises:
            Refused: more is counted than there was.
        """
        for pipe in self._counters:
            pipe.send(Stop())
        started, waiting, more = time.perf_counter(), len(self._counters), 0
        while waiting:
            for said in self._hear(self._counters, started):
                if isinstance(said, Counted):
                    more += said.events
                elif isinstance(said, Done):
                    run.cpu_s += said.cpu_s
                elif isinstance(said, Recorded):
                    run.transactions += said.transactions
                    waiting -= 1
        if more:
            raise Refused(f"{more} events more were counted than there are")

    def _until_done(self, run: Run, pipes: Sequence[Pipe]) -> Run:
        with self._timed(run):
            started = _go(pipes)
            left = len(pipes)
            while left:
                for said in self._hear(pipes, started):
                    assert isinstance(said, Done), said
                    run.cpu_s += said.cpu_s
                    left -= 1
        return run

    @contextmanager
    def _timed(self, run: Run) -> Iterator[None]:
        """Take the time on the clock, and the emulator's CPU time."""
        cpu_s, started = cpu_s_of(self._emulator_pid), time.perf_counter()
        yield
        run.seconds = time.perf_counter() - started
        run.cpu_s += cpu_s_of(self._emulator_pid) - cpu_s

    def _hear(self, pipes: Sequence[Pipe], started: float) -> Iterator[Any]:
        _require_time(started)
        for pipe in wait(pipes, 1.0):
            yield _received(pipe)

    def _begin(self, job: Callable[..., None], *arguments: Any) -> Pipe:
        here, there = _CLEAN.Pipe()
        process = _CLEAN.Process(target=job, args=(there, *arguments), daemon=True)
        process.start()
        there.close()
        self._processes.append(process)
        return here

    def end(self) -> None:
        """Stop all of them."""
        for process in self._processes:
            process.kill()
            process.join()


@contextmanager
def crew(queue_arn: str, emulator_pid: int) -> Iterator[Crew]:
    """Processes that accept and count, as long as they are wanted."""
    made = Crew(queue_arn, emulator_pid)
    try:
        yield made
    finally:
        made.end()


def _prepare(pipe: Pipe, task: object) -> None:
    pipe.send(task)
    said = _received(pipe)
    assert isinstance(said, Ready), said


def _go(pipes: Sequence[Pipe]) -> float:
    started = time.perf_counter()
    for pipe in pipes:
        pipe.send(Go())
    return started


def _received(pipe: Any) -> Any:
    assert isinstance(pipe, Connection)
    try:
        return pipe.recv()
    except (EOFError, OSError):
        raise Refused("a process ended by itself; its error stands above") from None


def _require_time(started: float) -> None:
    if time.perf_counter() - started > _AT_MOST_S:
        raise Refused(f"not done after {_AT_MOST_S:.0f} s")


def cpu_s_of(pid: int) -> float:
    """The CPU time of a process so far, in seconds."""
    # proc(5): utime and stime are fields 14 and 15; the name, field 2, may have spaces in it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
