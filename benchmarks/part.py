"""What every part of ``make bench`` does as a process: it says how far it is, and ends when it is told to."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.report import Section, save_all


def progress(what: str) -> None:
    """A line for whoever waits."""
    print(f"    {what}", file=sys.stderr, flush=True)


def _terminated(*_: object) -> NoReturn:
    sys.exit(143)


def end_in_order() -> None:
    """Have SIGTERM unwind the stack, so that each ``with`` stops what it started: an emulator, a sandbox."""
    signal.signal(signal.SIGTERM, _terminated)


def save_measured(measure: Callable[[], Sequence[Section]]) -> None:
    """Measure, and put the tables into the file that the command line names."""
    end_in_order()
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    save_all(measure(), parser.parse_args().out)
