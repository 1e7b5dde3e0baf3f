"""`restore-drill`: every table is restored to new tables at one second, and the product's code reads those.

The live tables are never written, and their names are never among those that a drill deletes. Nothing is charged: the
checks read. A drill has a name; one that was cut off goes on under it, and what it made is in no other drill's way.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from operations.books import EntryUnreadable, trial_balance
from operations.operator import Operator
from operations.stack import Stack

_LOOK_EVERY_S = 5.0
_GONE = "ResourceNotFoundException"


class NoDrill(Exception):
    """The tables cannot be restored as one."""


class OtherSecond(NoDrill):
    """A drill that goes on was begun as of another second: its tables would not belong together."""


class NotRestorable(NoDrill):
    """A table has no point-in-time recovery."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    Args:
        name: what its tables' names begin with, after the stack's.
        live: the stack's tables by their plain names.
    """

    stack: Stack
    name: str
    live: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """What the names of the restored tables begin with."""
        return f"{self.stack.name}-drill-{self.name}-"

    @property
    def tables(self) -> dict[str, str]:
        """The restored tables by their plain names."""
        made = {plain: self.prefix + plain for plain in self.live}
        assert not set(made.values()) & set(self.live.values()), "a drill's table has a live one's name"
        return made

    def second(self, asked: datetime | None = None) -> datetime:
        """As of when the tables are restored: as of when those that are there were, else as asked, else the latest.

        Raises:
            OtherSecond: what is there is as of another second than the one that is asked for, or as of several.
            NotRestorable: see ``restorable``.
        """
        begun = self._begun()
        if len(begun) > 1:
            raise OtherSecond(f"drill {self.name} has tables as of {_times(begun)}: delete them, or say another --name")
        if begun and asked and asked.replace(microsecond=0) not in begun:
            raise OtherSecond(
                f"drill {self.name} was begun as of {_times(begun)}: leave --at out, or say another --name"
            )
        return next(iter(begun), None) or asked or self.restorable()

    def _begun(self) -> set[datetime]:
        """The seconds of the tables that are there, as DynamoDB keeps them."""
        dynamodb = self.stack.aws("dynamodb")
        there = [_described(dynamodb, table) for table in self.tables.values()]
        times = [each["RestoreSummary"]["RestoreDateTime"] for each in there if each and "RestoreSummary" in each]
        return {each.astimezone(UTC).replace(microsecond=0) for each in times}

    def restorable(self) -> datetime:
        """The latest second to which all tables can be restored.

        Raises:
            NotRestorable: one of them cannot be restored at all.
        """
        dynamodb = self.stack.aws("dynamodb")
        ends = []
        for plain, table in self.live.items():
            answer = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
            told = answer["PointInTimeRecoveryDescription"]
            if "LatestRestorableDateTime" not in told:
                raise NotRestorable(f"{plain} ({table}) has no point-in-time recovery: switch it on, and wait a minute")
            ends.append(told["LatestRestorableDateTime"])
        latest: datetime = min(ends)
        return latest.replace(microsecond=0)

    def restore(self, at: datetime, pause: Callable[[float], None] = time.sleep) -> int:
        """Restore what is not restored yet, and wait until all of it is there; how many tables were begun.

        Raises:
            botocore.exceptions.ClientError: the second cannot be restored, or the account has no room for the tables.
        """
        dynamodb, begun = self.stack.aws("dynamodb"), 0
        for plain, table in self.tables.items():
            if _status(dynamodb, table) is None:
                dynamodb.restore_table_to_point_in_time(
                    SourceTableName=self.live[plain], TargetTableName=table, RestoreDateTime=at
                )
                begun += 1
        for table in self.tables.values():
            while _status(dynamodb, table) != "ACTIVE":
                pause(_LOOK_EVERY_S)
        return begun

    def clean(self) -> int:
        """Delete the drill's tables; how many there were."""
        dynamodb = self.stack.aws("dynamodb")
        there = [table for table in self.tables.values() if _status(dynamodb, table) is not None]
        for table in there:
            dynamodb.delete_table(TableName=table)
        return len(there)

    def counts(self) -> dict[str, tuple[int, int]]:
        """How many items each live table has, and its restored one; both are read to the end."""
        dynamodb = self.stack.aws("dynamodb")
        return {
            plain: (_count(dynamodb, self.live[plain]), _count(dynamodb, table)) for plain, table in self.tables.items()
        }


def checked(operator: Operator, drill: Drill, tenant_id: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Point the product's code in this process at the restored tables, and check the books; each tenant's problems.

    The rows of the audit log go to the restored tables as well. What runs afterwards in this process is about them.

    Args:
        tenant_id: of this one alone; None for all.
    """
    from billing.bootstrap import operating

    operating.read_from(drill.tables)
    for each in [tenant_id] if tenant_id else operating.tenant_ids():
        clocks = operator.act(each, operating.test_clock_ids)
        differs = [problem for clock_id in (None, *clocks) for problem in _unbalanced(operator, each, clock_id)]
        yield each, differs + operator.act(each, operating.number_gaps)


def _unbalanced(operator: Operator, tenant_id: str, clock_id: str | None) -> list[str]:
    """What is wrong with a tenant's books: its own, or those of a test clock."""
    try:
        wrong = trial_balance(operator, tenant_id, clock_id).out_of_balance
    except EntryUnreadable as error:
        return [str(error)]
    return [f"books{f' of {clock_id}' if clock_id else ''} differ by {rest}" for rest in wrong.values()]


def _times(seconds: set[datetime]) -> str:
    return ", ".join(f"{each:%Y-%m-%dT%H:%M:%S}" for each in sorted(seconds))


def _status(dynamodb: Any, table: str) -> str | None:
    """A table's status; None where there is none."""
    described = _described(dynamodb, table)
    return described["TableStatus"] if described else None


def _described(dynamodb: Any, table: str) -> dict[str, Any] | None:
    """What DynamoDB tells of a table; None where there is none."""
    try:
        described: dict[str, Any] = dynamodb.describe_table(TableName=table)["Table"]
        return described
    except ClientError as error:
        if error.response["Error"]["Code"] == _GONE:
            return None
        raise


def _count(dynamodb: Any, table: str) -> int:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
    return sum(page["Count"] for page in pages)
