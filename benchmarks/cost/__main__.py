"""``python -m benchmarks.cost``: writes the tables of docs/cost.md; ``--check`` exits 1 where they are stale.

``--take .local/bench.json`` takes the figures of a run of ``make bench`` first (calls, usage and webhooks).
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.cost.inputs import Measured
from benchmarks.cost.page import PAGE, rendered, sheet


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description="The tables of docs/cost.md.")
    parser.add_argument("--check", action="store_true", help="exit 1 where the page is stale, and write nothing")
    parser.add_argument("--take", type=Path, help="results of make bench, whose figures are committed from now on")
    options = parser.parse_args()
    if options.take:
        try:
            Measured.taken(json.loads(options.take.read_text())).save()
        except KeyError as missing:
            print(
                f"error: {options.take} has no table {missing}: make bench, with calls, usage, webhooks",
                file=sys.stderr,
            )
            return 1
    text = PAGE.read_text()
    wanted = rendered(text, sheet())
    if options.check:
        if text != wanted:
            print("error: docs/cost.md is stale: python -m benchmarks.cost", file=sys.stderr)
        return int(text != wanted)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
