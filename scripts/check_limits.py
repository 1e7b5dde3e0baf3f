"""Holds the length of functions and modules: at most 70 lines a function, 450 a module, tests too.

    python scripts/check_limits.py [FILE or FOLDER ...]

A function's lines are those from its ``def`` to its last one, with docstring, comments and blank lines in between; its
decorators do not count, functions inside it do. A module's are all lines of its file. Each offender is printed as
``path:line: name: length > limit``, and then the script exits 1.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOTS = ("layers", "functions", "local", "operations", "scripts", "benchmarks", "tests")
MOST_FUNCTION_LINES = 70
MOST_MODULE_LINES = 450


def offenders(path: Path) -> Iterator[str]:
    """What is too long in a file, as it is printed."""
    text = path.read_text(encoding="utf-8")
    length = len(text.splitlines())
    if length > MOST_MODULE_LINES:
        yield f"{path}:1: module: {length} > {MOST_MODULE_LINES} lines"
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name}: {length} > {MOST_FUNCTION_LINES} lines"


def modules(root: Path) -> list[Path]:
    """A file itself, or a folder's modules at any depth, in order."""
    return [root] if root.is_file() else sorted(root.rglob("*.py"))


def main(roots: list[str]) -> int:
    """Print every offender among files and below folders; the exit code."""
    found = [line for root in roots for path in modules(Path(root)) for line in offenders(path)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(ROOTS)))
