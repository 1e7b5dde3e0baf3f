"""The files of an import as records: of which source, and in which form."""

from collections.abc import Callable, Iterator, Sequence

from billing.domain.imports.source import Record
from billing.schemas.imports.csv_ours import TABLES
from billing.schemas.imports.csv_stripe import stripe_lines
from billing.schemas.imports.files import Line, read_objects
from billing.schemas.imports.ledgerline import read_ledgerline
from billing.schemas.imports.other import read_other
from billing.schemas.imports.stripe import read_stripe
from billing.services.imports.asking import SourceFile

_Tables = Callable[[Sequence[tuple[str, bytes, str]]], Iterator[Line]]


def _our_lines(files: Sequence[tuple[str, bytes, str]]) -> Iterator[Line]:
    for name, content, delimiter in files:
        yield from TABLES[name].lines(name, content, delimiter)


def _reader(
    records: Callable[[Sequence[Line]], list[Record]], tables: _Tables
) -> Callable[[Sequence[SourceFile]], list[Record]]:
    """What reads the files of a source.

    Args:
        records: of objects, in whatever form they came.
        tables: objects of CSV files.
    """

    def read(files: Sequence[SourceFile]) -> list[Record]:
        rows = [(each.kind, each.content, each.delimiter) for each in files if each.kind is not None]
        lines = [line for each in files if each.kind is None for line in read_objects(each.content)]
        return records([*lines, *tables(rows)])

    return read


READERS = {
    "stripe": _reader(read_stripe, stripe_lines),
    "ledgerline": _reader(read_ledgerline, _our_lines),
    "other": _reader(read_other, _our_lines),
}
