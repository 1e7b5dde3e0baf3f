"""The edge of Stripe's webhooks."""

from collections.abc import Callable
from typing import Any

from billing.domain.kernel.errors import Unauthenticated
from billing.edge.incoming.webhook import Delivery, IncomingWebhook, WebhookRuntime
from billing.services.payments.stripe_events import StripeEvents
from billing.services.payments.stripe_lookup import HANDLED, Event


class StripeWebhook(IncomingWebhook):
    """``POST /webhooks/stripe``.

    Args:
        verified: gives the event for (body, signature header); raises WebhookRejected.
    """

    def __init__(
        self, verified: Callable[[str, str], dict[str, Any]], events: StripeEvents, runtime: WebhookRuntime
    ) -> None:
        super().__init__(runtime, "stripe", "/webhooks/stripe", "stripe-signature", verified)
        self._events = events

    def apply(self, event: dict[str, Any], delivery: Delivery) -> str:
        event_type = event.get("type")
        if event_type not in HANDLED:
            return "not handled"
        data = event["data"]
        sent = Event(str(event["id"]), event_type, data.get("object") or {}, data.get("previous_attributes") or {})
        news = self._events.look_up(sent)
        if news is None:
            return "not ours"
        try:
            return self.commit(news.tenant_id, sent.id, lambda unit: self._events.apply(unit, sent.id, news), delivery)
        except Unauthenticated:
            return "not ours"
