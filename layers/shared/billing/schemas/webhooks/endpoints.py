"""Webhook endpoints: the shapes of their requests and responses."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.webhooks.addresses import LONGEST_URL, BadTarget, parse_target
from billing.domain.webhooks.buses import LONGEST_ARN
from billing.domain.webhooks.endpoint import EndpointStatus, Payload, WebhookEndpoint
from billing.domain.webhooks.health import EndpointHealth
from billing.domain.webhooks.patterns import is_pattern
from billing.schemas.base import Immutable, Metadata, Request, Resource, ShortText, Time, not_null, unsaid
from billing.services.webhooks.endpoints import LONGEST_OVERLAP_S, EndpointView, NewEndpoint, Test

PayloadName = Literal["snapshot", "thin"]
StatusName = Literal["enabled", "disabled"]
_MOST_PATTERNS = 100
_ORIGIN = re.compile(r"^(https?://[^/?#]*).*$", re.IGNORECASE | re.DOTALL)


def _pattern(value: str) -> str:
    if not is_pattern(value):
        raise PydanticCustomError("unknown_event_type", "no event has this type")
    return value


def _target(value: str) -> str:
    """As far as the text says, so that it is named beside every other bad field.

    Whether this machine itself may be meant is said by the tenant's mode, and what is behind a name by its servers: the
    use case looks at both.
    """
    try:
        parse_target(value, allow_loopback=True)
    except BadTarget as bad:
        raise PydanticCustomError(bad.reason, "nothing is sent there") from None
    return value


Pattern = Annotated[str, StringConstraints(max_length=100), AfterValidator(_pattern)]
Patterns = Annotated[
    list[Pattern],
    Field(
        min_length=1,
        max_length=_MOST_PATTERNS,
        description="`invoice.paid`; `invoice.*` for all about invoices; `*` for everything, also what is added later",
        examples=[["invoice.*", "payment.failed"]],
    ),
]
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_URL),
    AfterValidator(_target),
    Field(
        description="https, to a name or an address that is public; port 443 or one from 1024 on",
        examples=["https://hooks.example.com/ledgerline"],
    ),
]
BusArn = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_ARN),
    Field(
        description="instead of `url`, an EventBridge bus of your own account in this Region; some stacks have none",
        examples=["arn:aws:events:us-east-1:111122223333:event-bus/ledgerline"],
    ),
]
Shape = Annotated[
    PayloadName,
    Field(
        description="`snapshot`: the object as it was at the event; `thin`: its type, id and version, nothing personal"
    ),
]


class WebhookEndpointIn(Request):
    url: Annotated[Url | None, not_null(Url)] = unsaid()
    event_bus_arn: Annotated[BusArn | None, not_null(BusArn)] = unsaid()
    event_types: Patterns
    payload: Shape = "snapshot"
    description: ShortText | None = None
    metadata: Metadata = {}

    def new(self) -> NewEndpoint:
        """As the service takes it.

        Raises:
            ValidationFailed: it names no target, or two.
        """
        if (self.url is None) is (self.event_bus_arn is None):
            reason = "exactly_one_of_url_and_event_bus_arn"
            raise ValidationFailed.all([Detail(name, reason) for name in ("url", "eventBusArn")])
        return NewEndpoint(
            event_types=tuple(dict.fromkeys(self.event_types)),
            url=self.url,
            event_bus_arn=self.event_bus_arn,
            payload=Payload(self.payload),
            description=self.description,
            metadata=self.metadata,
        )


class WebhookEndpointChanges(Request):
    url: Annotated[Url | None, not_null(Url)] = unsaid()
    event_bus_arn: Annotated[BusArn | None, not_null(BusArn)] = unsaid()
    event_types: Annotated[Patterns | None, not_null(Patterns)] = unsaid()
    payload: Annotated[Shape | None, not_null(Shape)] = unsaid()
    description: ShortText | None = unsaid()
    metadata: Metadata = {}
    status: Annotated[StatusName | None, not_null(StatusName)] = unsaid()
    api_version: Immutable = unsaid()

    def changes(self) -> dict[str, Any]:
        """What is said, by the entity's field names."""
        said = self.model_dump(exclude_unset=True)
        if "event_types" in said:
            said["event_types"] = tuple(dict.fromkeys(said["event_types"]))
        if "payload" in said:
            said["payload"] = Payload(said["payload"])
        if "status" in said:
            said["status"] = EndpointStatus(said["status"])
        return said


