"""Entities to JSON and back, by their type hints: what storage keeps in an item's ``body``.

Frozen dataclasses, enums, datetimes, dates, Decimals, tuples, dicts and optionals are enough for the domain; msgspec
walks them (docs/decisions/0078-stored-texts-by-msgspec.md). A field whose metadata says ``personal`` is sealed on its
own (AES-256-GCM, see ``integrations.aws.vault``), so that a reader of the table sees everything but the person.

What an item keeps is that JSON, packed (``packing``): an item holds 400 KB at most, and an invoice of 500 lines with
three taxes each is longer than that.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeVar, get_type_hints

import msgspec

from billing.domain.kernel.entity import Entity
from billing.domain.kernel.times import format_time
from billing.domain.ledger import LedgerEntry
from billing.storage.packing import pack, unpack

E = TypeVar("E", bound=Entity)
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


class _Stored(NamedTuple):
    """How a kind of entity is stored."""

    names: tuple[str, ...]
    """Its fields that anybody may read."""
    text: msgspec.json.Decoder[Any]
    """Reads a text: these fields, and after them the others, still sealed; what is missing is ``UNSET``."""
    personal: dict[str, msgspec.json.Decoder[Any]]
    """Reads what was sealed, by field."""


def encode(entity: Any, sealer: Sealer, tenant_id: str, entity_id: str, data_keys: Sequence[str] | None = None) -> str:
    """The stored text of an entity, JSON, its personal fields sealed under the tenant's newest key."""
    kind: Any = type(entity)
    stored = _stored(kind)
    body = {name: getattr(entity, name) for name in stored.names}
    for name in stored.personal:
        value = getattr(entity, name)
        if value is not None:
            body[name] = sealer.seal(tenant_id, _place(kind, entity_id, name), _json(value), data_keys)
    text = _json(body)
    return text if kind in _READ_BY_OTHERS and len(text) < _PACKED_FROM else pack(text)


def personal_fields(kind: type[Entity]) -> tuple[str, ...]:
    """The names of the fields of a kind of entity that are sealed."""
    return tuple(_stored(kind).personal)


def decode(
    kind: type[E], text: str, sealer: Sealer, tenant_id: str, entity_id: str, data_keys: Sequence[str] | None = None
) -> E:
    """The entity of a stored text; a missing field takes its default, so a new optional field needs no migration.

    Raises:
        ValueError: it is no text of this kind, or was sealed for another tenant or place.
    """
    stored = _stored(kind)
    try:
        body = stored.text.decode(unpack(text))
        said = zip(stored.names, msgspec.structs.astuple(body), strict=False)
        values = {name: value for name, value in said if value is not msgspec.UNSET}
        for name, reader in stored.personal.items():
            sealed = getattr(body, name)
            if sealed is not None:
                opened = sealer.open(tenant_id, _place(kind, entity_id, name), sealed, data_keys)
                values[name] = reader.decode(opened)
    except msgspec.DecodeError as error:
        raise ValueError(f"a stored {kind.__name__} that does not read: {error}") from error
    return kind(**values)


def _place(kind: type[Entity], entity_id: str, name: str) -> str:
    return f"{kind.entity_name}/{entity_id}/{name}"


# Made once: json.dumps makes a new encoder for each call that asks for something.
_encoded = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=format_time).encode


def _json(value: Any) -> str:
    """Times in UTC, as ``format_time`` writes them: of another zone's msgspec would keep the offset."""
    return _encoded(msgspec.to_builtins(value, builtin_types=(datetime,)))


@cache
def _stored(kind: Any) -> _Stored:
    hints = get_type_hints(kind)
    personal = [f.name for f in fields(kind) if f.metadata.get("personal")]
    names = tuple(f.name for f in fields(kind) if f.name not in personal)
    said = [(name, hints[name] | msgspec.UnsetType, msgspec.UNSET) for name in names]
    sealed = [(name, str | None, None) for name in personal]
    shape = msgspec.defstruct(kind.__name__, [*said, *sealed])
    return _Stored(names, msgspec.json.Decoder(shape), {name: msgspec.json.Decoder(hints[name]) for name in personal})
