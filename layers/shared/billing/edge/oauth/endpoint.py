"""The third kind of route: no API key, no JSON, no Idempotency-Key; counted and audited all the same.

What a handler answers, an error too, is committed with what it staged and with the audit row, in one transaction: a
refresh token that comes a second time is refused, and its grant ends.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.access.networks import counted_as, lets_in
from billing.domain.kernel.errors import BillingError, LostRace, RateLimited, Unauthenticated, Unavailable
from billing.domain.tenant import ANONYMOUS, TenantStatus
from billing.edge.metrics import embedded
from billing.edge.oauth.form import FormRequest
from billing.services.access.form_limits import FormLimits
from billing.services.access.oauth import OAuthAnswer, OAuthError
from billing.services.kernel.deadline import Deadline
from billing.services.kernel.failures import described
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import AuditRow, Unit, Units

_JSON = "application/json"
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class FormEdge:
    """What these routes need; made once, at import."""

    limits: FormLimits
    units: Units
    clock: Callable[[], datetime]
    new_request_id: Callable[[], str]
    jitter: Callable[[], float]
    pause: Callable[[float], None]
    stack: str
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class FormResponse:
    """What goes out."""

    status: int
    body: str = ""
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
    """One call."""

    def __init__(self, edge: FormEdge, request: FormRequest, route: str) -> None:
        self.edge = edge
        self.request = request
        self.route = route
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

    def in_unit(self, tenant_id: str, principal: str, action: Callable[[Unit], FormResponse]) -> FormResponse:
        """Run an action in a unit of work of a tenant's, and commit what it staged, whatever it answers.

        Args:
            principal: who calls; the action may find out (``self.principal``).

        Raises:
            OAuthError: there is no such tenant, or it is suspended, or lets nobody in from this address.
        """
        if len(tenant_id) > _LONGEST_ID:  # a cookie's may be: DynamoDB looks for no key of more than 2,048 bytes
            raise OAuthError("unauthorized_client")
        unit = self.edge.units.begin(tenant_id)
        try:
            status = unit.tenant.status  # first of all: a stranger may name a tenant that there is not
        except Unauthenticated:
            raise OAuthError("unauthorized_client") from None
        self.tenant_id, self.principal = tenant_id, principal
        networks = unit.tenant.ip_allow_list
        if status is not TenantStatus.ACTIVE or (networks and not lets_in(networks, self.request.ip)):
            raise OAuthError("unauthorized_client")

        def once() -> FormResponse:
            try:
                response = action(unit)
            except OAuthError as error:
                response = FormResponse.error(error.error)
            unit.commit(None, self.audit_row(response.status))
            self.audited = True
            return response

        return run_again(unit, once, self.edge.jitter, self.edge.pause)

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


class FormApi:
    """The routes of a function, by path and method; the paths are fixed texts."""

    def __init__(self, edge: FormEdge, logger: Logger) -> None:
        self._edge = edge
        self._logger = logger
        self._routes: dict[str, dict[str, Handler]] = {}

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Add a route."""
        self._routes.setdefault(path, {})[method] = handler

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Methods and paths, for the reference."""
        return [(method, path) for path, handlers in self._routes.items() for method in handlers]

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The Lambda's entry: one HTTP event in payload format 2.0."""
        self._edge.deadline.begin(context.get_remaining_time_in_millis())
        request = FormRequest.of(event)
        handlers = self._routes.get(request.path, {})
        method = "GET" if request.method == "HEAD" else request.method
        known = request.path if handlers else "(no route)"
        call = FormCall(self._edge, request, f"{method} {known}" if method in handlers else "(no route)")
        response = self._answered(call, handlers, method)
        try:
            call.audit(response.status)
        except Exception as error:  # noqa: BLE001 - no call goes unrecorded: what cannot be written is not answered
            self._logger.error("audit failed", extra={"request_id": call.request_id, **described(error)})
            response = FormResponse.error("temporarily_unavailable")
        self._log(call, response.status)
        return _sent(response, call, with_body=request.method != "HEAD")

    def _answered(self, call: FormCall, handlers: Mapping[str, Handler], method: str) -> FormResponse:
        if not handlers:
            return FormResponse(404, json.dumps({"error": "not_found", "error_description": "There is no such route."}))
        if method not in handlers:
            allowed = {"Allow": ", ".join(sorted(handlers))}
            return FormResponse(405, FormResponse.error("invalid_request").body, headers=allowed)
        try:
            return handlers[method](call)
        except OAuthError as error:
            return FormResponse.error(error.error)
        except RateLimited as error:
            body = FormResponse.error("temporarily_unavailable").body
            return FormResponse(429, body, headers={"Retry-After": str(error.retry_after_s or 1)})
        except (Unavailable, LostRace, TimeoutError):
            body = FormResponse.error("temporarily_unavailable").body
            return FormResponse(503, body, headers={"Retry-After": "2"})
        except BillingError as error:
            return FormResponse(error.status, FormResponse.error("invalid_request").body)
        except Exception as error:  # noqa: BLE001 - whatever failed, an answer goes out, and says nothing of it
            self._logger.error("unexpected error", extra={"request_id": call.request_id, **described(error)})
            return FormResponse.error("server_error")

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


def _sent(response: FormResponse, call: FormCall, with_body: bool) -> dict[str, Any]:
    headers = {
        "Content-Type": response.content_type,
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": call.request_id,
        **response.headers,
    }
    answer: dict[str, Any] = {
        "statusCode": response.status,
        "headers": headers,
        "body": response.body if with_body else "",
        "isBase64Encoded": False,
    }
    return {**answer, "cookies": list(response.cookies)} if response.cookies else answer
