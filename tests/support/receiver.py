"""A tenant's receiver of webhooks on this machine: verifies by the library, answers fast, keeps count."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass
class LocalReceiver:
    """What a receiver got.

    Args:
        secret: with which it verifies; nothing is accepted before it is known.
        answers: the statuses that it answers with, one after the other; then 200.
        echoes: whether it answers with what it got, as some do.
    """

    url: str = ""
    secret: str = ""
    answers: list[int] = field(default_factory=list)
    echoes: bool = False
    bodies: list[bytes] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    forged: int = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """One request; the status that it is answered with."""
        with self._arrived:
            try:
                event = Webhook(self.secret).verify(body, headers)
            except (WebhookVerificationError, ValueError):  # a signature without a comma is a ValueError
                self.forged += 1
                return 400
            self.bodies.append(body)
            self.headers.append(headers)
            self.events.append(event)
            self._arrived.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, event_type: str, timeout_s: float) -> dict[str, Any]:
        """The first event of a type, as soon as it is there."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.events if each["type"] == event_type), None)

        with self._arrived:
            event: dict[str, Any] | None = self._arrived.wait_for(found, timeout_s)
        assert event is not None, f"{event_type} did not arrive in {timeout_s} s, but {self.events}"
        return event


@contextmanager
def receiving(**fields: Any) -> Iterator[LocalReceiver]:
    """A receiver for as long as the block lasts."""
    receiver = LocalReceiver(**fields)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            said = body if receiver.echoes else b""
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
