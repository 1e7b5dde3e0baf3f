"""The edge of Stripe's webhooks."""

from collections.abc import Callable
from typing import Any

from billing.domain.kernel.errors import Unauthenticated
from billing.edge.incoming.webhook import Delivery, IncomingWebhook, WebhookRuntime
from billing.services.payments.processor_events import ProcessorEvents
from billing.services.payments.processor_updates import UpdateReader


class StripeWebhook(IncomingWebhook):
    """``POST /webhooks/stripe``.

    Args:
        verified: gives the event for (body, signature header); raises WebhookRejected.
        reader: says what an event is about, in our words.
        events: does what it says.
    """

    def __init__(
        self,
        verified: Callable[[str, str], dict[str, Any]],
        reader: UpdateReader,
        events: ProcessorEvents,
        runtime: WebhookRuntime,
    ) -> None:
        super().__init__(runtime, "stripe", "/webhooks/stripe", "stripe-signature", verified)
        self._reader = reader
        self._events = events

    def apply(self, event: dict[str, Any], delivery: Delivery) -> str:
        if not self._reader.handles(event):
            return "not handled"
        update = self._reader.look_up(event)
        if update is None:
            return "not ours"
        event_id = str(event["id"])
        try:
            return self.commit(
                update.tenant_id, event_id, lambda unit: self._events.apply(unit, event_id, update), delivery
            )
        except Unauthenticated:
            return "not ours"
