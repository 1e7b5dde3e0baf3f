"""Events on a tenant's own EventBridge bus, in the tenant's AWS account.

Whoever can make an endpoint could name another tenant's bus, and we are allowed to write to that one, too: a confused
deputy. So each event's source is ``ledgerline/<tenant id>``, of which the tenant id comes from the credential that made
the endpoint, and a bus's own policy lets in the one source of its owner (docs/decisions/0050-sending-webhooks.md).
Buses of our own account are refused here too, and by the sender's role.

Source: EventBridge API reference, PutEvents; EventBridge User Guide, "Permissions for event buses".
"""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from billing.domain.webhooks.addresses import BadTarget
from billing.domain.webhooks.buses import check_bus
from billing.services.webhooks.transport import Answer, Parcel, Reason

_DENIED = {"AccessDeniedException", "ResourceNotFoundException", "NotAuthorizedForSourceException"}


def source_of(tenant_id: str) -> str:
    """The source of a tenant's events, which the tenant's bus has to let in."""
    return f"ledgerline/{tenant_id}"


class EventBusTransport:
    """A ``services.webhooks.transport.Transport`` to event buses.

    Args:
        client: gives botocore's EventBridge client; None where the stack lets events go to no bus.
        own_account: the AWS account that this runs in.
        region: that this runs in.
    """

    def __init__(self, client: Callable[[], Any] | None, own_account: str, region: str) -> None:
        self._client = client
        self._own_account = own_account
        self._region = region

    def send(self, parcel: Parcel) -> Answer:
        """Put one event on the bus.

        One a call, though ten would fit: EventBridge charges by the event, and what a call refuses is then exactly what
        is tried again, on its own endpoint's schedule.
        """
        started = time.monotonic()
        reason, excerpt = self._put(parcel)
        return Answer(int((time.monotonic() - started) * 1000), None, reason, excerpt)

    def _put(self, parcel: Parcel) -> tuple[Reason | None, str]:
        """Why it failed, None where it did not, and what EventBridge calls that."""
        arn = parcel.endpoint.event_bus_arn or ""
        try:
            check_bus(arn, self._own_account, self._region)
        except BadTarget as target:
            return Reason.BUS_DENIED, target.reason
        if self._client is None:
            return Reason.BUS_DENIED, "no_event_buses"
        entry = {
            "Source": source_of(parcel.endpoint.tenant_id),
            "DetailType": parcel.event_type,
            "Detail": parcel.body.decode(),
            "EventBusName": arn,
        }
        try:
            answer = self._client().put_events(Entries=[entry])
        except ClientError as error:
            return _refused(str(error.response["Error"]["Code"]))
        except BotoCoreError as error:  # no answer, or none in time: it may have arrived
            return Reason.CONNECTION, type(error).__name__
        (one,) = answer["Entries"]
        return _refused(str(one["ErrorCode"])) if one.get("ErrorCode") else (None, "")


def _refused(code: str) -> tuple[Reason, str]:
    # The code alone: a message of AWS's may name our account and role.
    return (Reason.BUS_DENIED if code in _DENIED else Reason.BUS_REFUSED), code
