"""The HTTP edge of a function: a Powertools app whose routes run inside a ``Call``.

api = bootstrap.http_api("customers")

@api.post("/v1/customers", scope=Scope.BILLING_WRITE, answers=CustomerOut)
def create_customer(body: Annotated[CustomerIn, Body()], work: CurrentWork) -> CustomerOut: ...

lambda_handler = api.lambda_handler
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel

from billing.domain.kernel.entity import Entity
from billing.domain.kernel.errors import (
    BillingError,
    Detail,
    PaymentDeclined,
    RouteNotFound,
    Unauthenticated,
    ValidationFailed,
)
from billing.edge.http import envelope
from billing.edge.http.call import NO_ROUTE, Call, Edge, RoutePolicy
from billing.edge.http.compression import compressed
from billing.edge.http.once import ShownOnce
from billing.edge.http.scopes import Scope
from billing.edge.metrics import embedded
from billing.services.access.callers import RouteLimit
from billing.services.kernel.failures import described
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Page, StoredResponse, Work

T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of results, in the shape of the API.

    Args:
        has_more: whether there is more already, where a page has a cursor all the same; else as ``next_cursor`` says.
    """

    items: list[Any]
    next_cursor: str | None
    limit: int
    has_more: bool | None = None

    @classmethod
    def of(cls, page: Page[Any], shape: Callable[[Any], BaseModel]) -> "Listing":
        """A page of entities, each in its shape."""
        return cls([shape(item) for item in page.items], page.next_cursor, page.limit)


def shaped(result: T | Refused, shape: Callable[[T], S]) -> S | Refused:
    """What a use case came to, in the shape of the API; a refusal is answered as it is."""
    return result if isinstance(result, Refused) else shape(result)


@dataclass(frozen=True, slots=True)
class File:
    """A document to download."""

    content: bytes
    content_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was taken on instead of done (202), also by a read: a report that is too long for a request.

    Args:
        result: how far it is.
        location: the path at which that is looked at.
    """

    result: BaseModel
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route: what it asks of its caller, and what it answers with; ``local/reference/openapi.py`` reads it.

    Args:
        scope: what the caller's credential has to grant; None for nothing: whoever is known may call.
        answers: the shape of a result; None for a file.
        many: it answers with a page of them.
        summary: the shape of each on that page where a short one is asked for (``view=summary``).
        limit: of the calls of each user, where it has one of its own.
        public, versioned, shown_once, steps_up: see ``RoutePolicy``.
        or_accepts: the shape that it answers with, and 202, where what is asked for takes longer than a request.
    """

    method: str
    path: str
    status: int
    scope: Scope | None
    answers: type[BaseModel] | None = None
    many: bool = False
    summary: type[BaseModel] | None = None
    limit: RouteLimit | None = None
    public: bool = False
    versioned: type[Entity] | None = None
    shown_once: ShownOnce | None = None
    steps_up: bool = False
    or_accepts: type[BaseModel] | None = None

    def policy(self, parameters: Iterable[inspect.Parameter]) -> RoutePolicy:
        """What it asks of its caller, by its handler's parameters, too."""
        query = frozenset(mark.alias or each.name for each in parameters for mark in _marks(each, Query))
        has_body = any(_marks(each, Body) for each in parameters)
        name = f"{self.method} {self.path}"
        return RoutePolicy(
            name, self.scope, self.limit, self.public, query, has_body, self.shown_once, self.steps_up, self.versioned
        )


class _Current:
    """The call that this worker handles; a Lambda worker handles one at a time."""

    call: Call | None = None


_current = _Current()


def current_call() -> Call:
    """The call that is being answered."""
    assert _current.call is not None, "outside a request"
    return _current.call


class _CurrentWork:
    """Marks the parameter that takes the unit of work.

    Not Powertools' ``Depends``: that reads the type hints of handler and dependency anew for each request (12 % of a
    request's CPU), and wraps every refusal in an error of its own.
    """


CurrentWork = Annotated[Work, _CurrentWork]
"""A handler's unit of work; asking for it identifies the caller."""


def _marks(parameter: inspect.Parameter, kind: type) -> list[Any]:
    """What of a kind a parameter is annotated with: ``Query(alias="from")``."""
    return [each for each in getattr(parameter.annotation, "__metadata__", ()) if isinstance(each, kind)]


def _asks_for_work(parameter: inspect.Parameter) -> bool:
    return _CurrentWork in getattr(parameter.annotation, "__metadata__", ())


class _Event(APIGatewayProxyEventV2):
    """What Powertools sees of a request; its headers and its body are read in ``Call``.

    Without headers each request is spared a copy of them (no route takes one as a parameter), and Powertools does not
    look at the Content-Type, which it compares by case.
    """

    headers: dict[str, str] = {}  # noqa: RUF012 - never written
    resolved_headers_field: dict[str, Any] = {}  # noqa: RUF012 - never written

    @property
    def json_body(self) -> Any:
        return current_call().json()


