"""What a request would cost if there were nothing of ours in it.

The product's requests to DynamoDB and Stripe are recorded on the wire, once for each case. A function that is
deployed beside the product's sends the very same again (``bare_function``): the same way through gateway, API and
Lambda, the same bytes, without the product. So that each time is as much work as the first:

- ids that the product made in the request are made anew each time, and with them the keys for idempotency;
- conditions are left out (version 4 is there once only), with the names and values that only they used;
- what is updated (a caller's counters, a tenant's next numbers) is a copy of that item.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from local.stack.deploy import client, outputs
from local.stack.settings import Ports

Json = dict[str, Any]
PATH = "/bare/"
_NAME = "bench-bare"
_ULID = re.compile(r"[a-z]+_[0-9A-HJKMNP-TV-Z]{26}")
_RECORD = re.compile(r"[^#]+#.+#[0-9a-f]{64}")
_TOKEN_CHARACTERS = 16
_COPY = "#bare"
_NOT_SENT_AGAIN = {"content-length", "host", "connection", "transfer-encoding"}
_STRIPE_KEY = "idempotency-key"


@dataclass(frozen=True)
class Wire:
    """A request as it went over the wire."""

    method: str
    url: str
    headers: dict[str, str]
    body: str

    @classmethod
    def of(cls, request: Any) -> "Wire":
        """Of one of botocore's or of requests'."""
        kept = {name: _text(value) for name, value in request.headers.items() if name.lower() not in _NOT_SENT_AGAIN}
        return cls(request.method, request.url, kept, _text(request.body or ""))

    @property
    def operation(self) -> str:
        """DynamoDB's name for it; empty where it went to Stripe."""
        target = next((value for name, value in self.headers.items() if name.lower() == "x-amz-target"), "")
        return target.partition(".")[2]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class Recorder:
    """Listens to what the handlers of this process ask of DynamoDB and of Stripe.

    Args:
        dynamodb: the product's botocore client.
        stripe_url: the sandbox.
    """

    def __init__(self, dynamodb: Any, stripe_url: str) -> None:
        self._stripe_url = stripe_url
        self._wires: list[Wire] | None = None
        dynamodb.meta.events.register("before-send.dynamodb", self._sent)

    @contextmanager
    def recording(self) -> Iterator[list[Wire]]:
        """The requests made inside, in order."""
        wires = self._wires = []
        send: Callable[..., Response] = HTTPAdapter.send

        def noted(adapter: HTTPAdapter, request: PreparedRequest, **options: Any) -> Response:
            if (request.url or "").startswith(self._stripe_url):
                wires.append(Wire.of(request))
            return send(adapter, request, **options)

        HTTPAdapter.send = noted  # type: ignore[method-assign,assignment]
        try:
            yield wires
        finally:
            HTTPAdapter.send = send  # type: ignore[method-assign]
            self._wires = None

    def _sent(self, request: Any, **_: object) -> None:
        if self._wires is not None:
            self._wires.append(Wire.of(request))


@dataclass(frozen=True)
class Script:
    """Requests that can be sent any number of times; ``{{0}}``, ``{{1}}`` ... stand for what is new each time."""

    wires: list[Wire]
    tokens: int

    def dumped(self, answer: str) -> str:
        """What ``bare_function`` reads."""
        wires = [
            {
                "host": urlsplit(wire.url).netloc,
                "method": wire.method,
                "path": wire.url.partition(urlsplit(wire.url).netloc)[2],
                "headers": wire.headers,
                "body": wire.body,
            }
            for wire in self.wires
        ]
        return json.dumps({"wires": wires, "tokens": self.tokens, "answer": answer})


def script(wires: Sequence[Wire], asked: str, keys: Mapping[str, Sequence[str]]) -> Script:
    """The recorded requests, fit to be sent again.

    Args:
        asked: the path and the body of the product's request: what it names is there, and stays as it is.
        keys: the names of each table's key attributes.
    """
    fresh = [each for each in _made(wires, keys) if each not in asked]
    places = {value: f"{value[:-_TOKEN_CHARACTERS]}{{{{{n}}}}}" for n, value in enumerate(fresh, 1)}
    return Script([_again(wire, places) for wire in wires], len(places) + 1)


