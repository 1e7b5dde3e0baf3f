"""A small HTTP client of the local stack, for the demo and the end-to-end tests."""

import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests

from local.console import Failure
from local.stack.settings import ROOT

STACK_FILE = ROOT / ".local" / "stack.json"
_TIMEOUT_S = 60.0
_BUSY = (429, 503)
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Before what the API was too busy for is sent again; it may ask for longer ones (`Retry-After`)."""


@dataclass(frozen=True)
class Answer:
    """A response: its status, its JSON (or the raw bytes of a document), its headers."""

    status: int
    body: Any
    headers: dict[str, str]
    content: bytes

    @property
    def data(self) -> Any:
        """``data`` of the envelope.

        Raises:
            Failure: the answer is an error.
        """
        if not isinstance(self.body, dict) or "data" not in self.body:
            raise Failure(f"the API answered {self.status}: {json.dumps(self.body)[:500]}")
        return self.body["data"]


class Client:
    """Calls the API of a running stack.

    Args:
        stack: what ``stack.json`` says.
        key: an API key; the tenant's first admin key by default.
        user: whom it calls for, where it says so: some limits are each user's own.
    """

    def __init__(self, stack: dict[str, Any], key: str | None = None, user: str | None = None) -> None:
        self.stack = stack
        self._user = user
        self._session = requests.Session()
        self._session.headers["X-API-Key"] = key or stack["api_key"]
        if user is not None:
            self._session.headers["X-User-Id"] = user
        self._aws: dict[str, Any] = {}

    @classmethod
    def of_file(cls, path: Path | None = None) -> "Client":
        """The client of the stack that runs now.

        Raises:
            Failure: none does.
        """
        found = path or Path(os.environ.get("LEDGERLINE_STACK_FILE", STACK_FILE))
        try:
            return cls(json.loads(found.read_text()))
        except (OSError, ValueError):
            raise Failure("no running stack: start one with `make run` in another terminal") from None

    def again(self) -> "Client":
        """Another one with the same key, and a connection of its own: for another thread."""
        return self.on_behalf_of(self._user)

    def on_behalf_of(self, user: str | None) -> "Client":
        """Another one with the same key, which calls for a user."""
        return Client(self.stack, key=str(self._session.headers["X-API-Key"]), user=user)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One call; a write gets an Idempotency-Key of its own unless ``key`` gives one."""
        wanted = dict(headers or {})
        if method != "GET":
            wanted.setdefault("Idempotency-Key", key or uuid.uuid4().hex)
        try:
            answer = self._session.request(
                method, self.stack["api_url"] + path, json=body, headers=wanted, timeout=_TIMEOUT_S
            )
        except requests.RequestException as error:
            raise Failure(f"the API does not answer: {type(error).__name__}") from None
        is_json = "json" in answer.headers.get("Content-Type", "")
        return Answer(answer.status_code, answer.json() if is_json else None, dict(answer.headers), answer.content)

    def get(self, path: str) -> Any:
        """``data`` of a GET."""
        return self.patiently("GET", path).data

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """``data`` of a POST."""
        return self.patiently("POST", path, body, key).data

    def patch(self, path: str, body: Any) -> Any:
        """``data`` of a PATCH."""
        return self.patiently("PATCH", path, body).data

    def patiently(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """One call, which is sent again under the same key while the API says that it is busy."""
        key = key or uuid.uuid4().hex
        for pause_s in _PAUSES_S:
            answer = self.call(method, path, body, key=key)
            if answer.status not in _BUSY:
                return answer
            time.sleep(max(pause_s, float(answer.headers.get("Retry-After", 0))))
        return self.call(method, path, body, key=key)

    def advance(self, clock_id: str, to: str, timeout_s: float = 60.0) -> Any:
        """Advance a test clock, and wait until everything due has happened."""
        self.post(f"/v1/test-clocks/{clock_id}/advance", {"frozenTime": to})
        return self.arrived(clock_id, timeout_s)

    def arrived(self, clock_id: str, timeout_s: float = 60.0) -> Any:
        """Wait until a test clock that is on its way has arrived."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            clock = self.get(f"/v1/test-clocks/{clock_id}")
            if clock["status"] == "ready":
                return clock
            time.sleep(0.2)
        raise Failure(f"test clock {clock_id} is still on its way after {timeout_s:.0f} s")

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the Stripe sandbox's own control API."""
        answer = requests.request(method, self.stack["stripe_url"] + path, json=body, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def pay(self, intent_id: str, card: str, secret: str) -> int:
        """The payer pays in the form, as Stripe.js does for it; Stripe's status, 402 for a decline.

        Args:
            card: a payment method of the payer's, or one of Stripe's test tokens.
            secret: the client secret that the API gave out.
        """
        url = f"{self.stack['stripe_url']}/_sandbox/payment_intents/{intent_id}/pay"
        body = {"payment_method": card, "client_secret": secret}
        return requests.post(url, json=body, timeout=_TIMEOUT_S).status_code

    def aws(self, service: str) -> Any:
        """A boto3 client of the emulator, to look behind the API."""
        make: Any = boto3.client  # the stubs want the service as a literal
        if service not in self._aws:
            self._aws[service] = make(
                service,
                endpoint_url=self.stack["aws_endpoint_url"],
                region_name=self.stack["region"],
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
            )
        return self._aws[service]

    def stripe(self, path: str) -> Any:
        """A GET of Stripe's API, as the sandbox serves it."""
        key = self.stack["stripe_api_key"]
        answer = requests.get(
            self.stack["stripe_url"] + path, headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT_S
        )
        answer.raise_for_status()
        return answer.json()
