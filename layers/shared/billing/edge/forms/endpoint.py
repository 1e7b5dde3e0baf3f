"""The third kind of route: no API key, no JSON, no Idempotency-Key; counted and audited all the same.

The OAuth server's, and the pages that people see without it: a payer's.

What a handler answers, an error too, is committed with what it staged and with the audit row, in one transaction: a
refresh token that comes a second time is refused, and its grant ends.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.access.networks import counted_as, lets_in
from billing.domain.kernel.errors import BillingError, LostRace, RateLimited, Unauthenticated, Unavailable
from billing.domain.tenant import ANONYMOUS, TenantStatus
from billing.edge.forms.form import FormRequest
from billing.edge.metrics import embedded
from billing.edge.runtime import Runtime
from billing.services.access.form_limits import OF_ADDRESS, FormLimits
from billing.services.access.oauth import OAuthAnswer, OAuthError
from billing.services.kernel.failures import described
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import AuditRow, KeyedRequest, Replay, StoredResponse, Unit

NOT_FOUND = "not_found"
"""The one error here that RFC 6749 does not know: there is no such page."""
_JSON = "application/json"
_NAMED = re.compile(r"\{(\w+)\}")
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class FormEdge(Runtime):
    """What these routes need."""

    limits: FormLimits


@dataclass(frozen=True, slots=True)
class FormResponse:
    """What goes out; a body of bytes is a file."""

    status: int
    body: str | bytes = ""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    @classmethod
    def of(cls, answer: OAuthAnswer) -> "FormResponse":
        """An answer of the OAuth server."""
        challenge = {"WWW-Authenticate": 'Basic realm="oauth2", charset="UTF-8"'} if answer.basic else {}
        return cls(answer.status, json.dumps(answer.body, separators=(",", ":")), headers=challenge)

    @classmethod
    def error(cls, error: str, basic: bool = False, status: int | None = None) -> "FormResponse":
        """An error of RFC 6749, with its usual status or another."""
        answer = cls.of(OAuthAnswer.of(error, basic))
        return answer if status is None else replace(answer, status=status)


class FormCall:
    """One call.

    Args:
        route: as it is declared, ``GET /pay/{token}``: the path itself may hold a secret, and this is in logs.
        parameters: what the path has in place of the names in braces.
    """

    def __init__(
        self, edge: FormEdge, request: FormRequest, route: str, parameters: Mapping[str, str] | None = None
    ) -> None:
        self.edge = edge
        self.request = request
        self.route = route
        self.parameters = parameters or {}
        self.started = edge.clock()
        self.request_id = edge.new_request_id()
        self.tenant_id = ANONYMOUS
        self.principal = ANONYMOUS
        self.audited = False
        self._counted = False

    def count_address(self, per_minute: int) -> None:
        """Count the call on its address, unless it is counted already.

        Raises:
            RateLimited: it has called too often.
        """
        self._count("ip", counted_as(self.request.ip), per_minute)

    def count_session(self, session_id: str, per_minute: int) -> None:
        """Count the call on a session that was found to be good, unless it is counted already.

        Raises:
            RateLimited: the session has called too often.
        """
        self._count("session", session_id, per_minute)

    def _count(self, kind: str, name: str, per_minute: int) -> None:
        if not self._counted:  # a unit that is run again after a lost race is one call
            self._counted = True
            self.edge.limits.count(kind, name, per_minute)

    def posted(self) -> Mapping[str, str]:
        """A page's form; one that is refused is counted on the address, as nobody looks at what it carries.

        Raises:
            OAuthError: it is none; or another site's page has sent it.
            RateLimited: the address has called too often.
        """
        try:
            if self.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                raise OAuthError("access_denied")
            return self.request.form()
        except OAuthError:
            self.count_address(OF_ADDRESS)
            raise

    def in_unit(
        self,
        tenant_id: str,
        principal: str,
        action: Callable[[Unit], FormResponse],
        from_anywhere: bool = False,
        once: KeyedRequest | None = None,
    ) -> FormResponse:
        """Run an action in a unit of work of a tenant's, and commit what it staged, whatever it answers.

        Args:
            principal: who calls; the action may find out (``self.principal``).
            from_anywhere: whoever calls is none of the tenant's people, whose addresses it may have listed.
            once: a form that is carried out once, however often it is sent: where it led the first time, it leads
                again. What was answered by a page is undecided, and can be sent again.

        Raises:
            OAuthError: there is no such tenant, or it is suspended, or lets nobody in from this address.
        """
        if len(tenant_id) > _LONGEST_ID:  # a cookie's may be: DynamoDB looks for no key of more than 2,048 bytes
            raise OAuthError("unauthorized_client")
        unit = self.edge.units.begin(tenant_id, once)
        try:
            status = unit.tenant.status  # first of all: a stranger may name a tenant that there is not
        except Unauthenticated:
            raise OAuthError("unauthorized_client") from None
        self.tenant_id, self.principal = tenant_id, principal
        networks = () if from_anywhere else unit.tenant.ip_allow_list
        if status is not TenantStatus.ACTIVE or (networks and not lets_in(networks, self.request.ip)):
            raise OAuthError("unauthorized_client")

        def run() -> FormResponse:
            try:
                response = action(unit)
            except OAuthError as error:
                response = FormResponse.error(error.error)
            led = response.headers.get("Location") if once is not None else None
            kept = StoredResponse(response.status, led) if led is not None else None
            unit.commit(kept, self.audit_row(response.status))
            self.audited = True
            return response

        try:
            return run_again(unit, run, self.edge.jitter, self.edge.pause)
        except Replay as replay:
            headers = {"Location": replay.response.body, "Referrer-Policy": "no-referrer"}
            return FormResponse(replay.response.status, "", "text/plain", headers)

    def audit(self, status: int) -> None:
        """The row of a call that committed nothing."""
        if not self.audited:
            self.edge.units.begin(self.tenant_id).write_audit(self.audit_row(status))
            self.audited = True

    def audit_row(self, status: int) -> AuditRow:
        """This call, as the audit log keeps it."""
        request = self.request
        return AuditRow(
            self.request_id, self.principal, request.method, self.route, status, request.ip, self.duration_ms
        )

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the call came in."""
        return int((self.edge.clock() - self.started).total_seconds() * 1000)


