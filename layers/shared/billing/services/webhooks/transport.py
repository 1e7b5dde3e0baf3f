"""What hands an event over to a receiver, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.domain.webhooks.endpoint import WebhookEndpoint


class Reason(StrEnum):
    """Why an attempt failed. Each is tried again, because each may be mended by its owner."""

    BLOCKED_ADDRESS = "blocked_address"
    """The name has an address that is not public, or the URL is not one that may be called; nothing was dialled."""
    DNS = "dns"
    """The name has no address."""
    CONNECTION = "connection"
    """Nobody listens there, or the connection broke before there was an answer."""
    TLS = "tls"
    """No encrypted connection: the certificate is not valid for the name, or the peer does not speak TLS."""
    TIMEOUT = "timeout"
    """Name, connection, request and answer did not fit into the deadline together."""
    PROTOCOL = "protocol"
    """What came is no answer of HTTP, or its head has no end."""
    REDIRECT = "redirect"
    """The answer points elsewhere, and is not followed."""
    STATUS = "status"
    """The answer is another status than 2xx."""
    BUS_DENIED = "bus_denied"
    """The bus is not there, or its policy lets no events of this tenant in."""
    BUS_REFUSED = "bus_refused"
    """EventBridge did not take the event; the excerpt has its error code."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event for one endpoint.

    Args:
        body: the same bytes at each attempt, JSON in UTF-8.
        at: when this attempt begins.
        loopback: whether it may go to this machine itself: for test tenants, of a local stack.
    """

    endpoint: WebhookEndpoint
    event_id: str
    event_type: str
    body: bytes
    at: datetime
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of handing an event over.

    Args:
        duration_ms: from the look-up of the name to the end of what was read.
        status: the HTTP status; None where there was no answer.
        reason: why it failed; None where the receiver has it.
        excerpt: the first KiB of the answer's body as text, as it came: HTML stays HTML, compressed stays compressed.
        retry_after_s: how long the receiver asked to be left alone, in seconds.
    """

    duration_ms: int
    status: int | None = None
    reason: Reason | None = None
    excerpt: str = ""
    retry_after_s: int | None = None


class Transport(Protocol):
    """Hands events over: to a URL, or to an event bus."""

    def send(self, parcel: Parcel) -> Answer:
        """Try once, within a deadline of the transport's own. A receiver's failure is an answer, not an error."""
