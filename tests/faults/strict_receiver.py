"""A receiver of webhooks for flows whose clock is not this machine's: it verifies all but the time, and keeps all."""

from __future__ import annotations

import hmac
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

_SLOWEST_S = 30


@dataclass
class Mailbox:
    """What came to one path.

    Args:
        refusals: how many of the next requests are answered with 500.
    """

    secret: str = ""
    refusals: int = 0
    forged: int = 0
    bodies: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    accepted: set[str] = field(default_factory=set)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """One request; the status that it is answered with."""
        event_id, at = headers["webhook-id"], datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        if not hmac.compare_digest(
            Webhook(self.secret).sign(event_id, at, body.decode()), headers["webhook-signature"]
        ):
            self.forged += 1
            return 400
        self.bodies[event_id].append(body)
        if self.refusals:
            self.refusals -= 1
            return 500
        self.accepted.add(event_id)
        return 200

    def problems(self, event_ids: list[str], at_most: int) -> list[str]:
        """What is wrong: at least once, under the same id, in the same bytes, and not for ever."""
        found = [f"{self.forged} of its requests were not signed"] if self.forged else []
        if self.accepted != set(event_ids) or self.bodies.keys() - self.accepted:
            found.append(f"of {sorted(event_ids)} it has {sorted(self.accepted)}")
        for event_id, bodies in self.bodies.items():
            if len(set(bodies)) > 1 or len(bodies) > at_most:
                found.append(f"{event_id} came {len(bodies)} times, in {len(set(bodies))} forms")
        return found


class Receiver:
    """A server for the session, with a path for each endpoint."""

    def __init__(self) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        mailboxes, lock = self.mailboxes, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            timeout = _SLOWEST_S

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    status = mailboxes[self.path].take({k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._base = f"http://127.0.0.1:{server.server_address[1]}"

    def open(self, name: str, refusals: int = 0) -> tuple[str, Mailbox]:
        """A new path; its URL, and what comes to it."""
        path = f"/{name}"
        assert path not in self.mailboxes, name
        self.mailboxes[path] = Mailbox(refusals=refusals)
        return self._base + path, self.mailboxes[path]


@cache
def receiver() -> Receiver:
    """The session's."""
    return Receiver()
