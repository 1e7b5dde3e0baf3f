"""One request's world: its account, its store, the events that it emits."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass, field, replace
from typing import Any

from local.stripe_sandbox.errors import InvalidRequestError, no_such
from local.stripe_sandbox.store import Record, Store

Json = dict[str, Any]

# The version that the SDK pins; events carry their account's version, whatever the request asked for.
API_VERSION = "2026-10-28.endive"

# Of metadata (https://docs.stripe.com/metadata).
MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500

_ALPHABET = string.ascii_letters + string.digits
_NOUNS = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "checkout.session": "checkout.session",
    "webhook_endpoint": "webhook endpoint",
    "balance_transaction": "balance transaction",
}


def token(length: int) -> str:
    """Random letters and digits, like the tail of Stripe's ids."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass
class Context:
    """What an operation may use."""

    account: str
    store: Store
    request_id: str | None
    idempotency_key: str | None = None
    events: list[str] = field(default_factory=list)
    delay_s: float = 0.0
    base_url: str = ""
    """The sandbox's address, as this request called it: pages of its are there."""

    @property
    def platform(self) -> str:
        """The account whose key it is: this one, or the one that this one is connected to."""
        return self.store.owner_of(self.account) or self.account

    def on(self, account: str) -> Context:
        """The same request's world on another account: its events join this request's."""
        return replace(self, account=account)

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(time.time())

    def find(self, object_type: str, object_id: str) -> Record | None:
        """A document of this account, or None."""
        return self.store.find(self.account, object_type, object_id)

    def get(self, object_type: str, object_id: str, param: str, *, status: int = 404) -> Record:
        """A document of this account.

        Raises:
            ApiError: ``resource_missing``, naming ``param``.
        """
        record = self.find(object_type, object_id)
        if record is None:
            raise no_such(_NOUNS.get(object_type, object_type), object_id, param, status=status)
        return record

    def insert(self, body: Json, hidden: Json | None = None, kind: str | None = None) -> Json:
        """A new document."""
        return self.store.insert(self.account, body, hidden, kind)

    def save(self, body: Json, hidden: Json | None = None, kind: str | None = None) -> Json:
        """A changed document."""
        return self.store.save(self.account, body, hidden, kind)

    def emit(self, event_type: str, obj: Json, previous: Json | None = None) -> None:
        """An event about ``obj`` as it is now, and a delivery for every endpoint that listens to it.

        Both are part of the request's transaction: there is no change without its event.
        """
        data: Json = {"object": obj}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Json = {
            "id": f"evt_{token(24)}",
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": event_type,
        }
        if self.account != self.platform:
            event["account"] = self.account
        endpoints = self.listeners(event_type)
        event["pending_webhooks"] = len(endpoints)
        self.insert(event, kind=event_type)
        self.events.append(event["id"])
        for endpoint in endpoints:
            self.enqueue(event["id"], endpoint)

    def listeners(self, event_type: str) -> list[str]:
        """Ids of the enabled endpoints that want this type; a connected account's events go to its platform's."""
        kind = "enabled" if self.account == self.platform else "enabled_connect"
        endpoints, _ = self.store.page(self.platform, "webhook_endpoint", {"kind": kind}, limit=100)
        return [e["id"] for e in endpoints if "*" in e["enabled_events"] or event_type in e["enabled_events"]]

    def enqueue(self, event_id: str, endpoint_id: str) -> None:
        """A delivery to be made."""
        self.store.db.execute(
            "INSERT INTO deliveries (account, event, endpoint, state, attempts, due_at)"
            " VALUES (?, ?, ?, 'pending', 0, ?)",
            (self.platform, event_id, endpoint_id, time.time() + self.delay_s),
        )


def changed(before: Json, after: Json) -> Json:
    """The old values of what changed, as an event's ``previous_attributes``."""
    return {key: before.get(key) for key in after if before.get(key) != after[key]}


def merge_metadata(current: Json, sent: Any) -> Json:
    """Named keys are set, an empty value removes its key, an empty ``metadata`` removes all.

    Raises:
        InvalidRequestError: over 50 keys (with those that are there already), a key of over 40 characters, or a value
            of over 500.
    """
    if sent == "":
        return {}
    sent = sent or {}
    for key, value in sent.items():
        if len(key) > LONGEST_KEY:
            raise _metadata(f"keys can have up to {LONGEST_KEY} characters, but '{key}' has {len(key)}")
        if len(value) > LONGEST_VALUE:
            raise _metadata(f"values can have up to {LONGEST_VALUE} characters, but that of '{key}' has {len(value)}")
    merged = {key: value for key, value in (current | sent).items() if value != ""}
    if len(merged) > MOST_KEYS:
        raise _metadata(f"can have up to {MOST_KEYS} keys, but there would be {len(merged)}")
    return merged


def _metadata(wrong: str) -> InvalidRequestError:
    return InvalidRequestError(f"Metadata {wrong}.", param="metadata")


def text_or_none(value: Any) -> Any:
    """An empty text unsets."""
    return None if value == "" else value
