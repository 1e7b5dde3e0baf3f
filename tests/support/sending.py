"""A sender of webhooks, and everything that it works with, in memory; and a way to let it die at any call."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.domain.kernel.ids import fresh
from billing.domain.tenant import Mode
from billing.domain.webhooks.delivery import Attempt, Delivery, DeliveryState, Notice, delivery_id
from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.domain.webhooks.event import Event, EventHead
from billing.domain.webhooks.health import EndpointHealth
from billing.domain.webhooks.schedule import FIRST_LOOK, begun, notice, overtaken, unheard
from billing.schemas.webhooks.event import body
from billing.services.webhooks.sending import Ports, Report, Sender
from billing.services.webhooks.transport import Answer, Parcel, Reason
from tests.support.engine import TENANT
from tests.support.usage import MemoryUnits

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ENDPOINT_ID, EVENT_ID = fresh("we", NOW, b"endpoint01"), fresh("evt", NOW, b"event00001")
OK, BROKEN = Answer(40, 200), Answer(40, 500, Reason.STATUS, "oh no")


class Died(BaseException):
    """The process is gone: nothing in it runs any more."""


class MemoryDeliveries:
    """``services.webhooks.ports.DeliveryStore``, as far as the sender needs it."""

    def __init__(self) -> None:
        self.stored: dict[str, Delivery] = {}
        self.log: list[Attempt] = []

    def get(self, tenant_id: str, delivery_id: str) -> Delivery | None:
        found = self.stored.get(delivery_id)
        return found if found is not None and found.tenant_id == tenant_id else None

    def change(self, delivery: Delivery, after: Delivery) -> bool:
        if self.stored[delivery.id].version != delivery.version:
            return False
        self.stored[delivery.id] = replace(after, version=delivery.version + 1)
        return True

    def claim(self, delivery: Delivery, attempt: int, next_due_at: datetime) -> bool:
        return self.change(delivery, begun(delivery, attempt, next_due_at))

    def settle(self, delivery: Delivery, attempt: Attempt, after: Delivery, *, claimed: bool = True) -> None:
        self.log.append(attempt)
        stored = self.stored[delivery.id]
        mine = stored.version == delivery.version + claimed
        made = after if mine else overtaken(stored, after, attempt.number)
        self.stored[delivery.id] = replace(made, version=stored.version + 1)


@dataclass
class MemoryHealth:
    """``services.webhooks.endpoint_ports.EndpointHealthStore``; what it says of an endpoint is given."""

    now: EndpointHealth = field(default_factory=EndpointHealth)
    is_open: bool = True
    slots: list[datetime] = field(default_factory=list)
    successes: list[tuple[datetime, int]] = field(default_factory=list)
    failures: list[tuple[str, datetime, str]] = field(default_factory=list)

    def get(self, tenant_id: str, endpoint_id: str) -> EndpointHealth:
        return self.now

    def open_slot(self, tenant_id: str, endpoint_id: str, at: datetime) -> bool:
        self.slots += [at] if self.is_open else []
        return self.is_open

    def succeeded(self, tenant_id: str, endpoint_id: str, at: datetime, ms: int) -> None:
        self.successes.append((at, ms))
        self.now = EndpointHealth(last_success_at=at, last_attempt_ms=ms)

    def failed(self, tenant_id: str, endpoint_id: str, event_id: str, at: datetime, reason: str) -> EndpointHealth:
        self.failures.append((event_id, at, reason))
        since = self.now.failing_since or at
        self.now = replace(self.now, failing_since=since, last_failure_at=at, last_failure_reason=reason)
        return self.now


class MemoryQueue:
    """``services.webhooks.ports.DeliveryQueue``."""

    def __init__(self) -> None:
        self.sent: list[tuple[Notice, bool, int]] = []

    def send(self, notices: Any, *, slow: bool = False, delay_s: int = 0) -> list[Notice]:
        self.sent += [(each, slow, delay_s) for each in notices]
        return []


class Receiver:
    """A transport to a receiver that answers one after the other; the last answer for good."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.got: list[Parcel] = []

    def send(self, parcel: Parcel) -> Answer:
        self.got.append(parcel)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Dying:
    """A port of which the process dies after a call; all ports of a stage count together."""

    def __init__(self, stage: "Stage", port: Any) -> None:
        self._stage, self._port = stage, port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def called(*args: Any, **options: Any) -> Any:
            answer = found(*args, **options)
            self._stage.calls.append(name)
            if self._stage.dies_after == len(self._stage.calls):
                raise Died(name)
            return _Dying(self._stage, answer) if name == "begin" else answer

        return called


@dataclass
class Stage:
    """A sender, a delivery, and what they work with."""

    receiver: Receiver = field(default_factory=lambda: Receiver(OK))
    bus: Receiver = field(default_factory=lambda: Receiver(OK))
    now: datetime = NOW
    mode: Mode = Mode.TEST
    loopback: bool = False
    body: Callable[..., bytes] = body
    dies_after: int | None = None
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoint = WebhookEndpoint(
            ENDPOINT_ID, TENANT.id, ("*",), "whsec_" + "c2Vj" * 8, "1.0", NOW, url="https://hooks.example/in", version=1
        )
        self.units = MemoryUnits(NOW, self.endpoint, tenant=replace(TENANT, mode=self.mode))
        self.deliveries, self.health, self.queue = MemoryDeliveries(), MemoryHealth(), MemoryQueue()
        head = EventHead(EVENT_ID, TENANT.id, "invoice.paid", "inv_1", NOW, 0)
        self.events: dict[str, Event] = {EVENT_ID: Event(head, {"id": "inv_1", "version": 3, "total": 100})}
        first = Delivery(
            delivery_id(ENDPOINT_ID, EVENT_ID), TENANT.id, ENDPOINT_ID, EVENT_ID, "invoice.paid", NOW,
            due_at=NOW + FIRST_LOOK, version=1,
        )  # fmt: skip
        self.deliveries.stored[first.id] = first

    @property
    def delivery(self) -> Delivery:
        """The delivery as it is now."""
        (found,) = self.deliveries.stored.values()
        return found

    @delivery.setter
    def delivery(self, changed: Delivery) -> None:
        self.deliveries.stored[changed.id] = changed

    def sender(self) -> Sender:
        """A sender, as a new process has it."""
        self.units.now = self.now
        parts = (self.units, self.deliveries, self.health, self, self.queue, self.receiver, self.bus)
        units, deliveries, health, events, queue, to_url, to_bus = (_Dying(self, each) for each in parts)
        ports = Ports(units, deliveries, health, events, queue, to_url, to_bus, self.body)
        return Sender(ports, lambda: self.now, lambda: 0.0, lambda _: None, loopback=self.loopback)

    def get(self, tenant_id: str, event_id: str) -> Event | None:
        """Reads an event."""
        return self.events.get(event_id)

    def send(self, asked: Notice | None = None) -> Report:
        """Work a notice: of the next attempt, if none is given."""
        return self.sender().send(asked or notice(self.delivery))

    def alarm(self) -> Report | None:
        """What the alarm clock does once the delivery is due."""
        due_at = self.delivery.due_at
        assert due_at is not None
        self.now = max(self.now, due_at)
        done = unheard(self.delivery, self.now)
        if done is not None:
            self.delivery = replace(done, version=self.delivery.version + 1)
            return None
        return self.send()

    def to_the_end(self) -> list[timedelta]:
        """Let the alarm clock work until nothing is due; when each attempt was, after the event."""
        while self.delivery.state is DeliveryState.PENDING:
            self.alarm()
        return [each.at - NOW for each in self.deliveries.log]
