"""All state in one SQLite file: JSON documents beside the few columns that lists filter by.

The connection is used by one thread (the event loop's), so a transaction is a plain ``with
store.transaction()``: what a request changes, its events, its deliveries and its idempotent replay become
visible together or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,
  created INTEGER NOT NULL, body TEXT NOT NULL, hidden TEXT NOT NULL,
  customer TEXT, payment_intent TEXT, charge TEXT, kind TEXT,
  UNIQUE (account, id));
CREATE INDEX IF NOT EXISTS by_object ON objects (account, object, seq);
CREATE INDEX IF NOT EXISTS by_customer ON objects (account, object, customer, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_intent ON objects (account, object, payment_intent, seq)
  WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_charge ON objects (account, object, charge, seq) WHERE charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_kind ON objects (account, object, kind, seq) WHERE kind IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_id ON objects (id);
CREATE INDEX IF NOT EXISTS by_source ON objects (account, object, json_extract(body, '$.source'), seq)
  WHERE json_extract(body, '$.source') IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_group ON objects (account, object, json_extract(body, '$.transfer_group'), seq)
  WHERE json_extract(body, '$.transfer_group') IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_source_charge
  ON objects (account, object, json_extract(body, '$.source_transaction'), seq)
  WHERE json_extract(body, '$.source_transaction') IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_end ON objects (json_extract(hidden, '$.ends'))
  WHERE json_extract(hidden, '$.ends') IS NOT NULL;
CREATE TABLE IF NOT EXISTS replays (
  account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
  body TEXT NOT NULL, request_id TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_of ON deliveries (event);
CREATE TABLE IF NOT EXISTS attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, delivery INTEGER NOT NULL, body TEXT NOT NULL);
"""

_COLUMNS = ("customer", "payment_intent", "charge", "kind")


def _expression(name: str) -> str:
    return name if name in _COLUMNS else f"json_extract(body, '$.{name}')"


@dataclass
class Record:
    """A stored document: what the API shows, and what only the sandbox knows (``hidden``)."""

    seq: int
    body: Json
    hidden: Json


class Store:
    """The state of all accounts.

    Args:
        path: a file, or ``:memory:``.
    """

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000;")
        self.db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def reset(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in ("objects", "replays", "deliveries", "attempts"):
                self.db.execute(f"DELETE FROM {table}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo this part alone when it fails."""
        self.db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO part")
            self.db.execute("RELEASE part")
            raise
        self.db.execute("RELEASE part")

    def insert(self, account: str, body: Json, hidden: Json | None = None, kind: str | None = None) -> Json:
        """A new document; ``kind`` is an event's type, a customer's email or an endpoint's status."""
        self.db.execute(
            "INSERT INTO objects"
            " (account, object, id, created, body, hidden, customer, payment_intent, charge, kind)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                account,
                body["object"],
                body["id"],
                body["created"],
                json.dumps(body),
                json.dumps(hidden or {}),
                body.get("customer"),
                body.get("payment_intent"),
                body.get("charge"),
                kind,
            ),
        )
        return body

    def find(self, account: str, object_type: str, object_id: str) -> Record | None:
        """The document, or None."""
        row = self.db.execute(
            "SELECT seq, body, hidden FROM objects WHERE account = ? AND id = ? AND object = ?",
            (account, object_id, object_type),
        ).fetchone()
        return Record(row[0], json.loads(row[1]), json.loads(row[2])) if row else None

    def find_anywhere(self, object_type: str, object_id: str) -> Record | None:
        """The document, whichever account has it; ids are unique among all of them."""
        account = self.owner_of(object_id)
        return self.find(account, object_type, object_id) if account else None

    def owner_of(self, object_id: str) -> str | None:
        """The account that has the id: of a connected account's own id, its platform."""
        row = self.db.execute("SELECT account FROM objects WHERE id = ?", (object_id,)).fetchone()
        return row[0] if row else None

    def accounts(self) -> list[str]:
        """Every account that has a balance."""
        rows = self.db.execute("SELECT DISTINCT account FROM objects WHERE object = 'balance_transaction'")
        return [row[0] for row in rows]

    def save(self, account: str, body: Json, hidden: Json | None = None, kind: str | None = None) -> Json:
        """Replace a document; ``hidden`` and ``kind`` stay as they are where they are None."""
        self.db.execute(
            "UPDATE objects"
            " SET body = ?, customer = ?, hidden = coalesce(?, hidden), kind = coalesce(?, kind)"
            " WHERE account = ? AND id = ?",
            (
                json.dumps(body),
                body.get("customer"),
                None if hidden is None else json.dumps(hidden),
                kind,
                account,
                body["id"],
            ),
        )
        return body

    def retire(self, account: str, body: Json) -> Json:
        """Leave only the stub of a deleted thing: it can be retrieved, is in no list, cannot be used."""
        self.db.execute(
            "UPDATE objects SET object = 'deleted_' || object, body = ?, hidden = '{}', kind = NULL"
            " WHERE account = ? AND id = ?",
            (json.dumps(body), account, body["id"]),
        )
        return body

    def delete(self, account: str, object_id: str) -> None:
        """Forget one document."""
        self.db.execute("DELETE FROM objects WHERE account = ? AND id = ?", (account, object_id))

    def page(
        self,
        account: str,
        object_type: str,
        filters: Json,
        *,
        limit: int,
        after: int | None = None,
        before: int | None = None,
        created: Json | None = None,
    ) -> tuple[list[Json], bool]:
        """Newest first; ``after``/``before`` are sequence numbers, ``created`` a range of ``gt/gte/lt/lte``.

        Args:
            filters: a column or a property of the document, and the value (or values) that it must have.

        Returns:
            The documents, and whether there are more in that direction.
        """
        where = ["account = ?", "object = ?"]
        args: list[Any] = [account, object_type]
        for column, value in filters.items():
            values = value if isinstance(value, list) else [value]
            where.append(f"{_expression(column)} IN ({', '.join('?' * len(values))})")
            args.extend(values)
        for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
            if created and name in created:
                where.append(f"created {sign} ?")
                args.append(created[name])
        order = "DESC"
        if after is not None:
            where.append("seq < ?")
            args.append(after)
        if before is not None:
            where.append("seq > ?")
            args.append(before)
            order = "ASC"
        rows = self.db.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?",
            (*args, limit + 1),
        ).fetchall()
        bodies = [json.loads(row[0]) for row in rows[:limit]]
        return (bodies[::-1] if before is not None else bodies), len(rows) > limit
