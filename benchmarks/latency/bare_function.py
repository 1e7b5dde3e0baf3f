"""The function beside which ours are measured: it sends the requests that ours sent, and does nothing else.

Deployed by ``bare`` next to the product's functions, so that it has the same way to the emulator and to the Stripe
sandbox; standard library only, as nothing else is beside it in its package.
"""

import http.client
import json
import os
import secrets
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_TIMEOUT_S = 30
_cases: dict[str, Json] = {}
_connections: dict[str, http.client.HTTPConnection] = {}


def lambda_handler(event: Json, context: Any) -> Json:
    """Send one case's requests, one after the other, and answer as the product did."""
    case = _case(event["rawPath"].rsplit("/", 1)[1])
    tokens = [secrets.token_hex(8) for _ in range(case["tokens"])]
    for wire in case["wires"]:
        _send(wire, tokens)
    print(f"{len(case['wires'])} requests")  # a function that prints nothing costs a fixed 50 ms in the emulator
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": case["answer"]}


def _case(name: str) -> Json:
    if name not in _cases:
        _cases[name] = json.loads((Path(os.environ["CASES"]) / f"{name}.json").read_text())
    return _cases[name]


def _send(wire: Json, tokens: list[str]) -> None:
    headers = {name: _filled(value, tokens) for name, value in wire["headers"].items()}
    body = _filled(wire["body"], tokens).encode() or None
    answer, text = _answered(wire["host"], wire["method"], wire["path"], body, headers)
    # A refused request, or one that was answered from a record, is less work than the product's own.
    if answer.status != 200 or answer.headers.get("Idempotent-Replayed"):
        raise RuntimeError(f"{wire['method']} {wire['path']} answered {answer.status}: {text[:300]!r}")


def _answered(
    host: str, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer, over a connection that is kept; once more over a new one where the other side had closed it."""
    for is_last in (False, True):
        connection = _connections.setdefault(host, http.client.HTTPConnection(host, timeout=_TIMEOUT_S))
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()
        except (http.client.HTTPException, OSError):
            connection.close()
            if is_last:
                raise
    raise AssertionError("unreachable")


def _filled(text: str, tokens: list[str]) -> str:
    for n, token in enumerate(tokens):
        text = text.replace(f"{{{{{n}}}}}", token)
    return text
