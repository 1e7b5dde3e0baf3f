"""The edge of Stripe's webhooks: a Lambda function URL, no API Gateway (contract B sections 3.7 and 6).

200 applied, duplicate, or not ours; 400 not signed, too old, not JSON; 500 not appliable yet: Stripe sends it again.
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.errors import BillingError, Unauthenticated, WebhookRejected
from billing.edge.metrics import embedded
from billing.services.faults import described
from billing.services.ports import AuditRow, KeyedRequest, Replay, StoredResponse, Units
from billing.services.races import run_again
from billing.services.stripe_events import HANDLED, Notice, NotWrittenYet, StripeEvents

_PATH = "/webhooks/stripe"
_BODY_LIMIT = 1024 * 1024


class StripeWebhook:
    """Answers the function URL's events (payload 2.0).

    Args:
        verified: from (body, signature header) to the event; raises WebhookRejected.
    """

    def __init__(
        self,
        verified: Callable[[str, str], dict[str, Any]],
        events: StripeEvents,
        units: Units,
        logger: Logger,
        clock: Callable[[], datetime],
        new_request_id: Callable[[], str],
        jitter: Callable[[], float],
        pause: Callable[[float], None],
        stage: str,
    ) -> None:
        self._stage = stage
        self._verified = verified
        self._events = events
        self._units = units
        self._logger = logger
        self._clock = clock
        self._new_request_id = new_request_id
        self._jitter = jitter
        self._pause = pause

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One delivery."""
        started = self._clock()
        request_id = self._new_request_id()
        status, outcome, event_id = self._answer(event, request_id, started)
        milliseconds = int((self._clock() - started).total_seconds() * 1000)
        self._logger.info(
            "stripe webhook",
            extra={
                "request_id": request_id,
                "event_id": event_id,
                "status": status,
                **embedded(
                    started,
                    self._stage,
                    ("outcome", outcome),
                    {"duration_ms": (milliseconds, "Milliseconds"), "deliveries": (1, "Count")},
                ),
            },
        )
        return {
            "statusCode": status,
            "headers": {"Content-Type": "application/json", "X-Request-Id": request_id},
            "body": json.dumps({"outcome": outcome}),
        }

    def _answer(self, event: dict[str, Any], request_id: str, started: datetime) -> tuple[int, str, str | None]:
        http = event["requestContext"]["http"]
        if http["method"] != "POST" or event["rawPath"].rstrip("/") != _PATH:
            return 404, "no such route", None
        try:
            stripe_event = self._verified(_body(event), _header(event, "stripe-signature"))
        except WebhookRejected as refusal:
            return 400, refusal.message, None
        except BillingError as error:
            return 500, error.message, None
        event_id = str(stripe_event["id"])
        try:
            return 200, self._apply(stripe_event, request_id, http.get("sourceIp"), started), event_id
        except NotWrittenYet:
            return 500, "not written yet", event_id
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours to mend and Stripe's to repeat
            self._logger.error("webhook failed", extra={"event_id": event_id, **described(error)})
            return 500, type(error).__name__, event_id

    def _apply(self, stripe_event: dict[str, Any], request_id: str, ip: str | None, started: datetime) -> str:
        if stripe_event.get("type") not in HANDLED:
            return "not handled"
        intent = stripe_event["data"].get("object") or {}
        notice = self._events.look_up(str(stripe_event["id"]), str(intent.get("id")))
        if notice is None:
            return "not ours"
        try:
            return self._commit(notice, request_id, ip, started)
        except Replay:
            return "duplicate"
        except Unauthenticated:
            return "not ours"

    def _commit(self, notice: Notice, request_id: str, ip: str | None, started: datetime) -> str:
        fingerprint = sha256(notice.event_id.encode()).hexdigest()
        request = KeyedRequest("stripe-event", notice.event_id, fingerprint, from_client=False)
        unit = self._units.begin(notice.tenant_id, request)

        def once() -> str:
            outcome = "applied" if self._events.apply(unit, notice) else "unchanged"
            milliseconds = int((self._clock() - started).total_seconds() * 1000)
            row = AuditRow(request_id, "stripe", "POST", f"POST {_PATH}", 200, ip, milliseconds)
            unit.commit(StoredResponse(200, outcome), row)
            return outcome

        return run_again(unit, once, self._jitter, self._pause)


def _body(event: dict[str, Any]) -> str:
    body = str(event.get("body") or "")
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
    except ValueError:
        raise WebhookRejected("The body is not text") from None
    if len(text) > _BODY_LIMIT:
        raise WebhookRejected("The body is too large")
    return text


def _header(event: dict[str, Any], name: str) -> str:
    return next((str(value) for key, value in event.get("headers", {}).items() if key.lower() == name), "")
