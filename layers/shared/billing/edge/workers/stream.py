"""A consumer of the events' stream: a batch of records, each of them a commit's new event, with partial failures.

A stream says nothing of the order across tenants, gives records twice, and gives all from the first that failed again;
so a consumer is safe twice. Source: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.webhooks.event import EventHead
from billing.services.kernel.failures import described

_NO_RECORDS_FAULT = (Unavailable, LostRace, ClientError, BotoCoreError)
"""An outage, whoever was faster, a right that is missing: what is set aside for it would be everything."""
Consume = Callable[[str, Sequence[EventHead]], int]
"""Takes events of one tenant in the order of the stream; how many of them were new to it."""


SetAside = Callable[[Mapping[str, str]], None]
"""Tells somebody of a record, by its position and its event's id; whatever it raises means that nobody was told."""


class StreamWorker:
    """Hands the new events of a batch to a consumer, tenant by tenant.

    Args:
        parse: gives an event's head of a record's new image; raises KeyError, ValueError or TypeError if it is none.
        what: what is done, for the log: ``events placed``.
        set_aside: tells somebody of a record that cannot be worked, so that those behind it need not wait until Lambda
            gives it up; without it, they do.
        counted: has metrics be made of events of which some were new.
    """

    def __init__(
        self,
        parse: Callable[[Mapping[str, Any]], EventHead],
        consume: Consume,
        logger: Logger,
        what: str,
        set_aside: SetAside | None = None,
        counted: Callable[[Sequence[EventHead]], dict[str, Any]] = lambda heads: {},
    ) -> None:
        self._parse = parse
        self._consume = consume
        self._logger = logger
        self._what = what
        self._set_aside = set_aside
        self._counted = counted

    def lambda_handler(self, event: dict[str, Any], _context: Any) -> dict[str, Any]:
        """Work one batch; records that failed are named, and come again with all that follow them."""
        failed: list[str] = []
        by_tenant: dict[str, list[tuple[str, EventHead]]] = {}
        for record in event["Records"]:
            if record["eventName"] != "INSERT":  # a redacted event, or one that was forgotten: it was taken before
                continue
            number = str(record["dynamodb"]["SequenceNumber"])
            try:
                head = self._parse(record["dynamodb"]["NewImage"])
            except (KeyError, ValueError, TypeError) as error:
                self._logger.error("event unreadable", extra={"sequence_number": number, **described(error)})
                failed += self._bad(number, {})
                continue
            by_tenant.setdefault(head.tenant_id, []).append((number, head))
        for tenant_id, records in by_tenant.items():
            failed += self._work(tenant_id, records)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _work(self, tenant_id: str, records: Sequence[tuple[str, EventHead]]) -> list[str]:
        """The numbers of those that failed: all of the tenant's, of which some may be done; they are safe twice."""
        about = {"tenant_id": tenant_id, "events": len(records)}
        try:
            new = self._consume(tenant_id, [head for _, head in records])
        except Exception as error:  # noqa: BLE001 - one tenant's failure, whatever it is, takes no other's with it
            self._logger.error("stream batch failed", extra=about | {"what": self._what} | described(error))
            if self._set_aside is None or isinstance(error, _NO_RECORDS_FAULT):
                return [number for number, _ in records]
            if len(records) > 1:  # which of them is it?
                return [number for each in records for number in self._work(tenant_id, [each])]
            ((number, head),) = records
            return self._bad(number, {"tenantId": tenant_id, "eventId": head.id})
        metrics = self._counted([head for _, head in records]) if new else {}
        self._logger.info(self._what, extra=about | {"new": new} | metrics)
        return []

    def _bad(self, number: str, event: Mapping[str, str]) -> list[str]:
        """Set a record aside; its number where it cannot be, so that it comes again."""
        if self._set_aside is None:
            return [number]
        try:
            self._set_aside({"sequenceNumber": number, **event})
        except Exception as error:  # noqa: BLE001 - then Lambda does it, later
            self._logger.error("record not set aside", extra={"sequence_number": number, **described(error)})
            return [number]
        return []
