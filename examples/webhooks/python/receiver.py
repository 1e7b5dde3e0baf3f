"""A receiver of Ledgerline's webhooks, to copy from: verify, keep, answer at once; then act, in a thread of its own.

    pip install -r requirements.txt
    WEBHOOK_SECRET=whsec_... python receiver.py 9000

Three things that every receiver has to do, and where they are here:

- verify the signature over the bytes that came, before reading them (``Inbox.take``);
- know an event that comes twice: its id is ``webhook-id``, the same at each attempt (table ``events``);
- not let an older state of an object overwrite a newer one, for events come in any order (table ``objects``).
"""

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

LONGEST_BODY = 1024 * 1024  # ours are 256 KiB at most
NO_CONTENT, BAD_REQUEST, TOO_LARGE = 204, 400, 413


class Inbox:
    """What has come, and how far it is acted upon; SQLite stands for the database that you have.

    Args:
        secret: the endpoint's, ``whsec_...``. While it is rotated, each request is signed with both: either will do.
    """

    def __init__(self, secret: str, path: str = ":memory:") -> None:
        self._webhook = Webhook(secret)
        self._lock = threading.Lock()
        self.came = threading.Event()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT, done INTEGER NOT NULL DEFAULT 0);"
            "CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, version INTEGER NOT NULL);"
        )

    def take(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Keep an event, if it is one of ours and new; returns the status to answer with.

        A status of 2xx says "I have it": so it is written down first, and acted upon later.
        """
        try:
            event = self._webhook.verify(body, {name.lower(): value for name, value in headers.items()})
        except (WebhookVerificationError, ValueError):  # ValueError: a signature that is not even one
            return BAD_REQUEST
        with self._lock, self._database:
            kept = self._database.execute(
                "INSERT INTO events (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING", (event["id"], json.dumps(event))
            )
        if kept.rowcount:
            self.came.set()
        else:
            print(f"again {event['id']}", flush=True)
        return NO_CONTENT

    def work(self) -> None:
        """Act on everything that was not acted upon."""
        while True:
            with self._lock, self._database:
                row = self._database.execute(
                    "SELECT id, body FROM events WHERE NOT done ORDER BY id LIMIT 1"
                ).fetchone()
                if row is None:
                    return
                event = json.loads(row[1])
                if self._is_newer(event["data"]["object"]):
                    act(event)
                else:
                    print(f"older {event['type']} {event['data']['object']['id']}", flush=True)
                # In the transaction of what you change: after a crash you have done both, or neither.
                self._database.execute("UPDATE events SET done = 1 WHERE id = ?", (row[0],))

    def _is_newer(self, about: dict[str, Any]) -> bool:
        """Whether this is a later state of the object than the one that was acted upon last."""
        if "version" not in about:
            return True
        changed = self._database.execute(
            "INSERT INTO objects (id, version) VALUES (:id, :version)"
            " ON CONFLICT (id) DO UPDATE SET version = excluded.version WHERE excluded.version > version",
            {"id": about["id"], "version": about["version"]},
        )
        return changed.rowcount == 1


def act(event: dict[str, Any]) -> None:
    """What you do about an event. A ``thin`` one has only id and version: GET the rest, and you have the newest."""
    about = event["data"]["object"]
    print(f"act {event['type']} {about['id']} {about.get('version', '-')}", flush=True)


def worker(inbox: Inbox) -> None:
    """Act whenever something has come."""
    while True:
        try:
            inbox.work()
        except Exception as error:  # noqa: BLE001 - whatever it was, the event is still there
            print(f"failed {error!r}: tried again when the next event comes", flush=True)
        inbox.came.wait()
        inbox.came.clear()


def main() -> None:
    """Listen on 127.0.0.1; in production this stands behind your TLS."""
    inbox = Inbox(os.environ["WEBHOOK_SECRET"], os.environ.get("INBOX", ":memory:"))

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status = TOO_LARGE if length > LONGEST_BODY else inbox.take(self.rfile.read(length), self.headers)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: a path may be a secret."""

    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Handler)
    print(f"listening {server.server_port}", flush=True)
    threading.Thread(target=worker, args=(inbox,), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
