"""docs/contract-coverage.md lists every line of the contract's sources, and the tests that it names exist."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((Path(__file__).parent / "sources").glob("*.txt"))
SHARED = ROOT.parent / "shared" / "contract"
STATUS = re.compile(r"done|issue [1-9]\d*|later: \w.*|statement")
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@dataclass(frozen=True)
class Row:
    """A row of the table: a line of a source, what has become of it, and the tests that show it."""

    source: str
    line: int
    text: str
    status: str
    tests: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.source}:{self.line}"


def content(source: Path) -> list[tuple[int, str]]:
    """The lines that say something: without front matter, fences, and lines of punctuation."""
    lines = source.read_text().splitlines()
    start = lines.index("---", 1) + 1 if lines[0] == "---" else 0
    return [
        (number, line.strip())
        for number, line in enumerate(lines, 1)
        if number > start and re.search(r"\w", line) and not line.strip().startswith("```")
    ]


def table() -> list[Row]:
    """The rows of the page, in order."""
    found, source = [], ""
    for line in (ROOT / "docs" / "contract-coverage.md").read_text().splitlines():
        if line.startswith("Source: "):
            source = line.split("`")[1]
        cells = re.split(r"(?<!\\)\|", line)
        if source and len(cells) == 6 and cells[1].strip().isdigit():
            text = cells[2].strip().replace("\\|", "|")
            found.append(Row(source, int(cells[1]), text, cells[3].strip(), tuple(TEST_ID.findall(cells[4]))))
    return found


ROWS = table()


@cache
def names_in(path: str) -> set[str]:
    """The names of the test functions of a file."""
    file = ROOT / path
    if not file.exists():
        return set()
    found = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_there_are_two_sources() -> None:
    assert [source.name for source in SOURCES] == ["000_410e04cf8f4950a9.txt", "004_83248ff837a78835.txt"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_line_of_a_source_is_listed_to_the_letter(source: Path) -> None:
    assert [(row.line, row.text) for row in ROWS if row.source == source.name] == content(source)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sources lie beside the checkout only where the project is built")
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_our_copy_of_a_source_is_the_source(source: Path) -> None:
    assert source.read_bytes() == (SHARED / source.name).read_bytes()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_line_has_a_status_and_its_tests_exist(row: Row) -> None:
    assert STATUS.fullmatch(row.status)
    assert bool(row.tests) is (row.status == "done")
    missing = [f"{path}::{name}" for path, name in row.tests if name not in names_in(path)]
    assert missing == []
