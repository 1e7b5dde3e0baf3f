"""Child processes that start visibly, are watched, and stop cleanly.

Each child leads a session of its own: Ctrl-C in the terminal then reaches only the parent, which stops the
children in order, and whatever a child left running can be ended by its group.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.console import Failure

POLL_S = 0.1
PR_SET_PDEATHSIG = 1  # prctl(2)
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Runs in the child: when the parent is killed outright, Linux asks the child to end (and save)."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """A running process and the file its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, logs: Path) -> "Child":
        """Start `command` with its output in `logs/name.log`."""
        log = logs / f"{name}.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - it makes one system call, and takes no lock
            )
        return cls(name, process, log)

    def require_alive(self) -> None:
        """Fail with the way to its log when the process has ended by itself."""
        code = self.process.poll()
        if code is not None:
            raise Failure(f"{self.name} ended with code {code}: {self.last_line()} (log: {self.log})")

    def last_line(self) -> str:
        """The last thing it said: mostly the reason."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    def wait_until_ready(self, url: str, timeout_s: float) -> None:
        """Return when `url` answers 200."""
        deadline = time.monotonic() + timeout_s
        while not answers(url):
            self.require_alive()
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} did not answer at {url} in {timeout_s:.0f} s (log: {self.log})")
            time.sleep(POLL_S)

    def stop(self, timeout_s: float) -> None:
        """Ask it to end and wait; then end what is left of its group."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        end_group(self.process.pid)


def answers(url: str) -> bool:
    """Whether a GET of `url` gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def end_group(group: int) -> None:
    """End the workers that a process left behind (they are in its session)."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing left, as it should be
