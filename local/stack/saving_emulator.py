"""The emulator, saving as it goes: `python -m local.stack.saving_emulator` instead of `python -m ministack`.

ministack writes its state only when it is asked to stop; killed outright, it forgets everything since its start. Here a
copy of the process (fork) writes the state every few seconds while the first one goes on answering. The copy sees
memory as it was at one moment, at the cost of a few milliseconds; the writing itself is in nobody's way.

What is not saved yet is counted in a file, one line for each write, so that the next start can say what was lost.
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAVE_EVERY_S = 3.0
BREAK_PER_SAVE = 5
"""A save that takes 2 s of CPU is followed by 10 s without one: a sixth of one core at most."""
POLL_S = 0.25
_PR_SET_PDEATHSIG = 1  # prctl(2)
_READS = ("Get", "BatchGet", "Query", "Scan", "Describe", "List", "TransactGet", "Receive", "Decrypt", "Encrypt")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Unsaved:
    """The writes that no save holds yet, one byte each, in files that outlive a kill.

    Args:
        folder: of the emulator's state.
    """

    def __init__(self, folder: Path) -> None:
        self._now, self._being_saved = folder / "unsaved", folder / "unsaved.saving"

    def add(self) -> None:
        """Note one write. Appending is one system call: a process that is killed after it has left its byte."""
        with self._now.open("ab", buffering=0) as sink:
            sink.write(b".")

    def __len__(self) -> int:
        return sum(path.stat().st_size for path in (self._now, self._being_saved) if path.exists())

    def since(self) -> float | None:
        """When the first of them was noted (Unix seconds), or None where there is none."""
        times = [path.stat().st_mtime for path in (self._being_saved, self._now) if path.exists()]
        return min(times, default=None)

    def saving(self) -> None:
        """What is noted so far is in the save that begins; those of a save that failed stay with it."""
        if self._being_saved.exists():
            held = self._being_saved.read_bytes() + (self._now.read_bytes() if self._now.exists() else b"")
            self._being_saved.write_bytes(held)
            self._now.unlink(missing_ok=True)
        elif self._now.exists():
            self._now.replace(self._being_saved)

    def saved(self) -> None:
        """The save stands."""
        self._being_saved.unlink(missing_ok=True)

    def clear(self) -> None:
        """Nothing is unsaved: after a clean stop, or once the loss has been told."""
        self._now.unlink(missing_ok=True)
        self._being_saved.unlink(missing_ok=True)


@dataclass
class Saver:
    """Starts a save when there is something to save and the last one is long enough ago.

    Args:
        save: writes the whole state; runs in a copy of this process.
        locks: what must not be held by another thread at the moment of the copy.
    """

    unsaved: Unsaved
    save: Callable[[], None]
    locks: Callable[[], list[Any]]
    child: int | None = None
    next_at: float = field(default_factory=lambda: time.monotonic() + SAVE_EVERY_S)

    def look(self) -> None:
        """One look; called every ``POLL_S``."""
        if self.child is not None:
            self._reap(os.WNOHANG)
        elif len(self.unsaved) and time.monotonic() >= self.next_at:
            self._fork()

    def finish(self) -> None:
        """Wait for a save under way, so that it cannot replace a newer one."""
        if self.child is not None:
            self._reap(0)

    def _reap(self, options: int) -> None:
        assert self.child is not None
        pid, _, used = os.wait4(self.child, options)
        if pid == 0:
            return
        self.child = None
        # By the processor's clock: on a busy machine a save takes long without being much work.
        self.next_at = time.monotonic() + max(SAVE_EVERY_S, BREAK_PER_SAVE * (used.ru_utime + used.ru_stime))

    def _fork(self) -> None:
        with ExitStack() as held:
            for lock in self.locks():
                held.enter_context(lock)
            self.unsaved.saving()
            with warnings.catch_warnings():
                # Python warns that other threads' locks stay held in a copy: those that `save` needs are ours.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid:
                self.child = pid
                return
            _write_and_leave(self.save, self.unsaved)


def _write_and_leave(save: Callable[[], None], unsaved: Unsaved) -> None:
    """In the copy: write, say that it is written, and end without any of the original's exits."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if sys.platform == "linux":  # a copy must not write over the state of the next start
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        save()
        unsaved.saved()
        code = 0
    except Exception:
        traceback.print_exc()  # into the emulator's log; the next save tries again
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


def is_write(scope: Message) -> bool:
    """Whether a request may change what is saved; who cannot tell saves once too often."""
    if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "DELETE", "PATCH"):
        return False
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    action = headers.get(b"x-amz-target", "").rpartition(".")[2]
    if action:
        return not action.startswith(_READS)
    # A call of a function is none: what the function writes comes as requests of its own.
    called = scope["path"].startswith(("/_ministack", "/_aws/execute-api")) or scope["path"].endswith("/invocations")
    return not called and ".lambda-url." not in headers.get(b"host", "")


async def _looks(saver: Saver) -> None:
    while True:
        await asyncio.sleep(POLL_S)
        try:
            saver.look()
        except Exception:  # noqa: BLE001 - a save that cannot begin (memory, disk) is tried again, and said
            traceback.print_exc()


def saving(app: App, saver: Saver) -> App:
    """The emulator's application, with its writes counted and a save every few seconds."""

    def noting(send: Send) -> Send:
        async def noted(message: Message) -> None:
            # It has happened, and nobody has been told: whoever hears of a write can rely on its being noted.
            if message["type"] == "http.response.start":
                saver.unsaved.add()
            await send(message)

        return noted

    async def around(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, noting(send) if is_write(scope) else send)
            return
        task = asyncio.create_task(_looks(saver))

        async def told() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                task.cancel()
                saver.finish()
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                saver.unsaved.clear()  # the emulator saves everything before it says so
            await send(message)

        await app(scope, told, answered)

    return around


def main() -> None:
    """Run the emulator with its application wrapped; its settings come from the environment, as ever."""
    from ministack import app as emulator
    from ministack.core.persistence import STATE_DIR, save_all
    from ministack.services import apigateway, lambda_svc

    from local.stack.gateway_events import complete_events, match_without_slash
    from local.stack.stream_failures import repeat_failed_batches

    complete_events(lambda_svc)
    match_without_slash(apigateway)
    repeat_failed_batches(lambda_svc)

    def locks() -> list[Any]:
        modules = [sys.modules.get(f"ministack.services.{name}") for name in ("dynamodb", "sqs")]
        found = [getattr(module, lock, None) for module in modules for lock in ("_lock", "_queues_lock")]
        return [lock for lock in found if lock is not None]

    def save() -> None:
        save_all(emulator._build_persistence_save_dict())

    os.environ.pop("PYTHONPATH", None)  # it was for this module alone; the functions have paths of their own
    folder = Path(STATE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    emulator.app = saving(emulator.app, Saver(Unsaved(folder), save, locks))
    emulator.main()


if __name__ == "__main__":
    main()
