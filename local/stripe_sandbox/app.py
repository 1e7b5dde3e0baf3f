"""The HTTP side: one request from its bytes to its answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

import local.stripe_sandbox.resources  # noqa: F401  (registers the operations)
from local.stripe_sandbox import auth, errors, forms, idempotency
from local.stripe_sandbox.bank import Bank
from local.stripe_sandbox.context import API_VERSION, Context, token
from local.stripe_sandbox.expand import Expander
from local.stripe_sandbox.faults import Fault, Faults
from local.stripe_sandbox.openapi import Operation, description
from local.stripe_sandbox.registry import HANDLERS, Call
from local.stripe_sandbox.store import Store
from local.stripe_sandbox.webhooks import Dispatcher

Json = dict[str, Any]

_FORM = "application/x-www-form-urlencoded"
_LOG_LENGTH = 20_000
_CONNECTED = "Stripe-Account"


@dataclass
class Answer:
    """What goes back, and the events that the request made."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    replayed: bool = False


@dataclass
class _Request:
    """A request that was read; nothing of it is checked yet."""

    id: str
    method: str
    path: str
    query: str
    body: str
    content_type: str
    headers: Any

    @property
    def key(self) -> str | None:
        """The idempotency key, which Stripe heeds on POST alone."""
        key: str | None = self.headers.get("Idempotency-Key") if self.method == "POST" else None
        return key or None


