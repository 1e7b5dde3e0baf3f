"""The publisher's edge: a batch of the events' stream, or an operator who has a tenant's events published again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.kernel.times import parse_time
from billing.edge.workers.stream import StreamWorker
from billing.services.webhooks.publisher import Republished


class PublisherEdge:
    """Tells the two apart.

    Args:
        republish: publishes again (``services.webhooks.publisher.Republisher.republish``).
        margin_s: with less than this left of the Lambda's time no page is begun.
    """

    def __init__(
        self,
        stream: StreamWorker,
        republish: Callable[[str, datetime, str | None, datetime], Republished],
        logger: Logger,
        clock: Callable[[], datetime],
        margin_s: float,
    ) -> None:
        self._stream = stream
        self._republish = republish
        self._logger = logger
        self._clock = clock
        self._margin_s = margin_s

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Work one batch; or ``{"republish": {"tenantId", "since", "after"}}``, whose answer says where to go on."""
        if "Records" in event:
            return self._stream.lambda_handler(event, context)
        asked = event["republish"]
        tenant_id, since = str(asked["tenantId"]), parse_time(asked["since"])
        left_s = context.get_remaining_time_in_millis() / 1000 - self._margin_s
        done = self._republish(tenant_id, since, asked.get("after"), self._clock() + timedelta(seconds=left_s))
        self._logger.info(
            "events published again", extra={"tenant_id": tenant_id, "events": done.events, "new": done.new}
        )
        return {"events": done.events, "new": done.new, "after": done.last}