def _made(wires: Sequence[Wire], keys: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids that the product gave to what it put, and the tokens of its transactions."""
    found: dict[str, None] = {}
    for wire in wires:
        if wire.operation not in ("TransactWriteItems", "PutItem"):
            continue
        body = json.loads(wire.body)
        if wire.operation == "TransactWriteItems":
            found[body["ClientRequestToken"]] = None
        for put in (each["Put"] for each in body.get("TransactItems", [{"Put": body}]) if "Put" in each):
            is_new = "attribute_not_exists" in put.get("ConditionExpression", "attribute_not_exists")
            own = put["Item"][keys[put["TableName"]][-1]]["S"]
            if is_new and (_ULID.fullmatch(own) or _RECORD.fullmatch(own)):
                found[own] = None
    return list(found)


def _again(wire: Wire, places: Mapping[str, str]) -> Wire:
    headers = dict(wire.headers)
    if wire.operation:
        body = json.dumps(_unconditional(wire.operation, json.loads(wire.body)))
    else:
        body = wire.body
        headers = {name: value + "{{0}}" * (name.lower() == _STRIPE_KEY) for name, value in headers.items()}
    for value, place in places.items():
        body = body.replace(value, place)
        headers = {name: each.replace(value, place) for name, each in headers.items()}
    return replace(wire, headers=headers, body=body)


def _unconditional(operation: str, body: Json) -> Json:
    if operation == "UpdateItem":
        return _pruned(body) | {"Key": _of_copy(body["Key"])}
    if operation == "PutItem":
        return _pruned(body)
    if operation == "TransactWriteItems":
        items = [{kind: _pruned(item) for kind, item in each.items()} for each in body["TransactItems"]]
        return body | {"TransactItems": items}
    return body


def _of_copy(key: Json) -> Json:
    """The key of an item's copy: of a tenant's next numbers as of a caller."""
    *_, last = key
    return key | {last: {"S": key[last]["S"] + _COPY}}


def _pruned(request: Json) -> Json:
    """Without its condition, and without the names and values that nothing else in it uses."""
    conditional = ("ConditionExpression", "ReturnValuesOnConditionCheckFailure")
    kept = {name: value for name, value in request.items() if name not in conditional}
    expressions = " ".join(value for name, value in kept.items() if name.endswith("Expression"))
    for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        named = kept.pop(kind, {})
        used = {name: value for name, value in named.items() if re.search(rf"{re.escape(name)}\b", expressions)}
        if used:
            kept[kind] = used
    return kept


class Bare:
    """The bare function, deployed in a running stack.

    Args:
        folder: where the cases are handed over.
    """

    def __init__(self, ports: Ports, folder: Path) -> None:
        self._folder = folder
        self._dynamodb = client("dynamodb", ports)
        self._keys: dict[str, list[str]] = {}
        arn = self._created(client("lambda", ports))
        gateway, api_id = client("apigatewayv2", ports), outputs(ports)["ApiId"]
        made = gateway.create_integration(
            ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        target = f"integrations/{made['IntegrationId']}"
        gateway.create_route(ApiId=api_id, RouteKey=f"ANY {PATH}{{case}}", Target=target)

    def _created(self, functions: Any) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(Path(__file__).with_name("bare_function.py"), "bare_function.py")
        made = functions.create_function(
            FunctionName=_NAME,
            Runtime="python3.13",
            Role=f"arn:aws:iam::000000000000:role/{_NAME}",
            Handler="bare_function.lambda_handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {"CASES": str(self._folder.resolve())}},
            Timeout=30,
            MemorySize=512,
        )
        return str(made["FunctionArn"])

    def play(self, name: str, wires: Sequence[Wire], asked: str, answer: str) -> str:
        """Have a case ready; the path at which the function plays it.

        Args:
            asked: the path and the body of the product's request.
            answer: the product's, which is given back.
        """
        tables = {table for wire in wires if wire.operation for table in _tables(wire)}
        for table in tables - self._keys.keys():
            schema = self._dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
            # The hash key first, as DynamoDB has it.
            self._keys[table] = [each["AttributeName"] for each in schema]
        for wire in wires:
            if wire.operation == "UpdateItem":
                self._copy(json.loads(wire.body))
        (self._folder / f"{name}.json").write_text(script(wires, asked, self._keys).dumped(answer))
        return PATH + name

    def _copy(self, update: Json) -> None:
        table, key = update["TableName"], update["Key"]
        item = self._dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
        self._dynamodb.put_item(TableName=table, Item=item | _of_copy(key))


def _tables(wire: Wire) -> set[str]:
    return set(re.findall(r'"TableName": ?"([^"]+)"', wire.body))
