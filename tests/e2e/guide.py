"""The README and the pages of docs/guide as what they are: stories of commands, with what they print.

A page's blocks of ``bash`` are one script, run from the first line to the last, so that a later block has the variables
of an earlier one. What stands behind a block as ``json`` or ``text`` is what it printed. ``console`` is not run: it is
for what stays in the foreground, and for what needs an AWS account.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

from local.stack.settings import ROOT

GUIDE = ROOT / "docs" / "guide"
LONGEST_S = 900
"""A limit for what hangs; a busy machine may take its time."""
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "=== the next block ==="
_MADE_UP = re.compile(r"\b([a-z]{2,5})_(?:secret_)?[0-9A-Za-z]{10,}(?:_secret_\w+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass(frozen=True)
class Block:
    """Commands, and what the page says that they print; None where it says nothing.

    Args:
        kind: of what is printed: ``json`` or ``text``.
    """

    commands: str
    kind: str = ""
    printed: str | None = None


def blocks(page: Path) -> list[Block]:
    """What of a page is run, in order."""
    fenced = [(match[1], match[2]) for match in _FENCED.finditer(page.read_text())]
    found = []
    for (kind, text), (next_kind, next_text) in zip_longest(fenced, fenced[1:], fillvalue=("", "")):
        if kind == "bash":
            says = next_kind in ("json", "text")
            found.append(Block(text, next_kind, next_text) if says else Block(text))
    return found


def printed(page: Path, folder: Path, **environment: str) -> list[tuple[Block, str]]:
    """Each block of a page with what it prints, for somebody who pastes one after the other.

    Args:
        folder: where they do; what the page writes is written there.

    Raises:
        AssertionError: a command failed.
    """
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT"]
    found = blocks(page)
    for block in found:
        script += [block.commands, f"echo; echo '{_MARK}'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return list(zip(found, done.stdout.split(f"\n{_MARK}\n")[:-1], strict=True))


def values(text: str) -> Iterator[Any]:
    """The JSON values of a text, one after the other."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        yield value
        rest = rest[end:].lstrip()


@dataclass
class Comparison:
    """Whether something is what a page says, but for ids, which are others each time, and the wall clock's times.

    Args:
        ids: those of the page, with what they are called here.
    """

    ids: dict[str, str] = field(default_factory=dict)

    def compares(self, said: Any, there: Any, place: str = "") -> None:
        """Raise where they differ."""
        if isinstance(said, dict) and isinstance(there, dict):
            assert list(said) == list(there), place
            for name in said:
                self.compares(said[name], there[name], f"{place}.{name}")
        elif isinstance(said, list) and isinstance(there, list):
            assert len(said) == len(there), place
            for n, (one, other) in enumerate(zip(said, there, strict=True)):
                self.compares(one, other, f"{place}.{n}")
        elif isinstance(said, str) and isinstance(there, str):
            assert self._as_here(said, there) == there, place
        else:
            assert said == there, place

    def _as_here(self, said: str, there: str) -> str:
        """A text of the page with this run's ids and times in it."""
        for one, other in zip(_MADE_UP.finditer(said), _MADE_UP.finditer(there), strict=False):
            if one[1] == other[1]:
                self.ids.setdefault(one[0], other[0])
        said = _MADE_UP.sub(lambda match: self.ids.get(match[0], match[0]), said)
        for one, other in zip(_TIME.finditer(said), _TIME.finditer(there), strict=False):
            # A test clock's time is the same each time.
            if abs(datetime.fromisoformat(other[0]) - datetime.now(UTC)) < timedelta(days=45):
                said = said.replace(one[0], other[0])
        return said


def check(page: Path, folder: Path, **environment: str) -> None:
    """Run a page, and compare what it prints with what it says."""
    comparison = Comparison()
    for block, text in printed(page, folder, **environment):
        if block.printed is None:
            continue
        if block.kind == "json":
            comparison.compares(list(values(block.printed)), list(values(text)), block.commands)
        else:
            comparison.compares(block.printed.split(), text.split(), block.commands)
