"""Retries of webhooks that are due, as three attempts leave them; put by a test, past the publisher."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.bootstrap.deliveries import delivery_store
from billing.domain.kernel.ids import fresh
from billing.domain.webhooks.delivery import Delivery, delivery_id


def put(tenant_id: str, count: int, now: datetime) -> int:
    """So many deliveries of an hour ago to one endpoint; how many are new."""
    at = now - timedelta(hours=1)
    endpoint_id = fresh("we", at, bytes(10))
    made = []
    for n in range(count):
        event_id = fresh("evt", at, n.to_bytes(10))
        an_id = delivery_id(endpoint_id, event_id)
        tried = {"attempt": 3, "step": 3, "due_at": at}
        made.append(Delivery(an_id, tenant_id, endpoint_id, event_id, "invoice.paid", at, **tried))  # type: ignore[arg-type]
    return len(delivery_store().add(made).new)
