"""Idempotent replay as Stripe does it (https://docs.stripe.com/api/idempotent_requests)."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox.errors import ApiError, InvalidRequestError
from local.stripe_sandbox.store import Store

Json = dict[str, Any]

_KEPT_S = 24 * 3600
_LONGEST = 255


@dataclass(frozen=True)
class Replay:
    """A stored answer."""

    status: int
    body: str
    request_id: str


def check_key(key: str) -> None:
    """Refuse an impossible key.

    Raises:
        InvalidRequestError: over 255 characters.
    """
    if len(key) > _LONGEST:
        message = f"The idempotency key has {len(key)} characters; at most {_LONGEST} are allowed."
        raise InvalidRequestError(message, type="idempotency_error")


def fingerprint(method: str, path: str, tree: Json) -> str:
    """The same for the same request, in whatever order its parameters came."""
    text = json.dumps([method, path, tree], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def find(store: Store, account: str, key: str, request: str) -> Replay | None:
    """The stored answer of this key.

    Raises:
        ApiError: the key was used for another request.
    """
    row = store.db.execute(
        "SELECT status, body, request_id, fingerprint FROM replays WHERE account = ? AND key = ? AND created > ?",
        (account, key, time.time() - _KEPT_S),
    ).fetchone()
    if row is None:
        return None
    if row[3] != request:
        message = (
            "Keys for idempotent requests can only be used for the same endpoint and parameters as at first."
            f" Use another key than '{key}' for another request."
        )
        raise ApiError(message, type="idempotency_error")
    return Replay(row[0], row[1], row[2])


def purge(store: Store) -> None:
    """Drop what can never be replayed again; done at start, for the SDK sends a key with every POST."""
    store.db.execute("DELETE FROM replays WHERE created <= ?", (time.time() - _KEPT_S,))


def keep(store: Store, account: str, key: str, request: str, replay: Replay) -> None:
    """Store an answer; part of the transaction of what it answers."""
    store.db.execute(
        "INSERT OR REPLACE INTO replays (account, key, fingerprint, status, body, request_id, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (account, key, request, replay.status, replay.body, replay.request_id, time.time()),
    )


def in_use(key: str) -> ApiError:
    """Another request with this key is under way."""
    message = f"There is currently another in-progress request using this idempotency key: {key}. Try again later."
    return ApiError(message, status=409, code="idempotency_key_in_use", type="idempotency_error")