class Sandbox:
    """The state of the server: store, faults, webhook dispatcher and request log.

    Args:
        check_responses: answer 500 where an answer departs from Stripe's description.
        refunds_after_s: when the bank answers for a refund that waits; None: when it is told to.
    """

    def __init__(
        self,
        store: Store,
        *,
        check_responses: bool = False,
        retry_base_s: float = 1.0,
        refunds_after_s: float | None = None,
    ) -> None:
        self.store = store
        idempotency.purge(store)
        self.spec = description()
        self.faults = Faults()
        self.dispatcher = Dispatcher(store, retry_base_s=retry_base_s)
        self.bank = Bank(store, self.dispatcher, refunds_after_s)
        self.requests: deque[Json] = deque(maxlen=_LOG_LENGTH)
        self.violations: list[str] = []
        self._check_responses = check_responses
        self._keys_in_use: set[tuple[str, str]] = set()

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """The aiohttp handler of everything that is Stripe's."""
        request = _Request(
            id=f"req_{token(14)}",
            method=http.method,
            path=http.path,
            query=http.rel_url.raw_query_string,
            body=await http.text(),
            content_type=http.content_type,
            headers=http.headers,
        )
        entry = self._log(request)
        fault = self.faults.take(request.method, request.path)
        entry["fault"] = fault.kind if fault else None
        if fault and fault.kind == "drop_before":
            return drop(http)
        answer = await self._answer(request, fault)
        entry |= {"status": answer.status, "replayed": answer.replayed}
        if fault and fault.kind == "drop_after":
            return drop(http)
        if fault and fault.kind == "status_after":
            answer.status, answer.text = fault.status, json.dumps(fault.failure().body())
            entry["status"] = answer.status
        return web.Response(
            status=answer.status, text=answer.text, headers=answer.headers, content_type="application/json"
        )

    def _log(self, request: _Request) -> Json:
        entry: Json = {
            "id": request.id,
            "time": time.time(),
            "method": request.method,
            "path": request.path,
            "idempotency_key": request.headers.get("Idempotency-Key"),
            "stripe_account": request.headers.get(_CONNECTED),
            "status": None,
            "replayed": False,
            "fault": None,
        }
        self.requests.append(entry)
        return entry

    async def _answer(self, request: _Request, fault: Fault | None) -> Answer:
        held: tuple[str, str] | None = None
        try:
            if fault and fault.kind == "status":
                raise fault.failure()
            account = self._account_of(request)
            if request.key:
                idempotency.check_key(request.key)
                if (account, request.key) in self._keys_in_use:
                    raise idempotency.in_use(request.key)
                held = (account, request.key)
                self._keys_in_use.add(held)
            if fault and fault.kind == "slow":
                await asyncio.sleep(fault.ms / 1000)
            answer = self._execute(account, request)
            await self.dispatcher.settle(answer.events)
            self.bank.wake()
        except errors.ApiError as failure:
            answer = Answer(failure.status, json.dumps(failure.body()))
        finally:
            if held:
                self._keys_in_use.discard(held)
        return self._finish(request, answer)

    def _account_of(self, request: _Request) -> str:
        """The account of the key, or the connected one that the request is on behalf of."""
        platform = auth.account_of(request.headers.get("Authorization"))
        account: str = request.headers.get(_CONNECTED, platform)
        if account != platform and self.store.find(platform, "account", account) is None:
            raise errors.account_invalid(account)
        return account

    def _finish(self, request: _Request, answer: Answer) -> Answer:
        answer.headers |= {
            "Request-Id": request.id,
            "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
        }
        if request.key:
            answer.headers["Idempotency-Key"] = request.key
        if _CONNECTED in request.headers:
            answer.headers[_CONNECTED] = request.headers[_CONNECTED]
        if answer.status == 401:
            answer.headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
        if self._check_responses:
            self._check(request, answer)
        return answer

    def _check(self, request: _Request, answer: Answer) -> None:
        try:
            operation, _ = self.spec.find(request.method, request.path)
        except errors.ApiError:
            return
        problems = operation.response_problems(answer.status, json.loads(answer.text))
        if problems:
            self.violations.append(f"{operation.name} {answer.status}: {problems}")
            message = f"The sandbox's answer departs from Stripe's description: {problems}"
            answer.status, answer.text = 500, json.dumps({"error": {"type": "api_error", "message": message}})

    def _execute(self, account: str, request: _Request) -> Answer:
        """Run the operation and store its replay, in one transaction."""
        operation, ids = self.spec.find(request.method, request.path)
        _check_headers(request, operation, self.spec.versions)
        tree = forms.parse(request.body if request.method == "POST" else request.query)
        if request.method == "POST" and request.query:
            tree = forms.parse(request.query) | tree
        fingerprint = idempotency.fingerprint(request.method, request.path, tree)
        if request.key:
            replay = idempotency.find(self.store, account, request.key, fingerprint)
            if replay:
                headers = {"Idempotent-Replayed": "true", "Original-Request": replay.request_id}
                return Answer(replay.status, replay.body, headers, replayed=True)
        context = Context(account, self.store, request.id, request.key)
        context.delay_s = self.dispatcher.settings.delay_ms / 1000
        context.base_url = f"http://{request.headers['Host']}"
        call = Call(context, ids, operation.check_request(tree), request.path)
        if request.method == "GET":
            return Answer(200, json.dumps(self._run(operation, call)))
        with self.store.transaction():
            answer, stored = self._attempt(operation, call)
            if request.key and stored:
                replay = idempotency.Replay(answer.status, answer.text, request.id)
                idempotency.keep(self.store, account, request.key, fingerprint, replay)
        return answer

    def _attempt(self, operation: Operation, call: Call) -> tuple[Answer, bool]:
        """The answer, and whether it is replayed; a failure undoes its effects unless they are facts."""
        context = call.context
        try:
            with self.store.savepoint():
                try:
                    body = self._run(operation, call)
                except errors.ApiError as failure:
                    if not failure.commits:
                        raise
                    return Answer(failure.status, json.dumps(failure.body()), events=context.events), True
            return Answer(200, json.dumps(body), events=context.events), True
        except errors.ApiError as failure:
            return Answer(failure.status, json.dumps(failure.body())), failure.stored

    def _run(self, operation: Operation, call: Call) -> Json:
        body = HANDLERS[operation.name](call)
        paths = call.params.get("expand")
        return Expander(self.spec, call.context).run(body, paths) if paths else body


def _check_headers(request: _Request, operation: Operation, versions: frozenset[str]) -> None:
    version = request.headers.get("Stripe-Version")
    if version is not None and version not in versions:
        raise errors.InvalidRequestError(f"Invalid Stripe API version: {version}")
    if _CONNECTED in request.headers and not HANDLERS[operation.name].connected:
        raise errors.not_served(_CONNECTED)
    if request.body and request.content_type != _FORM:
        raise errors.InvalidRequestError(f"Invalid request: the content type of a POST has to be {_FORM}.")


def drop(http: web.Request) -> web.StreamResponse:
    """Close the connection with no answer; the response object only satisfies aiohttp."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response()
