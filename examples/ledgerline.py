"""A client of Ledgerline in fifty lines, for the examples beside it: copy it, or write one that does the same.

    pip install requests

The address and the key come from ``LEDGERLINE_URL`` and ``LEDGERLINE_KEY``.
"""

import os
import time
import uuid
from typing import Any

import requests

PAUSES_S = (1, 2, 4, 8)


class Refused(Exception):
    """The API says no: ``code`` for a program, the message for a person, ``details`` for each field."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code, self.details = error["code"], error.get("details") or []


class Ledgerline:
    """Calls the API.

    Args:
        key: another key than ``LEDGERLINE_KEY``: a seller's, or the platform's.
    """

    def __init__(self, key: str | None = None) -> None:
        self.url = os.environ["LEDGERLINE_URL"]
        self._session = requests.Session()
        self._session.headers["X-API-Key"] = key or os.environ["LEDGERLINE_KEY"]

    def get(self, path: str, **query: Any) -> Any:
        """What is at a path."""
        return self._call("GET", path, {"params": query})

    def post(self, path: str, body: Any = None, once: str | None = None) -> Any:
        """Write something.

        Args:
            once: a name of what is done, that your own records have ("order-17"): the same name happens once, however
                often it is sent and whatever has crashed in between. Without one, once for each call of this method.
        """
        return self._call("POST", path, {"json": body or {}}, once)

    def patch(self, path: str, body: Any, once: str | None = None) -> Any:
        """Change something."""
        return self._call("PATCH", path, {"json": body}, once)

    def publish(self, path: str, body: Any) -> None:
        """Make something with an id of yours (a plan, a meter), if no earlier start of the program did."""
        try:
            self.post(path, body)
        except Refused as refusal:
            if refusal.code != "resource.already_exists":
                raise

    def _call(self, method: str, path: str, body: dict[str, Any], once: str | None = None) -> Any:
        headers = {} if method == "GET" else {"Idempotency-Key": once or str(uuid.uuid4())}
        for pause_s in (*PAUSES_S, None):
            try:
                answer = self._session.request(method, self.url + path, headers=headers, timeout=30, **body)
            except (requests.ConnectionError, requests.Timeout):
                if pause_s is None:
                    raise
                time.sleep(pause_s)
                continue
            if answer.ok:
                return answer.json()["data"]
            refusal = Refused(answer.json()["error"])
            if pause_s is None or not (answer.status_code in (429, 503) or refusal.code == "idempotency.in_progress"):
                raise refusal
            # Under the same key: whether or not it has happened before, it happens once.
            time.sleep(float(answer.headers.get("Retry-After", pause_s)))
        raise AssertionError("the last try returns or raises")