Handler = Callable[[FormCall], FormResponse]
Refusal = Callable[[FormCall, str, int | None], FormResponse]
"""How an error looks: by its name in RFC 6749, or ``not_found``, and the status, where it has another than usual."""


def as_json(call: FormCall, error: str, status: int | None) -> FormResponse:
    """An error as programs read it."""
    if error == NOT_FOUND:
        return FormResponse(404, json.dumps({"error": error, "error_description": "There is no such route."}))
    return FormResponse.error(error, status=status)


class FormApi:
    """The routes of a function, by path and method; a path is a fixed text, or has names in braces.

    Args:
        refusal: how errors look.
    """

    def __init__(self, edge: FormEdge, logger: Logger, refusal: Refusal = as_json) -> None:
        self._edge = edge
        self._logger = logger
        self._refusal = refusal
        self._routes: dict[str, dict[str, Handler]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Add a route; ``{name}`` stands for one segment of the path."""
        if "{" in path and path not in self._routes:
            self._patterns.append((re.compile(_NAMED.sub(r"(?P<\1>[^/]+)", path)), path))
        self._routes.setdefault(path, {})[method] = handler

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Methods and paths, for the reference."""
        return [(method, path) for path, handlers in self._routes.items() for method in handlers]

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The Lambda's entry: one HTTP event in payload format 2.0."""
        self._edge.deadline.begin(context.get_remaining_time_in_millis())
        request = FormRequest.of(event)
        path, parameters = self._route_of(request.path)
        handlers = self._routes.get(path, {})
        method = "GET" if request.method == "HEAD" else request.method
        call = FormCall(self._edge, request, f"{method} {path}" if method in handlers else "(no route)", parameters)
        response = self._answered(call, handlers, method)
        try:
            call.audit(response.status)
        except Exception as error:  # noqa: BLE001 - no call goes unrecorded: what cannot be written is not answered
            self._logger.error("audit failed", extra={"request_id": call.request_id, **described(error)})
            response = self._refusal(call, "temporarily_unavailable", None)
        self._log(call, response.status)
        return _sent(response, call, with_body=request.method != "HEAD")

    def _route_of(self, path: str) -> tuple[str, Mapping[str, str]]:
        """The route that a path is on, as it is declared, and what the path names."""
        if path in self._routes:
            return path, {}
        for pattern, declared in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                return declared, found.groupdict()
        return "", {}

    def _answered(self, call: FormCall, handlers: Mapping[str, Handler], method: str) -> FormResponse:
        if not handlers:
            return self._refusal(call, NOT_FOUND, 404)
        if method not in handlers:
            allowed = {"Allow": ", ".join(sorted(handlers))}
            return _with(self._refusal(call, "invalid_request", 405), allowed)
        try:
            return handlers[method](call)
        except OAuthError as error:
            return self._refusal(call, error.error, None)
        except RateLimited as error:
            after = {"Retry-After": str(error.retry_after_s or 1)}
            return _with(self._refusal(call, "temporarily_unavailable", 429), after)
        except (Unavailable, LostRace, TimeoutError):
            return _with(self._refusal(call, "temporarily_unavailable", 503), {"Retry-After": "2"})
        except BillingError as error:
            return self._refusal(call, "invalid_request", error.status)
        except Exception as error:  # noqa: BLE001 - whatever failed, an answer goes out, and says nothing of it
            self._logger.error("unexpected error", extra={"request_id": call.request_id, **described(error)})
            return self._refusal(call, "server_error", None)

    def _log(self, call: FormCall, status: int) -> None:
        numbers = {
            "duration_ms": (call.duration_ms, "Milliseconds"),
            "server_errors": (int(status >= 500), "Count"),
            "rate_limited": (int(status == 429), "Count"),
        }
        extra = {
            "request_id": call.request_id,
            "tenant_id": None if call.tenant_id == ANONYMOUS else call.tenant_id,
            "principal": call.principal,
            "status": status,
            **embedded(call.started, self._edge.stack, ("route", call.route), numbers),
        }
        self._logger.info("request", extra=extra)


def _with(response: FormResponse, headers: Mapping[str, str]) -> FormResponse:
    return replace(response, headers={**response.headers, **headers})


def _sent(response: FormResponse, call: FormCall, with_body: bool) -> dict[str, Any]:
    headers = {
        "Content-Type": response.content_type,
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": call.request_id,
        **response.headers,
    }
    body = response.body if with_body else ""
    answer: dict[str, Any] = {
        "statusCode": response.status,
        "headers": headers,
        "body": body if isinstance(body, str) else base64.b64encode(body).decode(),
        "isBase64Encoded": isinstance(body, bytes),
    }
    return {**answer, "cookies": list(response.cookies)} if response.cookies else answer
