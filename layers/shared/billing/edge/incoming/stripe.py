"""The edges of Stripe's webhooks: one for the platform's own events, one for those of connected accounts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from billing.domain.kernel.errors import Unauthenticated
from billing.edge.incoming.webhook import Delivery, IncomingWebhook, WebhookRuntime
from billing.services.kernel.work import Unit

PLATFORM_PATH = "/webhooks/stripe"
CONNECT_PATH = "/webhooks/stripe-connect"


class _Reader(Protocol):
    def handles(self, event: Mapping[str, Any]) -> bool: ...

    def look_up(self, event: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing that events are about.

    Args:
        reader: says what an event is about, in our words, with the ``tenant_id`` whose it is.
        apply: stages what follows from (unit, event id, update); whether anything does.
    """

    reader: _Reader
    apply: Callable[[Unit, str, Any], bool]


class StripeWebhook(IncomingWebhook):
    """``POST /webhooks/stripe``, or ``/webhooks/stripe-connect``.

    Args:
        verified: gives the event for (body, signature header); raises WebhookRejected.
        subjects: the first one whose reader handles an event has it.
    """

    def __init__(
        self,
        verified: Callable[[str, str], dict[str, Any]],
        subjects: Sequence[Subject],
        runtime: WebhookRuntime,
        path: str = PLATFORM_PATH,
    ) -> None:
        sender = "stripe" if path == PLATFORM_PATH else "stripe-connect"
        super().__init__(runtime, sender, path, "stripe-signature", verified)
        self._subjects = subjects

    def apply(self, event: dict[str, Any], delivery: Delivery) -> str:
        subject = next((each for each in self._subjects if each.reader.handles(event)), None)
        if subject is None:
            return "not handled"
        update = subject.reader.look_up(event)
        if update is None:
            return "not ours"
        event_id = str(event["id"])
        try:
            return self.commit(update.tenant_id, event_id, lambda unit: subject.apply(unit, event_id, update), delivery)
        except Unauthenticated:
            return "not ours"


def by_path(platform: IncomingWebhook, connect: IncomingWebhook) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of a function URL that both endpoints are on, told apart by their paths."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        is_connect = str(event["rawPath"]).rstrip("/") == CONNECT_PATH
        return (connect if is_connect else platform).lambda_handler(event, context)

    return handle
