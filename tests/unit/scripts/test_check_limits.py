"""Issue 10: the limits of functions and modules are held by lint."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def checked(*roots: Path | str) -> tuple[int, list[str]]:
    """The script's exit code, and what it prints of some folders."""
    command = [sys.executable, "scripts/check_limits.py", *map(str, roots)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def function(lines: int, head: str = "def long():") -> str:
    """A function of so many lines, from ``def`` to the last one."""
    begin = f'@decorator("does not count")\n{head}\n    """Counts."""\n    # So does this, and a blank line.\n'
    return begin + "\n    pass" * (lines - 4)


@pytest.mark.parametrize("head", ["def long():", "async def long():"])
def test_a_function_has_seventy_lines_at_most(tmp_path: Path, head: str) -> None:
    file = tmp_path / "module.py"
    file.write_text(function(70, head))
    assert checked(tmp_path) == (0, [])
    file.write_text("\n" + function(71, head))
    assert checked(tmp_path) == (1, [f"{file}:3: long: 71 > 70 lines"])


def test_a_method_and_an_inner_function_count(tmp_path: Path) -> None:
    inner = "\n".join("    " + line for line in function(71).splitlines())
    file = tmp_path / "module.py"
    file.write_text("class Outer:\n" + inner)
    assert checked(tmp_path) == (1, [f"{file}:3: long: 71 > 70 lines"])
    file.write_text("def outer():\n" + inner)
    assert checked(tmp_path) == (1, [f"{file}:1: outer: 73 > 70 lines", f"{file}:3: long: 71 > 70 lines"])


def test_a_module_has_450_lines_at_most(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "module.py"
    file.write_text("x = 1\n" * 450)
    assert checked(tmp_path) == (0, [])
    file.write_text("x = 1\n" * 451)
    assert checked(tmp_path) == (1, [f"{file}:1: module: 451 > 450 lines"])


def test_every_offender_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(function(71))
    (tmp_path / "b.py").write_text(function(460))
    code, lines = checked(tmp_path)
    assert code == 1
    assert [line.rsplit("/", 1)[-1] for line in lines] == [
        "a.py:2: long: 71 > 70 lines",
        "b.py:1: module: 461 > 450 lines",
        "b.py:2: long: 460 > 70 lines",
    ]


def test_a_single_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(function(71))
    (tmp_path / "b.py").write_text(function(71))
    code, lines = checked(tmp_path / "b.py")
    assert (code, len(lines)) == (1, 1)
