"""A tenant's webhook endpoints: made, changed, tested, given another secret, deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from billing.domain.kernel.errors import EndpointLimitReached, InvalidState, NotFound, ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.tenant import Mode
from billing.domain.webhooks.addresses import BadTarget, may_dial, parse_target
from billing.domain.webhooks.buses import check_bus
from billing.domain.webhooks.delivery import delivery_id
from billing.domain.webhooks.endpoint import (
    MOST_ENDPOINTS,
    ROSTER_ID,
    DisabledReason,
    EndpointStatus,
    Payload,
    WebhookEndpoint,
    WebhookRoster,
)
from billing.domain.webhooks.health import EndpointHealth
from billing.services.kernel.work import Page, Ref, Window, Work
from billing.services.webhooks.endpoint_ports import EndpointHealthStore
from billing.services.webhooks.health import disable

USUAL_OVERLAP_S = 86_400
LONGEST_OVERLAP_S = 604_800


class Resolver(Protocol):
    """Finds the addresses behind a name."""

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Every address that a name has now; none where there is no answer."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where this stack is, and where it lets events go.

    Args:
        event_buses: whether events may go to EventBridge buses at all.
        loopback: whether a tenant in test mode may have them sent to this machine itself.
    """

    own_account: str
    region: str
    event_buses: bool = False
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What an endpoint is to be: of ``url`` and ``event_bus_arn`` it has one."""

    event_types: tuple[str, ...]
    url: str | None = None
    event_bus_arn: str | None = None
    payload: Payload = Payload.SNAPSHOT
    description: str | None = None
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint with how it fares, and with its secret where that was made just now."""

    endpoint: WebhookEndpoint
    health: EndpointHealth
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A test that is on its way: the event that the endpoint gets."""

    endpoint_id: str
    event_id: str

    @property
    def delivery_id(self) -> str:
        """Under which its attempts can be looked up, as soon as the event is addressed."""
        return delivery_id(self.endpoint_id, self.event_id)


@dataclass(frozen=True, slots=True)
class WebhookEndpoints:
    """The use cases.

    Args:
        new_secret: gives a secret of Standard Webhooks: ``whsec_`` and the base64 of 24 to 64 random bytes.
    """

    resolver: Resolver
    health: EndpointHealthStore
    ground: Ground
    new_secret: Callable[[], str]

    def create(self, work: Work, new: NewEndpoint, api_version: str) -> EndpointView:
        """An endpoint, and its secret: nobody can read it again.

        Args:
            api_version: in whose shapes its events are, for ever: another one is another endpoint.

        Raises:
            ValidationFailed: nothing may be sent there.
            EndpointLimitReached: the tenant has as many as it may have.
        """
        ref = Ref(WebhookRoster, work.tenant.id, ROSTER_ID)
        roster = work.load(ref).get(ref) or WebhookRoster(work.tenant.id)
        if len(roster.endpoint_ids) >= MOST_ENDPOINTS:
            raise EndpointLimitReached(f"A tenant has {MOST_ENDPOINTS} webhook endpoints at most")
        self._check_target(work, new.url, new.event_bus_arn)
        endpoint = WebhookEndpoint(
            id=work.fresh_id("we"),
            tenant_id=work.tenant.id,
            event_types=new.event_types,
            secret=self.new_secret() if new.url is not None else "",  # a bus knows who sends by IAM
            api_version=api_version,
            created_at=work.now,
            url=new.url,
            event_bus_arn=new.event_bus_arn,
            payload=new.payload,
            description=new.description,
            metadata=new.metadata or {},
        )
        work.save(replace(roster, endpoint_ids=(*roster.endpoint_ids, endpoint.id)))
        return EndpointView(work.save(endpoint), EndpointHealth(), endpoint.secret or None)

    def get(self, work: Work, endpoint_id: str) -> EndpointView:
        """An endpoint, and how it fares.

        Raises:
            NotFound: there is none with this id.
        """
        return self._views(work, [self._load(work, endpoint_id)])[0]

    def page(self, work: Work, window: Window) -> Page[EndpointView]:
        """Endpoints, newest first."""
        page = work.query(window.query(WebhookEndpoint, filters={"kept": "yes"}))
        return Page(self._views(work, page.items), page.next_cursor, page.limit)

    def update(self, work: Work, endpoint_id: str, changes: dict[str, Any]) -> EndpointView:
        """The endpoint with some of it changed; what is on its way already goes where it points now.

        Enabled again, it gets what is emitted from then on: what was skipped comes by a redelivery, at its pace.

        Raises:
            NotFound: there is none with this id.
            ValidationFailed: nothing may be sent there, or it is of the other kind (a URL, a bus).
        """
        endpoint = self._load(work, endpoint_id)
        status = changes.get("status", endpoint.status)
        changed = replace(endpoint, **changes | {"status": endpoint.status})
        self._check_kind(endpoint, changes)
        if (changed.url, changed.event_bus_arn) != (endpoint.url, endpoint.event_bus_arn):
            self._check_target(work, changed.url, changed.event_bus_arn)
            # What the old target did, or does yet with what is on its way there, says nothing of this one.
            changed = replace(changed, enabled_at=work.now, failing_since=None)
        if status is EndpointStatus.DISABLED and changed.is_enabled:
            return self._views(work, [disable(work, changed, DisabledReason.REQUEST)])[0]
        if status is EndpointStatus.ENABLED and not changed.is_enabled:
            changed = replace(
                changed, status=status, disabled_reason=None, disabled_at=None, enabled_at=work.now, failing_since=None
            )
        return self._views(work, [work.save(changed) if changed != endpoint else endpoint])[0]

    def rotate(self, work: Work, endpoint_id: str, overlap_s: int | None) -> EndpointView:
        """The endpoint with another secret; the one before signs a while longer, beside it.

        There are two at most: rotated again within that time, the one before the last ends now.

        Args:
            overlap_s: for how long; None for a day, 0 for a secret that leaked.

        Raises:
            NotFound: there is none with this id.
            InvalidState: it is a bus, to which nothing is signed.
        """
        endpoint = self._load(work, endpoint_id)
        if endpoint.url is None:
            raise InvalidState.of("webhook_endpoint", "an event bus", "given a secret")
        overlap_s = USUAL_OVERLAP_S if overlap_s is None else overlap_s
        secret = self.new_secret()
        rotated = replace(
            endpoint,
            secret=secret,
            previous_secret=endpoint.secret if overlap_s else None,
            previous_until=work.now + timedelta(seconds=overlap_s) if overlap_s else None,
        )
        return replace(self._views(work, [work.save(rotated)])[0], secret=secret)

    def test(self, work: Work, endpoint_id: str) -> Test:
        """Send an endpoint an event that no other gets, whatever its patterns are.

        It is an event like any other, delivered, retried and listed as such, whose object is the endpoint.

        Raises:
            NotFound: there is none with this id.
            InvalidState: it is disabled.
        """
        endpoint = self._load(work, endpoint_id)
        if not endpoint.is_enabled:
            raise InvalidState.of("webhook_endpoint", "disabled", "tested")
        return Test(endpoint.id, work.emit(EventType.WEBHOOK_ENDPOINT_TEST, endpoint))

    def delete(self, work: Work, endpoint_id: str) -> WebhookEndpoint:
        """Delete an endpoint; what is on its way to it ends, for whoever would send it finds none.

        Raises:
            NotFound: there is none with this id.
        """
        ref = Ref(WebhookRoster, work.tenant.id, ROSTER_ID)
        endpoint_ref = Ref(WebhookEndpoint, work.tenant.id, endpoint_id)
        found = work.load(ref, endpoint_ref)
        endpoint = _require(found.get(endpoint_ref), endpoint_id)
        roster = found.require(ref)
        work.save(endpoint.deleted(work.now))
        work.save(replace(roster, endpoint_ids=tuple(each for each in roster.endpoint_ids if each != endpoint_id)))
        return endpoint

    def _load(self, work: Work, endpoint_id: str) -> WebhookEndpoint:
        return _require(find(work, endpoint_id), endpoint_id)

    def _views(self, work: Work, endpoints: Sequence[WebhookEndpoint]) -> list[EndpointView]:
        health = self.health.of(work.tenant.id, [each.id for each in endpoints])
        return [EndpointView(each, health[each.id]) for each in endpoints]

    @staticmethod
    def _check_kind(endpoint: WebhookEndpoint, changes: dict[str, Any]) -> None:
        kinds = {"url": endpoint.url, "event_bus_arn": endpoint.event_bus_arn}
        for name, field in (("url", "url"), ("event_bus_arn", "eventBusArn")):
            if name in changes and kinds[name] is None:
                raise ValidationFailed.of(field, "other_kind", "An endpoint stays a URL or a bus: make another one")

    def _check_target(self, work: Work, url: str | None, event_bus_arn: str | None) -> None:
        if url is not None:
            self._check_url(work, url)
        elif not self.ground.event_buses:
            raise ValidationFailed.of("eventBusArn", "not_enabled", "Event buses are switched off on this stack")
        else:
            try:
                check_bus(event_bus_arn or "", self.ground.own_account, self.ground.region)
            except BadTarget as bad:
                raise ValidationFailed.of("eventBusArn", bad.reason) from None

    def _check_url(self, work: Work, url: str) -> None:
        """By its text, and by every address behind its name now; whoever sends looks again, each time."""
        loopback = self.ground.loopback and work.tenant.mode is Mode.TEST
        try:
            target = parse_target(url, loopback)
        except BadTarget as bad:
            raise ValidationFailed.of("url", bad.reason) from None
        found = [target.address] if target.address else self.resolver.addresses(target.host, target.port)
        if not found:
            raise ValidationFailed.of("url", "unknown_host", "No address was found for the URL's host")
        if not may_dial(found, loopback):
            raise ValidationFailed.of("url", "address_not_public", "The URL's host has an address that is not public")


def find(work: Work, endpoint_id: str) -> WebhookEndpoint | None:
    """An endpoint of the unit's tenant; None where there is none, or none any more."""
    ref = Ref(WebhookEndpoint, work.tenant.id, endpoint_id)
    endpoint = work.load(ref).get(ref)
    return None if endpoint is None or endpoint.deleted_at else endpoint


def _require(endpoint: WebhookEndpoint | None, endpoint_id: str) -> WebhookEndpoint:
    if endpoint is None or endpoint.deleted_at:
        raise NotFound.of(WebhookEndpoint, endpoint_id)
    return endpoint


def still_shown(tenant_id: str, endpoint_id: str, secret: str | None) -> Callable[[Work], bool]:
    """Whether an answer may show a secret again: while it is the endpoint's."""
    ref = Ref(WebhookEndpoint, tenant_id, endpoint_id)

    def check(work: Work) -> bool:
        endpoint = work.load(ref).get(ref)
        return endpoint is not None and bool(secret) and endpoint.secret == secret

    return check
