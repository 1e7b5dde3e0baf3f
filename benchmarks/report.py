"""A section of the report: a table whose lines know whether they keep their budget."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Verdict = Literal["ok", "over", ""]
_COLOURS: dict[Verdict, str] = {"ok": "green", "over": "bold red", "": "dim"}


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        cells: what is shown, one for each column but the last (the verdict).
        verdict: empty where there is no budget.
        figures: the plain numbers, for results.json.
    """

    cells: list[str]
    verdict: Verdict
    figures: dict[str, float] = field(default_factory=dict)


@dataclass
class Section:
    """One table of the report.

    Args:
        notes: what a reader has to know to trust the figures; shown below the table.
    """

    title: str
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def over(self) -> list[Row]:
        """The lines that break their budget."""
        return [row for row in self.rows if row.verdict == "over"]

    def save(self, path: Path) -> None:
        """For the process that prints the whole report."""
        save_all([self], path)

    def show(self, console: Console) -> None:
        """Print it; numbers to the right, the verdict last."""
        table = Table(title=self.title, title_justify="left", title_style="bold")
        table.add_column(self.columns[0], overflow="fold")
        for name in self.columns[1:]:
            table.add_column(name, justify="right")
        table.add_column("verdict")
        for row in self.rows:
            colour = _COLOURS[row.verdict]
            table.add_row(*map(escape, row.cells), f"[{colour}]{row.verdict or '-'}[/]")
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", style="dim", highlight=False, markup=False)
        console.print()


def save_all(sections: Sequence[Section], path: Path) -> None:
    """The same for a part of more than one table."""
    path.write_text(json.dumps([asdict(section) for section in sections]))


def load_all(path: Path) -> list[Section]:
    """What another process saved."""
    saved: list[dict[str, Any]] = json.loads(path.read_text())
    return [
        Section(each["title"], each["columns"], [Row(**row) for row in each["rows"]], each["notes"]) for each in saved
    ]


def verdict(figure: float, budget: float | None) -> Verdict:
    """Whether a figure keeps its budget; empty where there is none."""
    if budget is None:
        return ""
    return "ok" if figure <= budget else "over"


def verdict_at_least(figure: float, budget: float | None) -> Verdict:
    """The same where more is better."""
    return "" if budget is None else verdict(-figure, -budget)
