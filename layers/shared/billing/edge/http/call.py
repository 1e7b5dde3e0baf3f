"""One HTTP call on its way through the three beats: identify, load (in the use case), commit.

Order of the checks: request id -> body -> identify -> card numbers -> API version, tenant status, tenant headers ->
scope -> Idempotency-Key -> handler -> commit. A refused call leaves an audit row and nothing else.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from billing.domain.access.card_numbers import carries_in_id, shown
from billing.domain.access.networks import lets_in
from billing.domain.kernel.entity import Entity
from billing.domain.kernel.errors import (
    AddressNotAllowed,
    ApiVersionUnsupported,
    BillingError,
    Detail,
    Forbidden,
    IdempotencyKeyRequired,
    RateLimited,
    TenantMismatch,
    TenantSuspended,
    Unauthenticated,
    ValidationFailed,
)
from billing.domain.tenant import ANONYMOUS, Tenant, TenantStatus
from billing.edge.http import card_numbers, credentials, envelope, if_match, signatures, step_up
from billing.edge.http.body import check_form, fingerprint, parse_object, raw_body
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.edge.runtime import Runtime
from billing.services.access.callers import BearerCheck, CallerCheck, Identity, RateState, RouteLimit
from billing.services.access.keys import signing_place
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import AuditRow, Expected, KeyedRequest, Ref, Replay, StoredResponse, Unit

T = TypeVar("T")
API_VERSIONS = ("1.0",)
_WRITES = {"POST", "PATCH", "PUT", "DELETE"}
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Edge(Runtime):
    """What the edge of a function needs."""

    callers: CallerCheck
    documentation_base_url: str
    max_body_bytes: int
    max_json_depth: int
    open_secret: Callable[[str, str, str], str]
    """Opens a text that was sealed for a tenant and a place."""
    bearers: BearerCheck | None = None
    """Verifies access tokens; None where none are issued."""


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """What a route asks of its caller."""

    route: str
    scope: Scope | None
    limit: RouteLimit | None = None
    public: bool = False
    """A route that anybody may call, and that is neither counted nor audited: a health check, the documentation."""
    query: frozenset[str] = frozenset()
    """The names of the query parameters that it has."""
    has_body: bool = True
    shown_once: ShownOnce | None = None
    """Where its answer shows a secret."""
    steps_up: bool = False
    """Whether a user in the dashboard has to have entered the password a moment ago."""
    versioned: type[Entity] | None = None
    """What its path names and it reads or changes, by one of its versions if the caller wants (``If-Match``)."""


NO_ROUTE = RoutePolicy("(no route)", None)


class Call:
    """The state of one call."""

    def __init__(self, edge: Edge, event: dict[str, Any], find_policy: Callable[[], RoutePolicy]) -> None:
        http = event["requestContext"]["http"]
        self.edge = edge
        self.started = edge.clock()
        self.request_id = edge.new_request_id()
        self.method: str = http["method"].upper()
        self.path: str = event["rawPath"]
        self.ip: str | None = http.get("sourceIp")
        self.gateway_request_id: str = event["requestContext"].get("requestId", "")
        self._event = event
        self._headers: dict[str, str] = {name.lower(): value for name, value in event.get("headers", {}).items()}
        self._find_policy = find_policy
        self._policy = NO_ROUTE
        self.identity: Identity | None = None
        self.unit: Unit | None = None
        self.rate: RateState | None = None
        self.replayed = False
        self.version: int | None = None
        """Of the one entity that the answer shows."""
        self.audited = False
        self._problem: BillingError | None = None
        self._retry_after_s: int | None = None
        self._challenge: str | None = None
        self._signatures: tuple[str, ...] = ()
        self._remember_until = 0
        self._raw: bytes | None = None
        self._parsed: list[dict[str, Any]] = []

    @property
    def policy(self) -> RoutePolicy:
        """What the matched route asks of its caller."""
        if self._policy is NO_ROUTE:
            self._policy = self._find_policy()
        return self._policy

    def header(self, name: str) -> str | None:
        """A request header, by its lower-case name."""
        return self._headers.get(name)

    @property
    def caller(self) -> Identity:
        """Who calls; only where the call was let in."""
        assert self.identity is not None, "nobody was identified"
        return self.identity

    def json(self) -> dict[str, Any] | None:
        """The body, a JSON object; None where there is none.

        Raises:
            BodyTooLarge, ValidationFailed: see ``body.check_form`` and ``body.parse_object``.
        """
        if not self._event.get("body"):
            return None
        if not self._parsed:
            check_form(self._headers)
            limits = self.edge.max_body_bytes, self.edge.max_json_depth
            self._parsed.append(parse_object(self._body(), *limits))
        return self._parsed[0]

    def unknown_parameters(self) -> tuple[Detail, ...]:
        """The query parameters that the route has not: in a list, ``?staus=void`` must not bring everything."""
        query = self._event.get("rawQueryString") or ""
        # An API Gateway has both; which of them has a parameter without a value is its own affair.
        named = [name for name, _ in parse_qsl(query, keep_blank_values=True)] if query else []
        named += self._event.get("queryStringParameters") or {}
        unknown = (name for name in dict.fromkeys(named) if name not in self.policy.query)
        return tuple(Detail(shown(name), "unknown_parameter") for name in unknown)

    def _body(self) -> bytes:
        if self._raw is None:
            self._raw = raw_body(self._event)
        return self._raw

    def admit(self) -> Unit:
        """The first beat, and all checks before the handler runs; returns the unit of work.

        It runs once per call, for whoever asks first: the handler, or an error that has to know whether the caller may
        see it.
        """
        if self._problem is not None:
            raise self._problem
        if self.unit is not None:
            return self.unit
        try:
            self.unit = self._admitted()
        except BillingError as problem:
            self._problem = problem
            raise
        return self.unit

    def _admitted(self) -> Unit:
        try:
            self.identity = self._identified()
        except RateLimited as refusal:
            self.rate = RateState(*refusal.rate) if refusal.rate else None
            if refusal.caller and self.rate:
                self.identity = Identity(*refusal.caller, self.rate)
            raise
        self.rate = self.identity.rate
        self._check_address(self.identity.networks)
        plain = self.edge.units.begin(self.identity.tenant_id)
        self._check_address(plain.tenant.ip_allow_list)
        self._keep_limits(plain.tenant)
        self._check_signature()
        self.forbid_card_numbers()
        version = self.header("x-api-version")
        if version is not None and version not in API_VERSIONS:
            raise ApiVersionUnsupported(f"There is no API version {version[:20]}; there is {', '.join(API_VERSIONS)}")
        self._check_tenant(plain)
        if self.policy.scope is not None and not self._grants(self.policy.scope):
            raise Forbidden(f"This route needs the scope {self.policy.scope}")
        if self.policy.steps_up:
            step_up.check_entered(self.identity, self.edge.clock())
        if self.method not in _WRITES or self.policy is NO_ROUTE:
            return self._signed_once(plain)
        return self._signed_once(self.edge.units.begin(self.identity.tenant_id, self._keyed()))

    def _identified(self) -> Identity:
        credential = credentials.presented(self._headers)
        limit, user_id = self.policy.limit, self._user_id()
        if credential.token is None:
            return self.edge.callers.identify(credential.key, limit, user_id)
        if self.edge.bearers is None:
            raise Unauthenticated("No access tokens are accepted here")
        bearer = self.edge.bearers.verify(credential.token)
        tier = self.edge.units.begin(bearer.tenant_id).tenant.tier
        return self.edge.callers.identify_bearer(bearer, tier.limits, limit, user_id)

    def forbid_card_numbers(self) -> None:
        """Refuse a request with a card number in any field; this is reported before any other error.

        Raises:
            ValidationFailed: naming every such field, and no digit.
        """
        try:
            body = self._body()
        except ValidationFailed:  # not base64: nobody will read it
            body = b""
        if len(body) > self.edge.max_body_bytes:  # nor this
            body = b""
        problem = card_numbers.refusal(card_numbers.in_request(self._event, self._headers, body))
        if problem is not None:
            raise problem

    def _user_id(self) -> str | None:
        """The user that the caller says it calls for. Limits are counted under this id: it is never a card number."""
        named = self.header("x-user-id")
        return None if named is not None and carries_in_id(named) else named

    def _check_address(self, networks: tuple[str, ...]) -> None:
        """By the address that API Gateway saw: what X-Forwarded-For says, whoever sends it can choose."""
        if networks and not lets_in(networks, self.ip):
            raise AddressNotAllowed("The call came from an address that is not allowed")

    def _keep_limits(self, tenant: Tenant) -> None:
        """A key's item has the limits of its tenant's tier, so that one update can ask for them; a tier may change."""
        if self.caller.limits is not None and self.caller.limits != tenant.tier.limits:
            self.edge.callers.set_limits(self.header("x-api-key") or "", tenant.tier.limits)

    def _check_signature(self) -> None:
        sealed = self.caller.sealed_signing_secret
        if sealed is None:
            return
        secret = self.edge.open_secret(self.caller.tenant_id, signing_place(self.caller.principal), sealed)
        query = self._event.get("rawQueryString") or ""
        request = signatures.Signed(self.method, self.path, query, self._body(), self._headers)
        self._signatures, self._remember_until = signatures.check(request, secret, self.edge.clock().timestamp())

    def _signed_once(self, unit: Unit) -> Unit:
        """Have whatever the unit commits first be committed only if the signatures were never used."""
        if self._signatures:
            unit.accept_once(self._signatures, self._remember_until)
        return unit

    def _check_tenant(self, unit: Unit) -> None:
        named = self.header("x-tenant-id")
        if named is not None and named != unit.tenant.id:
            raise TenantMismatch("The x-tenant-id header names another tenant")
        user = self.identity.user_id if self.identity else None
        if user is not None and self.header("x-user-id") not in (None, user):
            raise Forbidden("The x-user-id header names another user than the access token")
        if unit.tenant.status is not TenantStatus.ACTIVE:
            raise TenantSuspended("The tenant is suspended")

    def _keyed(self) -> KeyedRequest:
        key = self.header("idempotency-key")
        if not key or not _IDEMPOTENCY_KEY.fullmatch(key):
            raise IdempotencyKeyRequired("An Idempotency-Key header of 1 to 255 visible ASCII characters is required")
        # /api/v1/x and /v1/x are one route, and one request.
        path = self.path.removeprefix("/api")
        value = self.json()
        if value and not self.policy.has_body:
            raise ValidationFailed.all([Detail(name, "unknown_field") for name in value])
        query = self._event.get("rawQueryString") or ""
        asked = fingerprint(self.method, path, query, value, self.header(if_match.HEADER) or "")
        if self.policy.shown_once is not None:  # another principal under the same key gets 422, and not the secret
            asked = sha256(f"{asked} {self.principal}".encode()).hexdigest()
        return KeyedRequest(self.policy.route, key, asked, expected=self._expected(path))

    def _expected(self, path: str) -> Expected | None:
        header = self.header(if_match.HEADER)
        if header is None or self.policy is NO_ROUTE:
            return None
        kind = self.policy.versioned
        if kind is None:
            raise ValidationFailed.of("If-Match", "not_on_this_route", "This route does not look at If-Match")
        versions = if_match.versions(header)
        if versions is None:
            return None
        parts = self.policy.route.partition(" ")[2].split("/")
        named = next((name for name, part in zip(path.split("/"), parts, strict=False) if part.startswith("{")), None)
        assert self.identity is not None
        tenant_id = self.identity.tenant_id
        only_id: str | None = getattr(kind, "only_id", None)
        if only_id is None:
            assert named is not None, f"{self.policy.route} does not say which one it is about"
            return Expected(Ref(kind, tenant_id, named), versions)
        return Expected(Ref(kind, named or tenant_id, only_id), versions)  # a tenant has one, which no path has to name

    def require_tenant(self, tenant_id: str) -> None:
        """Check that the tenant in a path is the caller's.

        Raises:
            TenantMismatch: it is another one.
        """
        if self.admit().tenant.id != tenant_id:
            raise TenantMismatch("The path names another tenant")

    def require_scope(self, scope: Scope) -> None:
        """Require another scope than the route's, for requests that turn out to need it; nothing is committed then.

        Raises:
            Forbidden: the caller's credential lacks the scope.
        """
        self.admit()
        if not self._grants(scope):
            raise Forbidden(f"What this asks for needs the scope {scope}")

    def _grants(self, scope: Scope) -> bool:
        return self.identity is not None and scope in self.identity.scopes

    def complete(self, work: Callable[[], T], render: Callable[[T], tuple[StoredResponse, bool]]) -> StoredResponse:
        """Run a handler and commit what it staged; run it again from load after a lost race.

        Args:
            work: the handler.
            render: turns its result into the response, and says whether the response settles the Idempotency-Key (an
                outcome that is still open does not).
        """
        if self.policy.public:
            self.forbid_card_numbers()
            return render(work())[0]
        unit = self.admit()

        def once() -> StoredResponse:
            response, decides = render(work())
            if self.method in _WRITES or response.status == 202:  # a read that takes on what it has no time for
                unit.commit(response if decides else None, self.audit_row(response.status))
                self.audited = True
            return response

        try:
            return run_again(unit, once, self.edge.jitter, self.edge.pause)
        except Replay as replay:
            self.replayed = True
            if self.policy.shown_once is None:
                return replay.response
            tenant_id = self.caller.tenant_id
            return self.policy.shown_once.again(tenant_id, self.edge.units.begin(tenant_id), replay.response)

    def refuse(self, error: BillingError) -> StoredResponse:
        """The response for an error; a caller that is not allowed in learns only that."""
        try:
            if self.policy.public:
                self.forbid_card_numbers()
            else:
                self.admit()
        except BillingError as problem:
            error = problem
        except Exception as failure:  # noqa: BLE001 - there is no one behind this who would answer
            error = envelope.unanswerable(failure)
        self.version = None
        self.replayed = False
        self._challenge = credentials.challenge(error, self._headers, self.policy.scope)
        if error.retry_after_s is not None:
            self._retry_after_s = error.retry_after_s
        return StoredResponse(error.status, envelope.failure(error, self.request_id, self._documentation_url()))

    def _documentation_url(self) -> str:
        if self.edge.documentation_base_url:
            return self.edge.documentation_base_url
        domain = self._event["requestContext"].get("domainName") or self.header("host") or "localhost"
        return f"https://{domain}/docs"

    @property
    def api_version(self) -> str:
        """The version of the API in whose shapes the call is answered: the one that it asks for, or the latest."""
        asked = self.header("x-api-version")
        return asked if asked in API_VERSIONS else API_VERSIONS[-1]

    def response_headers(self) -> dict[str, str]:
        """The headers that every response carries."""
        headers = {"X-API-Version": self.api_version, "X-Request-Id": self.request_id}
        if self.rate is not None:
            headers["X-RateLimit-Limit"] = str(self.rate.limit)
            headers["X-RateLimit-Remaining"] = str(self.rate.remaining)
            headers["X-RateLimit-Reset"] = str(self.rate.reset)
        if self._retry_after_s is not None:
            headers["Retry-After"] = str(self._retry_after_s)
        if self._challenge is not None:
            headers["WWW-Authenticate"] = self._challenge
        if self.version is not None:
            headers["ETag"] = if_match.tag(self.version)
        if self.replayed:
            headers["Idempotent-Replayed"] = "true"
        return headers

    def audit(self, status: int) -> None:
        """The audit row of a call that committed nothing.

        Raises:
            Unavailable: it cannot be written; no call may go unrecorded.
        """
        if self.audited or self.policy.public:
            return
        tenant_id = self.identity.tenant_id if self.identity else ANONYMOUS
        unit = self.unit or self.edge.units.begin(tenant_id)
        unit.write_audit(self.audit_row(status))
        self.audited = True

    def audit_row(self, status: int) -> AuditRow:
        """This call, as the audit log keeps it."""
        return AuditRow(
            request_id=self.request_id,
            principal=self.principal,
            method=self.method,
            route=self.policy.route,
            status=status,
            ip=self.ip,
            duration_ms=self.duration_ms,
        )

    @property
    def principal(self) -> str:
        """Who calls, for the log: the id of the key, the client or the user, never the credential."""
        return self.identity.principal if self.identity else ANONYMOUS

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the call came in."""
        return int((self.edge.clock() - self.started).total_seconds() * 1000)
