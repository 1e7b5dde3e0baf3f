"""What the import times are compared with: every handler that serves HTTP, over FastAPI."""

import subprocess
import sys

import pytest

from benchmarks.imports.table import environment, functions, has_peer
from local.stack.settings import ROOT

_IMPORTED = """
import runpy, sys
from benchmarks.imports.one import become_peer
become_peer()
for name in sys.argv[1:]:
    sys.path.insert(0, f"functions/{name}")
    assert callable(runpy.run_path(f"functions/{name}/handler.py")["lambda_handler"]), name
    print(name, flush=True)
    del sys.path[0]
assert "aws_lambda_powertools.event_handler" not in sys.modules
"""


def test_every_handler_that_serves_http_can_be_imported_over_the_peer() -> None:
    """The benchmark failed unseen where the routes had got an argument that the peer's did not have."""
    names = [name for name in functions() if has_peer(name)]
    assert {"invoices", "payments", "stripe_webhook"} <= set(names)
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}"}
    command = [sys.executable, "-c", _IMPORTED, *names]
    done = subprocess.run(command, cwd=ROOT, env=environment() | path, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"after {done.stdout.split()[-1:]}: {done.stderr[-2000:]}")
    assert done.stdout.split() == names
