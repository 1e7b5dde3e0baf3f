"""Counts rooms and arrows: which packages of a layer import which others of the same layer.

    python scripts/arrows.py [layers/shared/billing] [--list]

A room is a module or folder directly in its layer; an arrow is drawn once for each ordered pair of rooms, however many
imports stand behind it. Floors are the rooms on the longest way down. A circle of rooms is named, and exits 1.
"""

import argparse
import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LAYERS = ("domain", "services", "schemas", "integrations", "providers", "edge", "storage", "bootstrap")


def imported(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, once as a module and once with each name that it takes from it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def rooms(layer: Path) -> dict[str, set[str]]:
    """Each room of a layer, with those that it imports."""
    names = {path.stem for path in layer.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }
    prefix = f"{layer.parent.name}.{layer.name}."
    found: dict[str, set[str]] = {name: set() for name in names}
    for path in layer.rglob("*.py"):
        room = path.relative_to(layer).parts[0].removesuffix(".py")
        if room not in names:
            continue
        heads = {each.removeprefix(prefix).split(".")[0] for each in imported(path) if each.startswith(prefix)}
        found[room] |= (heads & names) - {room}
    return found


def floors(graph: dict[str, set[str]]) -> int:
    """The number of rooms on the longest way down.

    Raises:
        CycleError: there is a circle.
    """
    depth: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        depth[room] = 1 + max((depth[each] for each in graph[room]), default=0)
    return max(depth.values(), default=0)


def main() -> None:
    """Print a line for each layer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?", default=Path("layers/shared/billing"))
    parser.add_argument("--list", action="store_true", help="each room with what it imports")
    options = parser.parse_args()
    circles = False
    for name in LAYERS:
        layer = options.package / name
        if not layer.is_dir():
            continue
        graph = rooms(layer)
        try:
            height = str(floors(graph))
        except CycleError as error:
            height, circles = "circle: " + " -> ".join(error.args[1]), True
        print(f"{name:13} {len(graph):3} rooms {sum(map(len, graph.values())):4} arrows {height:>3} floors")
        for room in sorted(graph) if options.list else ():
            print(f"    {room:16} {' '.join(sorted(graph[room]))}")
    sys.exit(circles)


if __name__ == "__main__":
    main()
