"""Import time of each function in a fresh interpreter, beside the same stack under FastAPI and Mangum.

What an import costs is what a cold start costs: the handler module makes its routes and its DynamoDB client, and
talks to nobody. The figure that decides is CPU time, which a busy machine disturbs least; both sides take turns.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks import ROOT
from benchmarks.report import Row, Section, verdict

BUDGET = 0.6
ROUNDS = 5
_AT_MOST_S = 60.0
_ONE_S = 30.0
Pair = tuple[str, str]  # function, side
Times = tuple[float, float]  # wall and CPU milliseconds
_NO_WEB = {"billing_sweep", "billing_worker", "usage_worker"}


def functions() -> list[str]:
    """The functions by name."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def environment() -> dict[str, str]:
    """What template.yaml gives a function, as far as an import looks at it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TABLE_", "PYTHON"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "BILLING_QUEUE_URL": "http://127.0.0.1:9/000000000000/billing.fifo",
        "KMS_KEY_ID": "key",
        "STRIPE_SECRET_ID": "stripe",
        "POWERTOOLS_SERVICE_NAME": "benchmark",
    }


def once(name: str, side: str) -> Times:
    """Wall and CPU milliseconds of one import.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", "benchmarks.imports.one", name, side]
    env = environment()
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=_ONE_S)
    if done.returncode:
        raise RuntimeError(f"{name}, {side}: {done.stderr.strip().splitlines()[-1]}")
    wall, cpu = done.stdout.split()[-2:]
    return float(wall), float(cpu)


def measure() -> Section:
    """The whole table."""
    section = Section(
        "Import of a function, fresh interpreter",
        ["function", "ours, ms CPU", "FastAPI + Mangum, ms CPU", "ratio", "budget", "ours, ms wall"],
    )
    runs = _runs([(name, side) for name in functions() for side in _sides(name)])
    for name in functions():
        section.rows.append(_row(name, runs))
    section.notes = [
        f"Medians of {min(map(len, runs.values()))} or more interleaved runs. The peer imports the same handler files",
        "over FastAPI (peer_http.py): the same routes, schemas, services, storage, integrations and logger.",
        "billing_sweep and billing_worker serve no HTTP, so there is nothing to replace in them.",
    ]
    return section


def _runs(pairs: list[Pair]) -> dict[Pair, list[Times]]:
    """What each import took, in rounds; at least one round, and after that as many as there is time for."""
    print("    warming the file cache", file=sys.stderr, flush=True)
    for pair in pairs:
        if pair[1] == "ours" or pair[0] in ("customers", "stripe_webhook"):
            once(*pair)  # writes the bytecode; the other peers load the same files
    runs: dict[Pair, list[Times]] = {pair: [] for pair in pairs}
    started = time.monotonic()
    for n in range(ROUNDS):
        print(f"    round {n + 1} of at most {ROUNDS}", file=sys.stderr, flush=True)
        for pair in pairs if n % 2 else reversed(pairs):
            if n and time.monotonic() - started > _AT_MOST_S:
                return runs
            runs[pair].append(once(*pair))
    return runs


def _sides(name: str) -> list[str]:
    return ["ours"] if name in _NO_WEB else ["ours", "peer"]


def _row(name: str, runs: dict[Pair, list[Times]]) -> Row:
    wall = median(run[0] for run in runs[name, "ours"])
    ours = median(run[1] for run in runs[name, "ours"])
    if name in _NO_WEB:
        return Row([name, f"{ours:.0f}", "-", "-", "-", f"{wall:.0f}"], "", {"ours_ms": ours, "wall_ms": wall})
    peer = median(run[1] for run in runs[name, "peer"])
    ratio = ours / peer
    cells = [name, f"{ours:.0f}", f"{peer:.0f}", f"{ratio:.2f}", f"{BUDGET:.2f}", f"{wall:.0f}"]
    figures = {"ours_ms": ours, "peer_ms": peer, "ratio": ratio, "wall_ms": wall}
    return Row(cells, verdict(ratio, BUDGET), figures)


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    measure().save(parser.parse_args().out)


if __name__ == "__main__":
    main()
