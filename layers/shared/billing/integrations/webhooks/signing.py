"""Signatures as Standard Webhooks has them, by its library; receivers verify them with the same library.

Source: Standard Webhooks specification, "Signature scheme" and "Secret rotation".
"""

from datetime import UTC, datetime

from standardwebhooks import Webhook

from billing.domain.webhooks.endpoint import WebhookEndpoint


def signature_headers(endpoint: WebhookEndpoint, event_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The three headers of one attempt.

    ``webhook-id`` is the event's id, the same at each attempt, so that a receiver knows an event that comes twice. The
    time is the attempt's own: a retry after ten hours would otherwise be too old to be accepted.

    Args:
        at: when the attempt begins, with a time zone.
    """
    # The library *replaces* the zone by UTC: 12:00+05:00 would be signed as 12:00Z, and told as 07:00Z.
    moment = at.astimezone(UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(event_id, moment, text) for secret in endpoint.secrets(moment)]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
