"""The one DynamoDB client of a process, and the one place where throttling and conflicts are retried.

Reads and transactions go through it. Retries are bounded; if the database still refuses, the caller gets a 503.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from billing.domain.kernel.errors import Unavailable
from billing.storage.wire import write_plainly

T = TypeVar("T")
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.02
_PATIENCE_S = 8.0
_RETRIED = {
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException",
    "TransactionInProgressException", "InternalServerError", "TransactionConflictException",
}  # fmt: skip
_RETRIED_REASONS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_BATCH_LIMIT = 100
Key = tuple[str, str]  # the hash key's and the range key's values


class _Connection(Connection):
    """PynamoDB's connection, over a botocore session that other clients use, too."""

    def __init__(self, shared: Session | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._shared = shared
        self._plain: Any = None

    @property
    def session(self) -> Session:
        return self._shared or super().session

    @property
    def client(self) -> Any:
        client = super().client  # another one, where it was made before there were credentials
        if client is not self._plain:
            write_plainly(client)
            self._plain = client
        return client


class Database:
    """DynamoDB for one process; created at import, so that the first request does not pay for the client.

    Args:
        jitter: a random share of a pause, from 0 to 1.
        pause: sleeps, in seconds.
        session: botocore's; without it the client makes one of its own.
        timeout_s: how long one call is waited for.
    """

    def __init__(
        self,
        jitter: Callable[[], float] = random.random,
        region: str | None = None,
        pause: Callable[[float], None] = time.sleep,
        session: Session | None = None,
        timeout_s: float = 3.0,
    ) -> None:
        self._jitter = jitter
        self.connection = _Connection(
            session,
            region=region,
            connect_timeout_seconds=2,
            read_timeout_seconds=timeout_s,
            max_retry_attempts=0,  # retried in ``call``, and nowhere else: 6 tries, not 6 x 3
            max_pool_connections=10,
            retry_configuration="LEGACY",
        )
        self._pause = pause

    @property
    def client(self) -> Any:
        """botocore's client, for calls that PynamoDB cannot express."""
        return self.connection.client

    def call(self, operation: Callable[[], T]) -> T:
        """Run one operation, and run it again if DynamoDB was merely busy.

        Raises:
            Unavailable: it stayed busy, or did not answer.
            ClientError, TransactWriteError: it refused for a reason that a retry does not change.
        """
        started = time.monotonic()
        for attempt in range(_ATTEMPTS):
            try:
                return operation()
            except (ClientError, PynamoDBException, BotoCoreError) as error:
                if not _is_busy(error):
                    raise
            if time.monotonic() - started > _PATIENCE_S:
                break  # three tries that each ran into their timeout: the caller has waited long enough
            # Full jitter: up to 20 ms, 40 ms ... 640 ms, so that those who collided do not collide again.
            self._pause(self._jitter() * _FIRST_PAUSE_S * 2**attempt)
        raise Unavailable("The database is busy", retry_after_s=1)

    def held(self, write: Callable[[], Any]) -> bool:
        """Do a write that has a condition; whether the condition held.

        Raises:
            Unavailable, ClientError: as ``call``; a condition that did not hold is no error.
        """
        try:
            self.call(write)
        except ClientError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def query_all(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every item (DynamoDB JSON) of a Query, page after page, each when it is come to."""
        return chain.from_iterable(self.query_pages(request))

    def query_pages(self, request: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The same by pages, each a request; one may have no items, where a filter leaves them out."""
        return self._pages(self.client.query, request)

    def scan_all(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The same of a Scan, which no function makes."""
        return chain.from_iterable(self._pages(self.client.scan, request))

    def _pages(
        self, operation: Callable[..., dict[str, Any]], request: dict[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        asked = dict(request)
        while True:
            answer = self.call(lambda: operation(**asked))
            yield answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def batch_get(self, keys: dict[type[Model], set[Key]]) -> dict[type[Model], dict[Key, dict[str, Any]]]:
        """Consistent reads of many items of many tables in one round trip (per 100 keys).

        Returns:
            for each model the raw items (DynamoDB JSON) by key; what is not there is left out.
        """
        pending = [(model, key) for model, wanted in keys.items() for key in wanted]
        found: dict[type[Model], dict[Key, dict[str, Any]]] = {model: {} for model in keys}
        by_table = {table_name(model): model for model in keys}
        for start in range(0, len(pending), _BATCH_LIMIT):
            request = _batch_request(pending[start : start + _BATCH_LIMIT])
            for attempt in range(_ATTEMPTS):
                answer = self.call(lambda request=request: self.client.batch_get_item(RequestItems=request))  # type: ignore[misc]
                for table, items in answer["Responses"].items():
                    model = by_table[table]
                    found[model].update((_key_of(model, item), item) for item in items)
                request = answer.get("UnprocessedKeys") or {}
                if not request:
                    break
                self._pause(self._jitter() * _FIRST_PAUSE_S * 2**attempt)
            if request:
                raise Unavailable("The database is busy", retry_after_s=1)
        return found

    def transact(self, token: str, stage: Callable[[TransactWrite], None]) -> None:
        """One TransactWriteItems.

        Args:
            token: the ClientRequestToken: a repeat succeeds if the first try did, although its answer was lost.
            stage: puts the items into the transaction that it is given (again for each try).

        Raises:
            TransactWriteError: canceled, with a reason for each item in the order of staging.
        """

        def run() -> None:
            with TransactWrite(connection=self.connection, client_request_token=token) as transaction:
                stage(transaction)

        self.call(run)


def table_name(model: type[Model] | Model) -> str:
    """The name of a model's table in this stack."""
    name: str = model.Meta.table_name
    return name


def raw(value: str) -> dict[str, str]:
    """A text in DynamoDB's JSON."""
    return {"S": value}


_CONDITION = "ConditionalCheckFailed"


def condition_failed(error: ClientError) -> bool:
    """Whether a write, or a transaction, was refused because a condition of it did not hold; see ``Database.held``."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException" or _CONDITION in _reasons(error)


def _is_busy(error: Exception) -> bool:
    codes = _reasons(error)
    # A failed condition is final, whatever else was in the way.
    if _CONDITION in codes:
        return False
    if codes & _RETRIED_REASONS:
        return True
    cause = error.cause if isinstance(error, PynamoDBException) else error
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return cause.response["Error"]["Code"] in _RETRIED or status >= 500
    return isinstance(cause, BotoCoreError)


def _reasons(error: Exception) -> set[str]:
    """Why a transaction was canceled; empty if it is another error."""
    if isinstance(error, TransactWriteError):
        return {reason.code for reason in error.cancellation_reasons if reason is not None}
    if isinstance(error, ClientError):
        return {reason["Code"] for reason in error.response.get("CancellationReasons", ())}
    return set()


def _batch_request(keys: Iterable[tuple[type[Model], Key]]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    for model, (hash_key, range_key) in keys:
        key = {hash_name(model): raw(hash_key)}
        if range_name(model):
            key[range_name(model)] = raw(range_key)
        request.setdefault(table_name(model), {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
    return request


def hash_name(model: type[Model]) -> str:
    """The attribute name of a model's hash key."""
    return str(model._hash_keyname)


def range_name(model: type[Model]) -> str:
    """The attribute name of a model's range key; empty where it has none."""
    return str(model._range_keyname or "")


def _key_of(model: type[Model], item: dict[str, Any]) -> Key:
    name = range_name(model)
    return item[hash_name(model)]["S"], item[name]["S"] if name else ""
