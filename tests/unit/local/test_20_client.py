"""The client of the local stack waits where the API is too busy: what it sends again is under the same key."""

import json
from typing import Any

import pytest
import requests

from local import client as module
from local.client import Client
from local.console import Failure

OK = {"data": {"id": "cus_1"}}
BUSY = {"error": {"code": "service.unavailable"}}


class Api:
    """Answers with these statuses, one after the other.

    Args:
        monkeypatch: takes the place of waiting, and of the network.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *statuses: int, retry_after: str | None = None) -> None:
        self.keys: list[str | None] = []
        self.paused: list[float] = []
        self._statuses = list(statuses)
        self._retry_after = retry_after
        monkeypatch.setattr(module.time, "sleep", self.paused.append)
        monkeypatch.setattr(requests.Session, "request", self._request)
        self.client = Client({"api_key": "k", "api_url": "http://api.example.test"})

    def _request(self, method: str, url: str, **how: Any) -> requests.Response:
        self.keys.append(how["headers"].get("Idempotency-Key"))
        answer = requests.Response()
        answer.status_code = self._statuses.pop(0)
        answer._content = json.dumps(OK if answer.status_code == 200 else BUSY).encode()
        answer.headers["Content-Type"] = "application/json"
        if self._retry_after is not None:
            answer.headers["Retry-After"] = self._retry_after
        return answer


def test_what_the_api_is_too_busy_for_is_sent_again_under_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, 503, 429, 200)
    assert api.client.post("/v1/customers", {}) == {"id": "cus_1"}
    assert len(api.keys) == 3
    assert len(set(api.keys)) == 1
    assert api.paused == [1, 2]


def test_it_waits_as_long_as_the_api_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, 429, 200, retry_after="7")
    api.client.get("/v1/customers")
    assert api.paused == [7]


def test_who_is_busy_for_long_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, *[503] * 5)
    with pytest.raises(Failure, match="503"):
        api.client.patch("/v1/customers/cus_1", {})
    assert len(api.keys) == 5


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_another_error_is_final(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(monkeypatch, status)
    with pytest.raises(Failure, match=str(status)):
        api.client.post("/v1/customers", {})
    assert api.paused == []


def test_a_single_call_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who wants to see the error."""
    api = Api(monkeypatch, 503)
    assert api.client.call("GET", "/v1/customers").status == 503
    assert api.paused == []
