"""Entities to JSON and back, by their type hints: what storage keeps in an item's ``body``.

Frozen dataclasses, enums, datetimes, dates, Decimals, tuples, dicts and optionals are enough for the domain. A field
whose metadata says ``personal`` is sealed on its own (AES-256-GCM, see ``integrations.aws.vault``), so that a reader
of the table sees everything but the person. Plans for each class are built once; encoding is a walk.

What an item keeps is that JSON, packed (``packing``): an item holds 400 KB at most, and an invoice of 500 lines with
three taxes each is longer than that.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from billing.domain.kernel.entity import Entity
from billing.domain.kernel.times import format_time, parse_time
from billing.domain.ledger import LedgerEntry
from billing.storage.packing import pack, unpack

E = TypeVar("E", bound=Entity)
_Convert = Callable[[Any], Any]
_READ_BY_OTHERS = (LedgerEntry,)
"""SQL asks exports of their tables what these say (docs/athena.md); nearly all have less than a kilobyte anyway."""
_PACKED_FROM = 8 * 1024
"""Of them, that is."""


class Sealer(Protocol):
    """Seals a text for one tenant and one place; what was sealed for another tenant or place does not open."""

    def seal(self, tenant_id: str, place: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        """The sealed text; ``data_keys`` are given if the tenant, or the newest of its keys, is not stored yet."""

    def blind(self, tenant_id: str, text: str, data_keys: Sequence[str] | None = None) -> str:
        """The text's key in a blind index: equal texts of a tenant have equal keys. Nobody can reverse one."""

    def blinds(self, tenant_id: str, text: str) -> tuple[str, ...]:
        """The keys under which it may be in the index: two while that is made anew, the one to write under first."""

    def open(self, tenant_id: str, place: str, sealed: str, data_keys: Sequence[str] | None = None) -> str:
        """The text.

        Raises:
            ValueError: it was not sealed for this tenant and place.
        """


def encode(entity: Any, sealer: Sealer, tenant_id: str, entity_id: str, data_keys: Sequence[str] | None = None) -> str:
    """The stored text of an entity, JSON, its personal fields sealed under the tenant's newest key."""
    kind: Any = type(entity)
    plain, personal = _plan(kind)
    body = {name: to_json(getattr(entity, name)) for name, to_json, _ in plain}
    for name, to_json, _ in personal:
        value = getattr(entity, name)
        if value is not None:
            text = json.dumps(to_json(value), separators=(",", ":"), ensure_ascii=False)
            body[name] = sealer.seal(tenant_id, _place(type(entity), entity_id, name), text, data_keys)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text if kind in _READ_BY_OTHERS and len(text) < _PACKED_FROM else pack(text)


def personal_fields(kind: type[Entity]) -> tuple[str, ...]:
    """The names of the fields of a kind of entity that are sealed."""
    return tuple(name for name, *_ in _plan(kind)[1])


def decode(
    kind: type[E], text: str, sealer: Sealer, tenant_id: str, entity_id: str, data_keys: Sequence[str] | None = None
) -> E:
    """The entity of a stored text; a missing field takes its default, so a new optional field needs no migration."""
    body = json.loads(unpack(text))
    make: Any = kind
    plain, personal = _plan(make)
    values = {name: from_json(body[name]) for name, _, from_json in plain if name in body}
    for name, _, from_json in personal:
        if body.get(name) is not None:
            values[name] = from_json(
                json.loads(sealer.open(tenant_id, _place(kind, entity_id, name), body[name], data_keys))
            )
    return kind(**values)


def _place(kind: type[Entity], entity_id: str, name: str) -> str:
    return f"{kind.entity_name}/{entity_id}/{name}"


@cache
def _plan(kind: Any) -> tuple[list[tuple[str, _Convert, _Convert]], list[tuple[str, _Convert, _Convert]]]:
    hints = get_type_hints(kind)
    plain: list[tuple[str, _Convert, _Convert]] = []
    personal: list[tuple[str, _Convert, _Convert]] = []
    for f in fields(kind):
        entry = (f.name, _writer(hints[f.name]), _reader(hints[f.name]))
        (personal if f.metadata.get("personal") else plain).append(entry)
    return plain, personal


def _same(value: Any) -> Any:
    return value


@cache
def _writer(hint: Any) -> _Convert:
    optional = _optional(hint)
    if optional is not None:
        inner = _writer(optional)
        return inner if inner is _same else lambda value: None if value is None else inner(value)
    origin = get_origin(hint)
    if origin is tuple:
        item = _writer(get_args(hint)[0])
        return lambda value: [item(v) for v in value]
    if origin is dict:
        item = _writer(get_args(hint)[1])
        return _same if item is _same else lambda value: {k: item(v) for k, v in value.items()}
    if hint is datetime:
        return format_time
    if hint is date:
        return date.isoformat
    if hint is Decimal:
        return str
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value: value.value
    if is_dataclass(hint):
        members = [(f.name, _writer(h)) for f, h in zip(fields(hint), _hints(hint), strict=True)]
        return lambda value: {name: to_json(getattr(value, name)) for name, to_json in members}
    return _same


@cache
def _reader(hint: Any) -> _Convert:
    optional = _optional(hint)
    if optional is not None:
        inner = _reader(optional)
        return inner if inner is _same else lambda value: None if value is None else inner(value)
    origin = get_origin(hint)
    if origin is tuple:
        item = _reader(get_args(hint)[0])
        return lambda value: tuple(item(v) for v in value)
    if origin is dict:
        item = _reader(get_args(hint)[1])
        return _same if item is _same else lambda value: {k: item(v) for k, v in value.items()}
    if hint is datetime:
        return parse_time
    if hint is date:
        return date.fromisoformat
    if hint is Decimal:
        return Decimal
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if is_dataclass(hint):
        make: Any = hint
        members = [(f.name, _reader(h)) for f, h in zip(fields(hint), _hints(hint), strict=True)]
        return lambda value: make(**{name: from_json(value[name]) for name, from_json in members if name in value})
    return _same


def _hints(kind: Any) -> list[Any]:
    hints = get_type_hints(kind)
    return [hints[f.name] for f in fields(kind)]


def _optional(hint: Any) -> Any:
    """X of ``X | None``; None where the hint is no optional."""
    if get_origin(hint) in (Union, UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(inner) == 1:
            return inner[0]
        raise TypeError(f"no way to store {hint}")
    return None
