"""The receivers of examples/webhooks, as processes of their own, and deliveries to them."""

import base64
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.integrations.webhooks.signing import signature_headers

EXAMPLES = Path(__file__).parents[2] / "examples" / "webhooks"
PYTHON = [sys.executable, str(EXAMPLES / "python" / "receiver.py")]
LONGEST_S = 30


def secret(of: str) -> str:
    """A secret of Standard Webhooks, made of a text."""
    return "whsec_" + base64.b64encode(of.encode().ljust(32, b".")).decode()


def node() -> list[str]:
    """The command of the receiver in Node; skips where there is no Node."""
    node, npm, folder = shutil.which("node"), shutil.which("npm"), EXAMPLES / "node"
    if node is None or npm is None:
        pytest.skip("no Node here")
    if not (folder / "node_modules").exists():
        subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True, timeout=300)
    return [node, str(folder / "receiver.mjs")]


def event(event_id: str, version: int | None = 1, event_type: str = "invoice.paid") -> dict[str, Any]:
    """An event as it is sent; the text is no ASCII."""
    about: dict[str, Any] = {"id": "in_1", "customer": "Zoë"} | ({} if version is None else {"version": version})
    return {"id": event_id, "type": event_type, "created": "2026-11-30T09:00:00Z", "data": {"object": about}}


def encoded(body: Any) -> bytes:
    """The bytes that are sent."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def signed(secrets: Sequence[str], event_id: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
    """The headers of an attempt, as the sender makes them.

    Args:
        secrets: the endpoint's, and the one before where that still signs.
    """
    at = at or datetime.now(UTC)
    made = WebhookEndpoint("we_1", "ten_1", ("*",), secrets[0], "1.0", at)
    if len(secrets) > 1:
        made = replace(made, previous_secret=secrets[1], previous_until=at + timedelta(days=1))
    return signature_headers(made, event_id, body, at)


@dataclass
class Receiver:
    """A receiver that runs."""

    lines: queue.SimpleQueue[str]
    url: str = ""

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status that it answers a request with."""
        return requests.post(self.url, body, headers=headers, timeout=LONGEST_S).status_code

    def said(self, patience_s: float = LONGEST_S) -> str:
        """The next line that it prints."""
        return self.lines.get(timeout=patience_s)


@contextmanager
def running(command: list[str], of: str, port: int = 0, **environment: str) -> Iterator[Receiver]:
    """A receiver with a secret, on a port of this machine: 0 for any free one."""
    env = {**os.environ, "WEBHOOK_SECRET": of, **environment}
    process = subprocess.Popen([*command, str(port)], env=env, stdout=subprocess.PIPE, text=True)
    receiver = Receiver(queue.SimpleQueue())

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            receiver.lines.put(line.rstrip("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        word, listening = receiver.said().split()
        assert word == "listening"
        receiver.url = f"http://127.0.0.1:{listening}/"
        yield receiver
    finally:
        process.kill()
        process.wait(LONGEST_S)
        reader.join(LONGEST_S)
        assert process.stdout is not None
        process.stdout.close()
