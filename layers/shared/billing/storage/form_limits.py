"""Who knocks at the doors that take no API key, and how often: clients, addresses, accounts.

Counters are those of ``callers``: attributes named after their minute, on an item of the one that is counted.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from billing.domain import dashboard
from billing.domain.access.caller import ACTIVE, client_caller, digest
from billing.domain.kernel.errors import RateLimited
from billing.services.access.form_limits import KnownClient
from billing.storage.database import Database, condition_failed, table_name
from billing.storage.tables import CallerItem

_LETTER = "t"
_MINUTE_S = 60
_KEPT_S = 86_400
_STALE_AT_MOST = 24
_REMEMBERED = 1000


class FormLimits:
    """Counts; a ``services.access.form_limits.FormLimits``."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._stale: dict[str, list[str]] = {}

    def client(self, client_id: str, secret: str | None, per_minute: int) -> KnownClient | None:
        """The client, where it is active and this is its secret; the call is counted on it then, and only then.

        Its secret is a condition of the update: whoever only knows a client's id cannot use its limit up. The
        dashboard has no item and is not counted: whoever speaks for it is counted on the address.
        """
        if not 0 < len(client_id) <= 128 or not client_id.isascii():
            return None
        of_dashboard = dashboard.tenant_of(client_id)
        if of_dashboard is not None:
            return KnownClient(client_id, of_dashboard) if of_dashboard and secret is None else None
        values: dict[str, Any] = {":active": {"S": ACTIVE}}
        conditions = ["attribute_exists(tenant_id)", "#status = :active"]
        if secret is None:
            conditions.append("attribute_not_exists(secret)")
        else:
            conditions.append("secret = :secret")
            values[":secret"] = {"S": digest(secret)}
        caller_id = client_caller(client_id)
        try:
            item = self._count(caller_id, per_minute, conditions, {"#status": "status"}, values, "")
        except ClientError as error:
            if not condition_failed(error):
                raise
            response: Any = error.response
            before: dict[str, Any] = response.get("Item") or {}
            known = before.get("secret", {}).get("S") == (digest(secret) if secret is not None else None)
            if not before or not known or before.get("status", {}).get("S") != ACTIVE:
                return None
            raise self._too_many() from None
        return KnownClient(client_id, item["tenant_id"]["S"])

    def tenant_of(self, client_id: str) -> str | None:
        """The tenant whose client this is, whatever its state."""
        if not 0 < len(client_id) <= 128 or not client_id.isascii():
            return None
        of_dashboard = dashboard.tenant_of(client_id)
        if of_dashboard is not None:
            return of_dashboard or None
        answer = self._database.call(
            lambda: self._database.client.get_item(
                TableName=table_name(CallerItem),
                Key={"caller_id": {"S": client_caller(client_id)}},
                ConsistentRead=True,
            )
        )
        found: str | None = answer.get("Item", {}).get("tenant_id", {}).get("S")
        return found

    def count(self, kind: str, name: str, per_minute: int) -> None:
        """Count a call of an address or at an account; see the port."""
        now = self._clock()
        also = " SET expires_at = :expiry"
        values: dict[str, Any] = {":expiry": {"N": str(int(now.timestamp()) + _KEPT_S)}}
        try:
            self._count(f"{kind}#{digest(name)}", per_minute, [], {}, values, also)
        except ClientError as error:
            if not condition_failed(error):
                raise
            raise self._too_many() from None

    def count_day(self, kind: str, name: str, per_day: int) -> None:
        """Count a mail of a day's; see the port. The item is the day's own, so it has one counter."""
        now = self._clock()
        values = {
            ":one": {"N": "1"},
            ":limit": {"N": str(per_day)},
            ":expiry": {"N": str(int(now.timestamp()) + 2 * _KEPT_S)},
        }
        counted = self._database.held(
            lambda: self._database.client.update_item(
                TableName=table_name(CallerItem),
                Key={"caller_id": {"S": f"{kind}#{now:%Y-%m-%d}#{digest(name)}"}},
                UpdateExpression="ADD mails :one SET expires_at = :expiry",
                ConditionExpression="attribute_not_exists(mails) OR mails < :limit",
                ExpressionAttributeValues=values,
            )
        )
        if not counted:
            raise RateLimited("Too many mails today", _KEPT_S - int(now.timestamp()) % _KEPT_S)

    def _count(
        self,
        caller_id: str,
        per_minute: int,
        conditions: list[str],
        names: dict[str, str],
        values: dict[str, Any],
        also: str,
    ) -> dict[str, Any]:
        minute = int(self._clock().timestamp()) // _MINUTE_S
        # A client that asks once an hour would leave a counter each time: what was seen of them is removed.
        stale = [name for name in self._stale.pop(caller_id, []) if int(name[1:]) < minute]
        gone = {f"#x{n}": name for n, name in enumerate(stale)}
        remove = " REMOVE " + ", ".join(gone) if gone else ""
        found: dict[str, Any] = self._database.call(
            lambda: self._database.client.update_item(
                TableName=table_name(CallerItem),
                Key={"caller_id": {"S": caller_id}},
                UpdateExpression=f"ADD #minute :one{also}{remove}",
                ConditionExpression=" AND ".join([*conditions, "(attribute_not_exists(#minute) OR #minute < :limit)"]),
                ExpressionAttributeNames={"#minute": f"{_LETTER}{minute}", **names, **gone},
                ExpressionAttributeValues={":one": {"N": "1"}, ":limit": {"N": str(per_minute)}, **values},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )
        item: dict[str, Any] = found["Attributes"]
        self._remember(caller_id, item, minute)
        return item

    def _remember(self, caller_id: str, item: dict[str, Any], minute: int) -> None:
        """Have the next update remove the counters of past minutes, some at a time."""
        ours = [name for name in item if name[0] == _LETTER and name[1:].isdigit()]
        stale = [name for name in ours if int(name[1:]) < minute]
        if len(self._stale) >= _REMEMBERED:
            self._stale.clear()  # a worker that lives for days meets many addresses
        if stale:
            self._stale[caller_id] = stale[:_STALE_AT_MOST]

    def _too_many(self) -> RateLimited:
        return RateLimited("Too many requests", _MINUTE_S - int(self._clock().timestamp()) % _MINUTE_S)
