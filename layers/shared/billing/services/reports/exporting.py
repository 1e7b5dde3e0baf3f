"""Exports: all of a tenant's entities of a kind, newest first, the API's own form of each or a flat row."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from billing.domain.kernel.entity import Entity
from billing.domain.reports.table import Column, Kind, Row
from billing.services.kernel.work import Query, Work
from billing.services.reports.sources import Asked
from billing.services.reports.writing import Item, Sheet

_PAGE = 1000
"""Of DynamoDB's 1 MB there are fewer in a page, as a rule; one of long invoices ends after 2 MB of text."""
_OBJECT = (Column("object", Kind.TEXT, "The object as the API shows it"),)


def _made_at(entity: Any) -> datetime:
    made: datetime = entity.created_at
    return made


@dataclass(frozen=True, slots=True)
class ExportKind:
    """What can be exported, and how it is written.

    Args:
        entity: what is read.
        columns, rows: the flat form; none of one, or several rows, where lines are what is wanted.
        objects: the API's own form, as JSON texts, one for each line of a file of JSON lines.
        made_at: when it was made: ``from`` and ``to`` are about that.
    """

    entity: type[Entity]
    columns: tuple[Column, ...]
    rows: Callable[[Any], Iterable[Row]]
    objects: Callable[[Any], Iterable[str]]
    made_at: Callable[[Any], datetime] = _made_at


@dataclass(frozen=True, slots=True)
class EntityExports:
    """``services.reports.writing.Exports``."""

    kinds: Mapping[str, ExportKind]

    def sheet(self, work: Work, asked: Asked, kind: str, as_json: bool) -> Sheet:
        """The records of a kind."""
        wanted = self.kinds[kind]

        def rows(entity: Any) -> Iterable[Row]:
            if not _is_in(wanted, asked, entity):
                return ()
            return ((text,) for text in wanted.objects(entity)) if as_json else wanted.rows(entity)

        return Sheet(_OBJECT if as_json else wanted.columns, partial(_items, work, wanted), rows)


def _is_in(wanted: ExportKind, asked: Asked, entity: Any) -> bool:
    """Whether it was made on the days that were asked for."""
    return asked.span is None or asked.span.begin <= wanted.made_at(entity) < asked.span.end


def _items(work: Work, wanted: ExportKind, after: str | None) -> Iterator[Item]:
    """Behind the one with this id: a place that means the same however many are made meanwhile."""
    while True:
        page = work.query(Query(wanted.entity, limit=_PAGE, behind=after))
        for each in page.items:
            entity: Any = each
            after = str(entity.id)
            yield Item(after, entity)
        if page.next_cursor is None:
            return
