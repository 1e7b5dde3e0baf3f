"""The edge of Stripe's webhooks."""

from collections.abc import Callable
from typing import Any

from billing.domain.errors import Unauthenticated
from billing.edge.webhook import Delivery, IncomingWebhook, WebhookRuntime
from billing.services.stripe_events import HANDLED, StripeEvents


class StripeWebhook(IncomingWebhook):
    """``POST /webhooks/stripe``.

    Args:
        verified: from (body, signature header) to the event; raises WebhookRejected.
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
        about = event["data"].get("object") or {}
        notice = self._events.look_up(event_type, str(event["id"]), str(about.get("id")))
        if notice is None:
            return "not ours"
        try:
            return self.commit(
                notice.tenant_id, notice.event_id, lambda unit: self._events.apply(unit, notice), delivery
            )
        except Unauthenticated:
            return "not ours"