class SecretRotationIn(Request):
    overlap_seconds: Annotated[
        int | None,
        Field(
            ge=0,
            le=LONGEST_OVERLAP_S,
            description="how long the secret before signs beside the new one; a day where it is not said, and 0 for one"
            " that leaked",
        ),
    ] = None


class EndpointHealthOut(Resource):
    failing_since: Annotated[Time | None, Field(description="the first failure after the last success")]
    last_success_at: Time | None
    last_failure_at: Time | None
    last_failure_reason: str | None
    success_rate: Annotated[
        float | None, Field(description="of the attempts of the last 24 hours, 0 to 1; null where there were none")
    ]
    lane: Annotated[
        str,
        Field(
            description="`slow` after a failure, or an answer that took more than 5 s, and where nothing succeeded for"
            " 24 hours; it keeps nobody waiting"
        ),
    ]

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, health: EndpointHealth) -> "EndpointHealthOut":
        """How an endpoint fares."""
        return cls(
            failing_since=health.failing_from(endpoint.counts_from),
            last_success_at=health.last_success_at,
            last_failure_at=health.last_failure_at,
            last_failure_reason=health.last_failure_reason,
            success_rate=health.success_rate,
            lane=health.lane.value,
        )


class WebhookEndpointOut(Resource):
    """An endpoint; never with a secret. In an event `url` is the origin alone."""

    id: str
    url: str | None
    event_bus_arn: str | None
    event_types: list[str]
    payload: str
    api_version: str
    description: str | None
    metadata: dict[str, str]
    status: Annotated[str, Field(description="`enabled` or `disabled`")]
    disabled_reason: Annotated[
        str | None, Field(description="`request`; `gone`: it answered 410; `failing`: nothing reached it for five days")
    ]
    disabled_at: Time | None
    previous_secret_until: Annotated[Time | None, Field(description="until when the secret before signs, too")]
    created_at: Time
    version: int

    @classmethod
    def fields(cls, endpoint: WebhookEndpoint) -> dict[str, Any]:
        """What an endpoint says of itself."""
        return {
            "id": endpoint.id,
            "url": endpoint.url,
            "event_bus_arn": endpoint.event_bus_arn,
            "event_types": list(endpoint.event_types),
            "payload": endpoint.payload.value,
            "api_version": endpoint.api_version,
            "description": endpoint.description,
            "metadata": endpoint.metadata,
            "status": endpoint.status.value,
            "disabled_reason": endpoint.disabled_reason.value if endpoint.disabled_reason else None,
            "disabled_at": endpoint.disabled_at,
            "previous_secret_until": endpoint.previous_until,
            "created_at": endpoint.created_at,
            "version": endpoint.version,
        }

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> "WebhookEndpointOut":
        """An endpoint."""
        return cls(**cls.fields(endpoint))

    @classmethod
    def told(cls, endpoint: WebhookEndpoint) -> "WebhookEndpointOut":
        """An endpoint in an event, which goes to the tenant's other endpoints: of its URL the origin alone.

        Many a path is a credential, of one service, and another service is told. For https://hooks.example.com/T0KEN:

        >>> WebhookEndpointOut.told(endpoint).url
        'https://hooks.example.com/'
        """
        url = endpoint.url and _ORIGIN.sub(r"\1/", endpoint.url)
        return cls(**cls.fields(endpoint) | {"url": url})


class WebhookEndpointViewOut(WebhookEndpointOut):
    """An endpoint as its routes show it."""

    health: EndpointHealthOut
    secret: Annotated[
        str | None,
        Field(description="`whsec_...`, only in the answers that make one; a bus has none"),
    ] = None

    @classmethod
    def of_view(cls, view: EndpointView) -> "WebhookEndpointViewOut":
        """An endpoint with how it fares, and its secret where that was made just now."""
        return cls(
            **cls.fields(view.endpoint),
            health=EndpointHealthOut.of(view.endpoint, view.health),
            secret=view.secret,
        )


class WebhookTestOut(Resource):
    endpoint_id: str
    event_id: Annotated[str, Field(description="of the event that is on its way, and of no other endpoint's")]
    delivery_id: Annotated[
        str, Field(description="`GET /v1/webhook-deliveries/{id}` says what came of it, a second or so from now")
    ]

    @classmethod
    def of(cls, test: Test) -> "WebhookTestOut":
        """A test that is on its way."""
        return cls(endpoint_id=test.endpoint_id, event_id=test.event_id, delivery_id=test.delivery_id)
