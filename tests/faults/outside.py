"""What leaves the process: every call of botocore and of Stripe's SDK is counted, and one of them harmed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.httpsession
import botocore.useragent
import stripe
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

Json = dict[str, Any]

KILLED = 137
_PATIENCE_S = 30.0


@dataclass
class Outside:
    """Counts the calls that leave the process, and does to the k-th what the job asks for.

    Args:
        mode: ``kill`` (die before it), ``lost`` (it is done, its answer never comes, once), ``deny`` (the AWS calls of
            ``operations`` are answered with an error ``times`` times, from the k-th of them on), ``hold`` (the k-th
            AWS call of ``operations`` waits until another job makes the file ``path``), or empty.
        call: k, from 1; for ``deny`` and ``hold`` counted over the matching calls alone.
        error: for ``deny``: an error code of DynamoDB, or ``500``.
        path: for ``hold``; ``path`` and ``.held`` is there when the call waits.
    """

    mode: str = ""
    call: int = 0
    operations: tuple[str, ...] = ()
    error: str = ""
    times: int = 0
    path: str = ""
    log: list[str] = field(default_factory=list)
    on: bool = True
    matched: int = 0

    def around(self, label: str, send: Callable[[], Any], lost: Exception) -> Any:
        """One call."""
        if not self.on:
            return send()
        self.log.append(label)
        if len(self.log) == self.call and self.mode == "kill":
            os._exit(KILLED)
        if self.mode == "hold" and label in self.operations:
            self.matched += 1
            if self.matched == self.call:
                Path(self.path + ".held").touch()
                wait_for(self.path)
        answer = send()
        if len(self.log) == self.call and self.mode == "lost":
            raise lost
        return answer

    def denied(self, operation: str) -> bool:
        """Whether this AWS call is one of those that are refused."""
        if not self.on or self.mode != "deny" or operation not in self.operations:
            return False
        self.matched += 1
        return self.call <= self.matched < self.call + self.times


OUTSIDE = Outside()


def wait_for(path: str) -> None:
    """Return when there is a file."""
    deadline = time.monotonic() + _PATIENCE_S
    while not Path(path).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.005)


def hook() -> None:
    """Stand between the process and the world."""
    aws_send = botocore.httpsession.URLLib3Session.send
    stripe_send = stripe.RequestsClient.request

    def send(self: Any, request: Any) -> Any:
        operation = _operation(request)
        if OUTSIDE.denied(operation):
            OUTSIDE.log.append(f"{operation} denied")
            return _refusal(request, operation)
        lost = ConnectionClosedError(endpoint_url=request.url)
        return OUTSIDE.around(operation, lambda: aws_send(self, request), lost)

    def request(self: Any, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        label = f"{method.upper()} {urlsplit(url).path.removeprefix('/v1/')}"
        lost: Exception = stripe.APIConnectionError("the answer never came", should_retry=True)  # type: ignore[no-untyped-call]
        return OUTSIDE.around(label, lambda: stripe_send(self, method, url, headers, post_data), lost)

    botocore.httpsession.URLLib3Session.send = send  # type: ignore[method-assign]
    # The emulator reads neither who asks nor how that was signed, and both are a quarter of the SDK's time.
    botocore.useragent.UserAgentString.to_string = lambda self: "faults"  # type: ignore[method-assign]
    botocore.auth.SigV4Auth.add_auth = _unsigned  # type: ignore[method-assign]
    stripe.RequestsClient.request = request  # type: ignore[method-assign]
    # The SDK's own pauses between its tries: as many, but shorter.
    stripe.HTTPClient.INITIAL_DELAY = 0.02
    stripe.HTTPClient.MAX_DELAY = 0.1  # type: ignore[assignment]


def _unsigned(self: Any, request: Any) -> None:
    scope = f"test/20260101/{self._region_name}/{self._service_name}/aws4_request"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _operation(request: Any) -> str:
    target = request.headers.get("X-Amz-Target")
    if target is None:
        return f"{request.method} of S3"  # which has no targets
    text = target.decode() if isinstance(target, bytes) else str(target)
    return text.rsplit(".", 1)[-1]


class _Raw:
    """The body of an answer that no server gave."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._content


def _refusal(request: Any, operation: str) -> AWSResponse:
    body: Json
    if OUTSIDE.error == "500":
        status, body = (
            500,
            {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "injected"},
        )
    elif OUTSIDE.error == "TransactionConflict" and operation == "TransactWriteItems":
        items = len(json.loads(request.body)["TransactItems"])
        reasons = [{"Code": "None"}] * (items - 1) + [{"Code": "TransactionConflict", "Message": "ongoing"}]
        kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
        names = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{names}]"
        status, body = 400, {"__type": kind, "Message": message, "CancellationReasons": reasons}
    else:
        code = "TransactionConflictException" if OUTSIDE.error == "TransactionConflict" else OUTSIDE.error
        status, body = 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"}
    headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.0"})
    return AWSResponse(request.url, status, headers, _Raw(json.dumps(body).encode()))
