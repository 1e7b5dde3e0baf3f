"""The edge of an incoming webhook: a Lambda function URL, no API Gateway.

It answers 200 when an event was applied, is a duplicate, or is not ours; 400 when it is not signed, too old, or not an
event; 500 when it cannot be applied yet, so that the sender sends it again. An event's id is committed with its
effects, so that it has them once.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from aws_lambda_powertools import Logger

from billing.domain.access.card_numbers import shown
from billing.domain.kernel.errors import BillingError, Detail, WebhookRejected
from billing.edge.metrics import embedded
from billing.edge.runtime import Runtime
from billing.services.kernel.failures import NotWrittenYet, described
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import AuditRow, KeyedRequest, Replay, StoredResponse, Unit

_BODY_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebhookRuntime(Runtime):
    """What the edge of a webhook needs."""

    logger: Logger


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call of the sender."""

    request_id: str
    ip: str | None
    started: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery is answered; ``text`` is one of a few values, because it is a dimension of the metrics."""

    status: int
    text: str
    event_id: str | None = None
    details: tuple[Detail, ...] = ()


class IncomingWebhook:
    """Answers the function URL's events (payload 2.0); a subclass for each sender says what an event does (``apply``).

    Args:
        sender: names it in the log, the audit and the records of its events: ``stripe``.
        path: of its one route.
        signature_header: in lower case.
        verified: gives the event for (body, signature header); raises WebhookRejected.
    """

    def __init__(
        self,
        runtime: WebhookRuntime,
        sender: str,
        path: str,
        signature_header: str,
        verified: Callable[[str, str], dict[str, Any]],
    ) -> None:
        self._runtime = runtime
        self._sender = sender
        self._path = path
        self._signature_header = signature_header
        self._verified = verified

    def apply(self, event: dict[str, Any], delivery: Delivery) -> str:
        """Do what a verified event says; returns the outcome.

        Raises:
            WebhookRejected: it is signed, but not a valid event of its type.
            NotWrittenYet: what it is about is not in the tables yet.
        """
        raise NotImplementedError

    def lambda_handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One delivery."""
        runtime = self._runtime
        runtime.deadline.begin(context.get_remaining_time_in_millis())
        started = runtime.clock()
        delivery = Delivery(runtime.new_request_id(), event["requestContext"]["http"].get("sourceIp"), started)
        outcome = self._answer(event, delivery)
        runtime.logger.info(
            "%s webhook",
            self._sender,
            extra={
                "request_id": delivery.request_id,
                "event_id": outcome.event_id,
                "status": outcome.status,
                **embedded(
                    started,
                    runtime.stack,
                    ("outcome", outcome.text),
                    {"deliveries": (1, "Count"), "duration_ms": (self._milliseconds(started), "Milliseconds")},
                ),
            },
        )
        body: dict[str, Any] = {"outcome": outcome.text}
        if outcome.details:
            body["details"] = [{"field": each.field, "reason": each.reason} for each in outcome.details]
        return {
            "statusCode": outcome.status,
            "headers": {"Content-Type": "application/json", "X-Request-Id": delivery.request_id},
            "body": json.dumps(body),
        }

    def _answer(self, event: dict[str, Any], delivery: Delivery) -> Outcome:
        http = event["requestContext"]["http"]
        if http["method"] != "POST" or event["rawPath"].rstrip("/") != self._path:
            return Outcome(404, "no such route")
        try:
            sent = self._verified(_body(event), _header(event, self._signature_header))
        except WebhookRejected as refusal:
            return Outcome(400, refusal.message, details=refusal.details)
        except BillingError as error:
            return Outcome(500, error.message)
        except Exception as error:  # noqa: BLE001 - a stranger's bytes: nobody may crash on them
            self._runtime.logger.error("webhook not read", extra=described(error))
            return Outcome(500, type(error).__name__)
        event_id = shown(str(sent["id"]))
        try:
            return Outcome(200, self.apply(sent, delivery), event_id)
        except WebhookRejected as refusal:
            return Outcome(400, refusal.message, event_id, refusal.details)
        except NotWrittenYet:
            return Outcome(500, "not written yet", event_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours to mend and the sender's to repeat
            self._runtime.logger.error("webhook failed", extra={"event_id": event_id, **described(error)})
            return Outcome(500, type(error).__name__, event_id)

    def commit(self, tenant_id: str, event_id: str, stage: Callable[[Unit], bool], delivery: Delivery) -> str:
        """Commit what ``stage`` stages under the event's id; run again from load after a lost race.

        Args:
            stage: returns whether anything changed.
        """
        fingerprint = sha256(event_id.encode()).hexdigest()
        request = KeyedRequest(f"{self._sender}-event", event_id, fingerprint, from_client=False)
        unit = self._runtime.units.begin(tenant_id, request)

        def once() -> str:
            outcome = "applied" if stage(unit) else "unchanged"
            milliseconds = self._milliseconds(delivery.started)
            route = f"POST {self._path}"
            row = AuditRow(delivery.request_id, self._sender, "POST", route, 200, delivery.ip, milliseconds)
            unit.commit(StoredResponse(200, outcome), row)
            return outcome

        try:
            return run_again(unit, once, self._runtime.jitter, self._runtime.pause)
        except Replay:
            return "duplicate"

    def _milliseconds(self, started: datetime) -> int:
        return int((self._runtime.clock() - started).total_seconds() * 1000)


def _body(event: dict[str, Any]) -> str:
    body = str(event.get("body") or "")
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
        text.encode()  # half a surrogate pair has no bytes that anybody could have signed
    except ValueError:
        raise WebhookRejected("The body is not text") from None
    if len(text) > _BODY_LIMIT:
        raise WebhookRejected("The body is too large")
    return text


def _header(event: dict[str, Any], name: str) -> str:
    return next((str(value) for key, value in event.get("headers", {}).items() if key.lower() == name), "")