class _Resolver(APIGatewayHttpResolver):
    def _to_proxy_event(self, event: dict[str, Any]) -> APIGatewayProxyEventV2:
        return _Event(event)


class HttpApi:
    """The routes of one function.

    Args:
        edge: what the calls need.
        title: for the OpenAPI document.
    """

    def __init__(self, edge: Edge, logger: Logger, title: str) -> None:
        self._edge = edge
        self._logger = logger
        self.app = _Resolver(enable_validation=True, strip_prefixes=["/api"])
        self.app.configure_openapi(title=title, version="1.0")
        self.documentation: list[Route] = []
        self._policies: dict[Callable[..., Any], RoutePolicy] = {}
        self.app.exception_handler(RequestValidationError)(_bad_shape)
        self.app.exception_handler(NotFoundError)(_no_route)
        self.app.exception_handler(Exception)(self._failed)

    def get(self, path: str, **policy: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A route that reads."""
        return self._register(Route(method="GET", path=path, status=200, **policy))

    def post(self, path: str, status: int = 201, **policy: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A route that makes something (201), will do something (202), or does it (200)."""
        return self._register(Route(method="POST", path=path, status=status, **policy))

    def patch(self, path: str, **policy: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A route that changes something."""
        return self._register(Route(method="PATCH", path=path, status=200, **policy))

    def delete(self, path: str, status: int = 200, **policy: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A route that removes something (200), or will remove the rest of it (202)."""
        return self._register(Route(method="DELETE", path=path, status=status, **policy))

    def _register(self, route: Route) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            parameters = inspect.signature(handler).parameters.values()
            work = [parameter.name for parameter in parameters if _asks_for_work(parameter)]

            @functools.wraps(handler)
            def endpoint(**arguments: Any) -> Response[Any]:
                if unknown := current_call().unknown_parameters():
                    raise ValidationFailed.all(unknown)
                for name in work:
                    arguments[name] = current_call().admit()
                return _run(lambda: handler(**arguments), route.status)

            # Powertools reads the parameters from the signature. The answer is rendered in ``_run``, so that the bytes
            # sent are those that were committed for a replay.
            endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [parameter for parameter in parameters if parameter.name not in work]
            )
            endpoint.__annotations__ = {
                name: kind for name, kind in handler.__annotations__.items() if name not in ("return", *work)
            }
            self.app.route(
                route.path.replace("{", "<").replace("}", ">"),
                route.method,
                summary=(handler.__doc__ or "").split("\n")[0],
                description=_description(handler, route),
                tags=[route.path.split("/")[2] if route.path.startswith("/v1/") else "service"],
                operation_id=handler.__name__,
            )(endpoint)
            self._policies[endpoint] = route.policy(parameters)
            self.documentation.append(route)
            return handler

        return register

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The Lambda's entry: one HTTP event in payload format 2.0."""
        self._edge.deadline.begin(context.get_remaining_time_in_millis())
        call = _current.call = Call(self._edge, event, self._policy)
        try:
            answer = self.app.resolve(_as_get(event) if call.method == "HEAD" else event, context)
        finally:
            _current.call = None
        answer = self._audited(call, answer)
        answer.setdefault("headers", {}).update(call.response_headers())
        if not call.policy.public:
            answer["headers"]["Cache-Control"] = "no-store"  # it may tell of people, or show a key
        if call.policy.shown_once is None:  # nobody is to learn anything of a secret from a length
            answer = compressed(answer, call.header("accept-encoding"))
        if call.method == "HEAD":
            answer |= {"body": "", "isBase64Encoded": False}
        self._log(call, answer["statusCode"])
        return answer

    def _policy(self) -> RoutePolicy:
        route = self.app.context.get("_route")
        return self._policies.get(route.func, NO_ROUTE) if route is not None else NO_ROUTE

    def _audited(self, call: Call, answer: dict[str, Any]) -> dict[str, Any]:
        try:
            try:
                call.audit(answer["statusCode"])
            except Unauthenticated as used:  # a signature that was accepted before: the answer is not the caller's
                refusal = call.refuse(used)
                answer = {"statusCode": refusal.status, "headers": {"Content-Type": _JSON}, "body": refusal.body}
                call.audit(refusal.status)
        except Exception as error:  # noqa: BLE001 - whatever keeps the row from being written, the caller gets a 5xx
            self._logger.error("audit failed", extra={"request_id": call.request_id, **described(error)})
            refusal = call.refuse(envelope.unanswerable(error))
            return {"statusCode": refusal.status, "headers": {"Content-Type": _JSON}, "body": refusal.body}
        return answer

    def _failed(self, error: Exception) -> Response[str]:
        refusal = current_call().refuse(envelope.unanswerable(error))
        # A mistake of the caller (a body that Powertools cannot parse) is not an error of ours.
        if not isinstance(error, BillingError) and refusal.status >= 500:
            extra = {"request_id": current_call().request_id, **described(error)}
            self._logger.error("unexpected error", extra=extra)
        return _response(refusal)

    def _log(self, call: Call, status: int) -> None:
        self._logger.info(
            "request",
            extra={
                "request_id": call.request_id,
                "gateway_request_id": call.gateway_request_id,
                "tenant_id": call.identity.tenant_id if call.identity else None,
                "principal": call.principal,
                "status": status,
                "replayed": call.replayed,
                **embedded(
                    call.started,
                    self._edge.stack,
                    ("route", call.policy.route),
                    {
                        "duration_ms": (call.duration_ms, "Milliseconds"),
                        "server_errors": (int(status >= 500 and status != PaymentDeclined.status), "Count"),
                        "rate_limited": (int(status == 429), "Count"),
                    },
                ),
            },
        )


def _run(handler: Callable[[], Any], status: int) -> Response[Any]:
    call = current_call()
    files: list[File] = []
    headers: dict[str, str] = {}

    def render(result: Any) -> tuple[StoredResponse, bool]:
        call.version = None
        if isinstance(result, Refused):
            refusal = call.refuse(result.error)
            return refusal, refusal.status != 503
        if isinstance(result, File):
            files[:] = [result]
            return StoredResponse(status, ""), True
        if isinstance(result, Accepted):
            headers["Location"] = result.location
            return StoredResponse(202, envelope.success(result.result, call.request_id, call.started)), True
        if isinstance(result, Listing):
            more = result.next_cursor is not None if result.has_more is None else result.has_more
            page = envelope.Pagination(result.next_cursor, more, result.limit)
            body = envelope.listing(result.items, page, call.request_id, call.started)
            return StoredResponse(status, body), True
        call.version = getattr(result, "version", None)
        return StoredResponse(status, envelope.success(result, call.request_id, call.started)), True

    response = call.complete(handler, render)
    if call.replayed:
        call.version = envelope.version_in(response.body) if response.status < 300 else None
    if files:
        disposition = {"Content-Disposition": f'inline; filename="{files[0].name}"'}
        return Response(response.status, files[0].content_type, files[0].content, disposition)
    return _response(response, headers)


def _as_get(event: dict[str, Any]) -> dict[str, Any]:
    """A HEAD request as the GET whose headers it asks for (RFC 9110, 9.3.2)."""
    context = event["requestContext"]
    return {**event, "requestContext": {**context, "http": {**context["http"], "method": "GET"}}}


def _description(handler: Callable[..., Any], route: Route) -> str:
    """Who may call a route, and what its docstring says after the first line."""
    more = (inspect.getdoc(handler) or "").partition("\n\n")[2].replace("\n", " ")
    who = f"Needs the scope `{route.scope}`." if route.scope else "Needs a credential, and no scope."
    entered = "In the dashboard, the password has to have been entered within ten minutes." if route.steps_up else ""
    return " ".join(filter(None, ("Open to everybody." if route.public else who, entered, more)))


def _response(stored: StoredResponse, headers: dict[str, str] | None = None) -> Response[str]:
    return Response(stored.status, _JSON, stored.body, headers)


def _no_route(_: NotFoundError) -> Response[str]:
    call = current_call()
    return _response(call.refuse(RouteNotFound(f"There is no {call.method} {call.path[:200]}")))


_REASONS = {
    "missing": "missing_required_field",
    "extra_forbidden": "unknown_field",
    "int_type": "must_be_an_integer",
    "int_parsing": "must_be_an_integer",
    "int_parsing_size": "must_be_an_integer",
    "string_type": "must_be_a_string",
    "bool_type": "must_be_a_boolean",
    "bool_parsing": "must_be_a_boolean",
    "dict_type": "must_be_an_object",
    "model_type": "must_be_an_object",
    "model_attributes_type": "must_be_an_object",
    "list_type": "must_be_an_array",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "invalid_format",
    "string_unicode": "invalid_format",
    "greater_than_equal": "too_small",
    "greater_than": "too_small",
    "less_than_equal": "too_large",
    "literal_error": "not_one_of_the_allowed_values",
    "enum": "not_one_of_the_allowed_values",
}


def _bad_shape(error: RequestValidationError) -> Response[str]:
    """Every bad field, with its path as the caller wrote it and a reason."""
    details = [
        Detail(
            ".".join(str(part) for part in problem["loc"][1:]) or "body",  # the first part is body, query or path
            _REASONS.get(problem["type"], problem["type"]),
        )
        for problem in error.errors()
    ]
    call = current_call()
    return _response(call.refuse(ValidationFailed.all([*details, *call.unknown_parameters()])))
