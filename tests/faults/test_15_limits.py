"""Issue 15, items 6 and 7: limits are exact, and a signature counts once, also where thirty-two threads ask at once."""

import json
import os
import subprocess
import sys

from tests.faults.processes import ROOT
from tests.faults.stack import Stack
from tests.faults.world import World


def test_not_one_call_more_is_let_in_than_a_limit_has(stack: Stack, own_world: World) -> None:
    """40 a slot, 60 a minute, and 30 for a user, half by its own token and half as a client's ``x-user-id``. And of the
    copies of one signed request, one is accepted.

    96 calls each time, from 32 threads; the clock stands, so that neither window ends meanwhile.
    """
    env = os.environ | {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.faults.limits", stack.url, str(own_world.names["prefix"])]
    run = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"slot": 40, "rest": 20, "user": 30, "copies": 1}
