"""Documents stand alone: what they cite is in the repository, and the code map is the code's."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from scripts.arrows import LAYERS, rooms
from tests.support.tables import table_definitions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "shared" / "billing"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
# Pages that name paths of another repository, as they stand in a source.
COPIES = {"contract-coverage.md"}
FOREIGN = re.compile(
    r"\bdesign\.md\b|\bcontract\.md\b|\bhouse\.md\b|\.\./shared\b|\bcontract [BT] section|\bsource [BT]\b", re.I
)
TOPS = ("functions", "layers", "local", "tests", "scripts", "benchmarks", "docs", "events", "examples")
PATH = re.compile(rf"`((?:{'|'.join((*TOPS, *LAYERS))})/[\w./-]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
DOTTED = re.compile(rf"``(?:billing\.)?((?:{'|'.join(LAYERS)})(?:\.\w+)+)")
MAP_ROW = re.compile(r"^\| (`(?:\w+)/\w+`(?:, `\w+/\w+`)*) \|.*\| ([^|]*) \|$")


@cache
def tracked() -> list[Path]:
    """The texts of the repository, without what tools write; this file names what others must not."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    kinds = {".py", ".md", ".yaml", ".yml", ".toml", ".svg", ".json"}
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.suffix in kinds and path.exists() and path != Path(__file__)]


def code_map() -> dict[str, str]:
    """Each room of the code map, as ``layer/room``, with what its row says that it does not know."""
    found: dict[str, str] = {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        if row := MAP_ROW.match(line):
            found |= dict.fromkeys(re.findall(r"`(\w+/\w+)`", row[1]), row[2])
    return found


@cache
def graphs() -> dict[str, dict[str, set[str]]]:
    """Each layer's rooms, with those that they import."""
    return {layer: rooms(PACKAGE / layer) for layer in LAYERS if (PACKAGE / layer).is_dir()}


@cache
def resolves(name: str) -> bool:
    """Whether ``services.usage.counting.UsageCounter`` names a module, or something that a module defines."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = PACKAGE.joinpath(*parts[:end])
        if module.with_suffix(".py").is_file():
            tree = ast.parse(module.with_suffix(".py").read_text())
            return end == len(parts) or any(parts[end] in defined(node) for node in tree.body)
        if module.is_dir():
            return end == len(parts)
    return False


def defined(node: ast.stmt) -> set[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    name = getattr(node, "name", None)
    return {name} if isinstance(name, str) else set()


def test_nothing_cites_a_page_that_is_not_in_the_repository() -> None:
    cited = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path in tracked() for match in FOREIGN.finditer(path.read_text())
    ]
    assert cited == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_in_a_document_exists(page: Path) -> None:
    """In backticks: from the root, or from the package for ``services/kernel/retries.py``; and links, from the page."""
    text = page.read_text()
    named = [] if page.name in COPIES else PATH.findall(text)
    missing = [name for name in named if not (ROOT / name).exists() and not (PACKAGE / name).exists()]
    missing = [name for name in missing if not (PACKAGE / f"{name}.py").exists()]
    missing += [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


def test_a_dotted_name_in_a_docstring_exists() -> None:
    sources = [path for path in tracked() if path.suffix == ".py"]
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for name in DOTTED.findall(path.read_text())
        if not resolves(name)
    ]
    assert missing == []


def test_the_code_map_lists_every_room() -> None:
    there = {f"{layer}/{room}" for layer, graph in graphs().items() for room in graph}
    assert set(code_map()) == there


def test_a_room_does_not_import_what_the_code_map_says_it_does_not_know() -> None:
    """A row may name rooms of its own layer, or say "every other room", but for those it names behind "but"."""
    wrong = []
    for name, unknown in code_map().items():
        layer, room = name.split("/")
        graph = graphs()[layer]
        named = set(re.findall(r"`(\w+)`", unknown))
        assert named <= set(graph), f"{name}: no such room in {named - set(graph)}"
        forbidden = set(graph) - {room} if unknown.startswith("every") else named
        if "every room but" in unknown:
            forbidden = set(graph) - {room} - named
        wrong += [f"{name} imports {each}" for each in sorted(graph[room] & forbidden)]
    assert wrong == []


def test_the_architecture_lists_every_table() -> None:
    """The table under "Tables", and the picture."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page[page.index("## Tables") : page.index("## What could be hot")]
    there = set(table_definitions())
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == there
    picture = (ROOT / "docs" / "architecture.svg").read_text()
    assert {name for name in there if not re.search(rf"\b{name}\b", picture)} == set()
