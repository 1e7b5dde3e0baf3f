"""A local stack of one's own, as ``make run`` and ``make e2e`` start it: on free ports, gone afterwards."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.config import named_tables, tables_variable
from local.console import Failure
from local.stack import run
from local.stack.deploy import client
from local.stack.routes import function_names, template
from local.stack.settings import Paths, Ports, aws_environment

_WARM_UP_S = 120.0
"""How long to wait for the first call of each function; an idle machine takes a tenth of it."""


class NotThere(Exception):
    """There is no stack to measure; the message says why."""


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up.

    Args:
        known: its ``stack.json``: addresses, keys, tables.
        folder: for whatever has to be on its disk.
    """

    ports: Ports
    known: dict[str, Any]
    folder: Path

    def become_a_function(self) -> None:
        """Give this process the environment of the stack's functions, so that the product runs in it as in theirs.

        It stays so: this is for a process that does nothing else afterwards.
        """
        os.environ.update(aws_environment(self.ports))
        functions = client("lambda", self.ports)
        tables: dict[str, str] = {}
        for name in function_names(template()).values():  # each has only what it needs, and only its tables
            configured = functions.get_function_configuration(FunctionName=name)
            variables = configured["Environment"]["Variables"]
            tables |= named_tables(variables.get("TABLES", ""))
            os.environ.update(variables)
        os.environ["TABLES"] = tables_variable(tables)
        os.environ["POWERTOOLS_LOG_LEVEL"] = "WARNING"  # its lines belong to nobody here

    def webhook_secret(self, connect: bool = False) -> str:
        """What Stripe signs with; for the endpoint of connected accounts where that is meant."""
        manager = client("secretsmanager", self.ports)
        secret = json.loads(manager.get_secret_value(SecretId=self.known["stripe_secret_id"])["SecretString"])
        return str(secret["connect_webhook_secrets" if connect else "webhook_secrets"][0])


def _stop_the_schedule(ports: Ports) -> None:
    """Every minute it wakes eighteen Lambdas, which on AWS do not share their cores with what is measured here."""
    scheduler = client("scheduler", ports)
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"])


@contextmanager
def running() -> Iterator[RunningStack]:
    """Start one, and stop it again.

    Raises:
        NotThere: it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="ledgerline-bench-"))
    paths = Paths(folder)
    stack = None
    try:
        try:
            with redirect_stdout(sys.stderr):  # what it says of its start is not of the report
                stack = run.Stack(paths, Ports.free(), saves=False)
                stack.start(_WARM_UP_S)
                _stop_the_schedule(stack.ports)
        except Failure as failure:
            raise NotThere(str(failure)) from None
        yield RunningStack(stack.ports, json.loads(paths.stack.read_text()), folder)
    finally:
        run.ignore_signals()
        if stack is not None:
            stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
