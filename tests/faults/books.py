"""What a test looks at when everything is at rest: a tenant's items, decoded, and what Stripe has of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from billing.storage.packing import unpack

Json = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """A tenant's items, decoded: entities by their JSON bodies.

    Args:
        providers: the books of those who sell in its orders, by tenant id.
        files: what is in the files of its exports.
    """

    rows: Json
    providers: dict[str, Books] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    _decoded: dict[str, list[Json]] = field(default_factory=dict, repr=False, compare=False)

    def bodies(self, table: str) -> list[Json]:
        """The entities of a table, in order of their ids; decoded once, for the laws ask for them again and again."""
        if table not in self._decoded:
            # Settings are read by themselves, and a series of numbers is no entity.
            rows = (row for row in self.rows[table] if row.get("item") != "settings" and "body" in row)
            self._decoded[table] = [_body(row["body"]) for row in rows]
        return self._decoded[table]

    @property
    def tenant(self) -> Json:
        """The tenant and its settings."""
        (row,) = self.rows["tenants"]
        return _body(row["body"])

    def events(self) -> Counter[tuple[str, str]]:
        """How many events there are for each type and object."""
        return Counter((row["type"], row["object_id"]) for row in self.rows["events"])

    def event_types(self) -> Counter[str]:
        """How many events there are for each type."""
        return Counter(row["type"] for row in self.rows["events"])

    def records(self, route: str) -> list[Json]:
        """The idempotency records of a route."""
        return [row for row in self.rows["idempotency"] if row["record_id"].split("#")[1] == route]


def _body(stored: str) -> Json:
    """An entity, or what an event's text says once it is opened."""
    found: Json = json.loads(unpack(stored))
    return found


@dataclass(frozen=True)
class AtStripe:
    """What Stripe has of a tenant.

    Args:
        lines: those of its balance that they made.
        methods: what is attached to its customers; None where nobody asked.
        transfers: to those who sell in its orders, each with its reversals.
        payouts: by who is paid out, those from its account to its bank.
    """

    intents: list[Json] = field(default_factory=list)
    charges: list[Json] = field(default_factory=list)
    refunds: list[Json] = field(default_factory=list)
    disputes: list[Json] = field(default_factory=list)
    lines: list[Json] = field(default_factory=list)
    methods: list[Json] | None = None
    transfers: list[Json] = field(default_factory=list)
    payouts: dict[str, list[Json]] = field(default_factory=dict)

    @property
    def taken(self) -> list[Json]:
        """The charges that took money."""
        return [charge for charge in self.charges if charge["status"] == "succeeded"]


def micros(money: Json) -> int:
    """An amount as it is stored."""
    value: int = money["micros"]
    return value


def cents(money: Json) -> int:
    """An amount as Stripe has it; whatever is charged is whole."""
    value = micros(money)
    assert value % 1000 == 0, value
    return value // 1000


def amount_due(invoice: Json) -> int:
    """What is still to be paid of an invoice, in micro-units."""
    taken = ("balance_applied", "amount_paid", "amount_credited")
    return micros(invoice["total"]) - sum(micros(invoice[name]) for name in taken)
