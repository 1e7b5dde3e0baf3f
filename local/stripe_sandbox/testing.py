"""For tests that drive the sandbox: a client that checks each answer, a webhook receiver, polling."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests
import stripe

from local.stripe_sandbox.openapi import description
from local.stripe_sandbox.server import SandboxServer

Json = dict[str, Any]

_POLL_S = 0.01


def merged(*parts: Json, **more: Any) -> Any:
    """Parameters for a call of the SDK, whose TypedDicts cannot be spread."""
    out: Json = {}
    for part in parts:
        out |= part
    return out | more


def wait_for(condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    """The first true value of ``condition``.

    Raises:
        AssertionError: there was none in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(_POLL_S)


class CheckingClient(stripe.RequestsClient):
    """The SDK's HTTP client, which holds each answer against Stripe's description."""

    _spec = description()

    # The SDK's own RequestsClient narrows its base class's signature in the same way.
    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """As RequestsClient.

        Raises:
            AssertionError: the answer departs from the description.
        """
        body, status, answer_headers = super().request(method, url, headers, post_data)
        operation, _ = self._spec.find(method, urlsplit(url).path)
        problems = operation.response_problems(status, json.loads(body))
        assert not problems, f"{operation.name} {status}: {problems}"
        return body, status, answer_headers


class Control:
    """The control API of a running sandbox."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str) -> Json:
        """``GET /_sandbox/{path}``."""
        return self._checked(requests.get(f"{self._url}/_sandbox/{path}", timeout=10))

    def post(self, path: str, /, **body: Any) -> Json:
        """``POST /_sandbox/{path}``."""
        return self._checked(requests.post(f"{self._url}/_sandbox/{path}", json=body, timeout=10))

    def calls(self, method: str, path: str) -> list[Json]:
        """What the log has of one method and path."""
        return [r for r in self.get("requests")["data"] if (r["method"], r["path"]) == (method, path)]

    @staticmethod
    def _checked(answer: requests.Response) -> Json:
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body


def client(server: SandboxServer, key: str = "sk_test_sandbox01", retries: int = 0) -> stripe.StripeClient:
    """The real SDK, pointed at the sandbox."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": server.url},
        http_client=CheckingClient(),
        max_network_retries=retries,
    )


@dataclass
class Received:
    """One delivery, as it came."""

    headers: Mapping[str, str]
    payload: bytes

    @property
    def event(self) -> Json:
        """The event in it, unverified."""
        body: Json = json.loads(self.payload)
        return body


@dataclass
class WebhookSink:
    """A webhook receiver on a free port.

    Args:
        statuses: answers for the next deliveries; 200 when there are no more.
        hook: called with each delivery before it is answered.
    """

    statuses: list[int] = field(default_factory=list)
    hook: Callable[[Received], None] | None = None
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> WebhookSink:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                delivery = Received(dict(self.headers), payload)
                if sink.hook:
                    sink.hook(delivery)
                sink.received.append(delivery)
                self.send_response(sink.statuses.pop(0) if sink.statuses else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def types(self) -> list[str]:
        """Types of what came, in order."""
        return [delivery.event["type"] for delivery in self.received]
