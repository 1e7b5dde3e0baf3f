"""The edge of the tax provider's webhook."""

from collections.abc import Callable
from typing import Any

from billing.domain.kernel.errors import WebhookRejected
from billing.domain.tenant import PLATFORM
from billing.edge.http import card_numbers
from billing.edge.incoming.webhook import Delivery, IncomingWebhook, WebhookRuntime
from billing.services.tax.rate_updates import HANDLED, TaxEvents


class TaxWebhook(IncomingWebhook):
    """``POST /webhooks/tax-provider``.

    Args:
        verified: gives the event for (body, signature header); raises WebhookRejected.
    """

    def __init__(
        self, verified: Callable[[str, str], dict[str, Any]], events: TaxEvents, runtime: WebhookRuntime
    ) -> None:
        super().__init__(runtime, "tax-provider", "/webhooks/tax-provider", "tax-signature", self._accepted)
        self._signed = verified
        self._events = events

    def _accepted(self, body: str, header: str) -> dict[str, Any]:
        event = self._signed(body, header)
        problem = card_numbers.refusal(card_numbers.in_body(body.encode(errors="replace")))
        if problem is not None:
            raise WebhookRejected("A card number is not accepted", problem.details)
        return event

    def apply(self, event: dict[str, Any], delivery: Delivery) -> str:
        if event.get("type") not in HANDLED:
            return "not handled"
        rates = self._events.rates(event["data"])
        return self.commit(PLATFORM, str(event["id"]), lambda unit: self._events.apply(unit, rates), delivery)
