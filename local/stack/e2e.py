"""`make e2e`: a fresh stack on free ports, deployed a second time, the suite against it, and down again."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.console import Failure, say
from local.stack.run import Stack, ignore_signals, interrupt_on_signals
from local.stack.second_deploy import deploy_with_another_tag
from local.stack.settings import ROOT, Paths, Ports

KEPT_LOGS = ROOT / ".local" / "e2e-logs"


def run_suite(stack: Stack, arguments: list[str]) -> int:
    """pytest's own exit code."""
    env = os.environ | {"LEDGERLINE_STACK_FILE": str(stack.paths.stack.resolve())}
    command = [sys.executable, "-m", "pytest", *(arguments or ["tests/e2e"])]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def main() -> int:
    """Arguments go to pytest in place of the folder: `python -m local.stack.e2e tests/e2e -k invoices -x`."""
    interrupt_on_signals()
    base = Path(tempfile.mkdtemp(prefix="ledgerline-e2e-"))
    stack = Stack(Paths(base), Ports.free())
    code = 1
    try:
        stack.start(warm_up_s=120.0)
        say("a second deploy, with nothing but another tag:")
        deploy_with_another_tag(stack.paths, stack.ports)
        code = run_suite(stack, sys.argv[1:])
        stack.watch()
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        code = 1
    except KeyboardInterrupt:
        code = 130
    finally:
        ignore_signals()
        stack.stop()
        if code != 0:
            shutil.rmtree(KEPT_LOGS, ignore_errors=True)
            shutil.copytree(stack.paths.logs, KEPT_LOGS, dirs_exist_ok=True)
            say(f"logs of the stack: {KEPT_LOGS}")
        shutil.rmtree(base, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
