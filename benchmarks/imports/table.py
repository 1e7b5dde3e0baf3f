"""Import time of each function as it is shipped, beside the same stack under FastAPI and Mangum, shipped the same way.

What an import costs is what a cold start costs, or the making of a snapshot: the handler module makes its routes and
its clients, and talks to nobody. Both sides come from layers with bytecode that nobody may write to (``shipped``). The
figure that decides is CPU time, which a busy machine disturbs least; both sides take turns.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks import ROOT
from benchmarks.environment import resolved
from benchmarks.imports.shipped import Shipped, build
from benchmarks.report import Row, Section, verdict

BUDGET = 0.6
"""Of the peer's CPU time."""
CPU_MS = 600
"""What a function's import may take on an idle core."""
ROUNDS = 5
_FOLDER = ROOT / ".local" / "shipped"
_AT_MOST_S = 60.0
_ONE_S = 30.0
Pair = tuple[str, str]  # function, side
Times = tuple[float, float]  # wall and CPU milliseconds
_WEBHOOKS = {"stripe_webhook", "tax_webhook"}


def functions() -> list[str]:
    """The functions by name."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def has_peer(name: str) -> bool:
    """Whether FastAPI can stand for what a function serves HTTP by; workers and pages have nothing to replace."""
    return name in _WEBHOOKS or "billing.edge.http.api" in (ROOT / "functions" / name / "handler.py").read_text()


def environment() -> dict[str, str]:
    """What template.yaml gives a function, as far as an import looks at it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TABLES", "PYTHON"))}
    # No table: those differ from function to function, and an import does not look.
    told = resolved({"TABLES": ""}, lambda name, _: name)
    return (
        kept
        | told
        | {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "POWERTOOLS_SERVICE_NAME": "benchmark",
        }
    )


def once(shipped: Shipped, name: str, side: str) -> Times:
    """Wall and CPU milliseconds of one import.

    Raises:
        RuntimeError: it failed.
    """
    # -S: no packages but the path's. -B: nothing is written, as nobody can write to /opt (root could here).
    command = [shipped.python, "-S", "-B", str(ROOT / "benchmarks/imports/one.py"), side, *shipped.path(name, side)]
    env = environment()
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=_ONE_S)
    if done.returncode:
        raise RuntimeError(f"{name}, {side}: {done.stderr.strip().splitlines()[-1]}")
    wall, cpu = done.stdout.split()[-2:]
    return float(wall), float(cpu)


def measure() -> Section:
    """The whole table."""
    shipped = build(_FOLDER)
    section = Section(
        "Import of a function as shipped, fresh interpreter",
        ["function", "ours, ms CPU", "budget", "FastAPI + Mangum, ms CPU", "ratio", "budget", "ours, ms wall"],
    )
    runs = _runs(shipped, [(name, side) for name in functions() for side in _sides(name)])
    for name in functions():
        section.rows.append(_row(name, runs))
    least = min(map(len, runs.values()))
    section.notes = [
        f"Python {shipped.version}, from built layers with bytecode; medians of {least} or more interleaved runs, and",
        "of the rounds' ratios. The peer imports the same handler files over FastAPI (peer_http.py): the same",
        "routes, schemas, services, storage, integrations, clients and logger. Workers serve no HTTP,",
        "and pages go without a framework: there is nothing to replace in them.",
    ]
    return section


def _runs(shipped: Shipped, pairs: list[Pair]) -> dict[Pair, list[Times]]:
    """What each import took, in rounds; at least one round, and after that as many as there is time for."""
    print("    warming the file cache", file=sys.stderr, flush=True)
    for pair in pairs:
        if pair[0] in ("documents", "invoices", "stripe_webhook"):
            once(shipped, *pair)  # the others load the same files
    runs: dict[Pair, list[Times]] = {pair: [] for pair in pairs}
    started = time.monotonic()
    for n in range(ROUNDS):
        print(f"    round {n + 1} of at most {ROUNDS}", file=sys.stderr, flush=True)
        for pair in pairs if n % 2 else reversed(pairs):
            if n and time.monotonic() - started > _AT_MOST_S:
                return runs
            runs[pair].append(once(shipped, *pair))
    return runs


def _sides(name: str) -> list[str]:
    return ["ours", "peer"] if has_peer(name) else ["ours"]


def _row(name: str, runs: dict[Pair, list[Times]]) -> Row:
    wall = median(run[0] for run in runs[name, "ours"])
    ours = median(run[1] for run in runs[name, "ours"])
    first, figures = [name, f"{ours:.0f}", str(CPU_MS)], {"ours_ms": ours, "wall_ms": wall}
    if not has_peer(name):
        return Row([*first, "-", "-", "-", f"{wall:.0f}"], verdict(ours, CPU_MS), figures)
    peer = median(run[1] for run in runs[name, "peer"])
    # Within a round the two stand next to each other, so that what disturbs the machine disturbs both.
    ratio = median(a[1] / b[1] for a, b in zip(runs[name, "ours"], runs[name, "peer"], strict=False))
    cells = [*first, f"{peer:.0f}", f"{ratio:.2f}", f"{BUDGET:.2f}", f"{wall:.0f}"]
    kept = verdict(max(ratio / BUDGET, ours / CPU_MS), 1)
    return Row(cells, kept, figures | {"peer_ms": peer, "ratio": ratio})


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    measure().save(parser.parse_args().out)


if __name__ == "__main__":
    main()
