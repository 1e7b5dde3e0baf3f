"""Issue 19: the clients of examples and guide send a write again where that is safe, and always as the same write."""

import importlib.util
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples" / "ledgerline.py"
MADE = (201, {"data": {"id": "cus_1"}})
LOST = (0, {})
"""The connection ends without an answer."""


def error(status: int, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": code, "message": f"It is {code}", "details": []}}


@dataclass
class Api:
    """Answers what it is told to, one after the other, and keeps what it was asked."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A server that speaks as Ledgerline does, and the client's variables for it."""
    kept = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.keys.append(self.headers.get("Idempotency-Key"))
            kept.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = kept.answers.pop(0)
            if not status:
                self.close_connection = True
                return
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LEDGERLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LEDGERLINE_KEY", "llk_test_1")
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, without its pauses."""
    spec = importlib.util.spec_from_file_location("ledgerline_of_examples", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSES_S", (0, 0, 0))
    return module


@pytest.mark.parametrize(
    "first",
    [LOST, error(503, "stripe.unavailable"), error(429, "rate.limited"), error(409, "idempotency.in_progress")],
    ids=["lost", "503", "429", "in progress"],
)
def test_19_what_may_have_happened_is_sent_again_as_the_same(api: Api, example: Any, first: Any) -> None:
    api.answers = [first, first, MADE]
    assert example.Ledgerline().post("/v1/customers", {"name": "Ada"}, once="customer-7") == {"id": "cus_1"}
    assert api.keys == ["customer-7"] * 3
    assert api.bodies == [b'{"name": "Ada"}'] * 3


def test_19_a_refusal_is_not_tried_again(api: Api, example: Any) -> None:
    api.answers = [error(402, "payment.declined")]
    with pytest.raises(example.Refused, match=r"It is payment\.declined") as caught:
        example.Ledgerline().post("/v1/payments", {})
    assert caught.value.code == "payment.declined"
    assert len(api.keys) == 1


def test_19_it_gives_up_and_says_why(api: Api, example: Any) -> None:
    api.answers = [error(503, "stripe.unavailable")] * 4
    with pytest.raises(example.Refused, match="It is stripe"):
        example.Ledgerline().post("/v1/payments", {})
    assert len(api.keys) == 4


def test_19_each_call_without_a_name_is_another_write(api: Api, example: Any) -> None:
    api.answers = [MADE, MADE]
    client = example.Ledgerline()
    for _ in range(2):
        client.post("/v1/customers", {"name": "Ada"})
    assert len(set(api.keys)) == 2


def test_19_publishing_what_is_there_is_no_error(api: Api, example: Any) -> None:
    api.answers = [error(409, "resource.already_exists"), error(422, "plan.invalid")]
    client = example.Ledgerline()
    client.publish("/v1/plans", {})
    with pytest.raises(example.Refused):
        client.publish("/v1/plans", {})


def called(*words: str) -> subprocess.CompletedProcess[str]:
    """What `call` of the guide prints, without its pauses; behind it whether it failed."""
    script = 'sleep() { :; }; source docs/guide/call.sh; call "$@" && echo " well" || echo " failed"'
    command = ["bash", "-c", script, "bash", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.parametrize("first", [error(503, "stripe.unavailable"), error(429, "rate.limited")], ids=["503", "429"])
def test_19_the_guides_call_is_sent_again_as_the_same(api: Api, first: Any) -> None:
    api.answers = [first, first, MADE]
    assert called("POST", "/v1/customers", '{"name": "Ada"}').stdout == '{"data": {"id": "cus_1"}} well\n'
    assert len(set(api.keys)) == 1
    assert str(api.keys[0])[0] == "k"  # digits alone could be a card number
    assert api.bodies == [b'{"name": "Ada"}'] * 3


def test_19_the_guides_call_prints_a_refusal_and_fails(api: Api) -> None:
    api.answers = [error(402, "payment.declined")]
    said = called("POST", "/v1/payments", "{}").stdout
    assert said.startswith('{"error": {"code": "payment.declined"')
    assert said.endswith(" failed\n")
    assert len(api.keys) == 1
