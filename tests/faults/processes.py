"""The processes that the fault tests run: a driver forks a child for each job, a lane has a Stripe of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.stripe_sandbox.server import SandboxServer

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
_STOP_TIMEOUT_S = 10.0


class Process:
    """A child process whose output goes to a file, ended by its own id."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path, pipes: bool = False) -> None:
        pipe = subprocess.PIPE if pipes else subprocess.DEVNULL
        with log.open("ab") as sink:
            self.popen = subprocess.Popen(
                command,
                env=env,
                cwd=ROOT,
                stdin=pipe,
                stdout=pipe if pipes else sink,
                stderr=sink,
                text=pipes,
            )

    def stop(self) -> None:
        """Ask it to end, then end it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True)
class Answer:
    """How a job ended: the exit code of its process, and what its steps answered before that."""

    exit: int
    answers: list[Any]

    @property
    def died(self) -> bool:
        """Whether it was killed where it was told to be."""
        return self.exit == 137

    def all(self) -> list[Any]:
        """The answers of a job that ran to its end."""
        assert self.exit == 0, self.answers[-1].get("raised", self.answers[-1]) if self.answers else self.exit
        return self.answers

    def last(self) -> Any:
        """The last step's answer, of a job that ran to its end."""
        return self.all()[-1]


class Driver:
    """A parent process that forks a child for each job (``driver``)."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        log = logs / f"driver-{os.urandom(3).hex()}.log"
        command = [sys.executable, "-m", "tests.faults.driver"]
        self.process = Process(command, env | {"FAULTS_LOG": str(log)}, log, pipes=True)
        self._lock = threading.Lock()
        self._log = log

    def wait_ready(self) -> None:
        """Return when it has imported everything."""
        assert self.process.popen.stdout is not None
        line = self.process.popen.stdout.readline()
        assert line == '"ready"\n', f"the driver did not start: {self._log.read_text()[-3000:]}"

    def run(self, jobs: Sequence[Json]) -> list[Answer]:
        """Run the jobs at the same time, each in a process of its own."""
        with self._lock:
            pipe = self.process.popen
            assert pipe.stdin is not None
            assert pipe.stdout is not None
            pipe.stdin.write(json.dumps(list(jobs)) + "\n")
            pipe.stdin.flush()
            line = pipe.stdout.readline()
        assert line, f"the driver ended: {self._log.read_text()[-3000:]}"
        return [Answer(answer["exit"], answer["answers"]) for answer in json.loads(line)]


@dataclass(frozen=True)
class Lane:
    """A driver with a Stripe of its own, so that one test's faults are not another's."""

    driver: Driver
    sandbox: SandboxServer

    def clear_faults(self) -> None:
        """Stripe is well again."""
        assert self.sandbox.sandbox is not None
        self.sandbox.sandbox.faults.clear()
