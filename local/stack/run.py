"""`make run`: the whole stack on this machine, in the foreground, until Ctrl-C."""

import argparse
import fcntl
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import urlsplit

from local.console import Failure, say, step
from local.stack import seed
from local.stack.demo_admin import ensure_admin
from local.stack.deploy import client, deploy, fingerprint, is_current, outputs
from local.stack.emulator import STOP_TIMEOUT_S, start_emulator, wait_for_emulator, what_was_lost
from local.stack.gateway import HEALTH
from local.stack.processes import Child
from local.stack.routes import (
    ALIAS,
    create_routes,
    enable_recovery,
    enable_ttl,
    function_names,
    limit_concurrency,
    template,
)
from local.stack.settings import HOST, ROOT, STACK_NAME, Paths, Ports, aws_environment

READY_TIMEOUT_S = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stack:
    """The running processes of one local stack, and the order in which they start and stop.

    Args:
        saves: whether the emulator saves as it goes, so that a kill loses seconds and not a day.
    """

    def __init__(self, paths: Paths, ports: Ports, *, saves: bool = True) -> None:
        self.paths, self.ports, self.saves = paths, ports, saves
        self.children: list[Child] = []
        self.keys = seed.Keys()
        self.lock: IO[str] | None = None

    def start(self, warm_up_s: float = 10.0) -> None:
        """Bring everything up. On a failure the caller stops what is there."""
        self.paths.make()
        self._take_lock()
        self.ports.require_free()
        self.paths.stack.unlink(missing_ok=True)  # nobody should read the addresses of an earlier start
        lost = what_was_lost(self.paths)
        if lost:
            say(f"  {lost}")
        with step("emulator and Stripe sandbox"):
            emulator = self._started(start_emulator(self.paths, self.ports, saves=self.saves))
            sandbox = self._started(self._start_sandbox())
            wait_for_emulator(emulator, self.ports)
            sandbox.wait_until_ready(f"http://{HOST}:{self.ports.stripe}/_sandbox/health", READY_TIMEOUT_S)
        self._deploy_if_changed()
        found = outputs(self.ports)
        with step("gateway"):
            self._start_gateway(found)
        with step("Stripe credentials, platform key, tenant"):
            self._seed(found)
        with step("warming up"):
            seed.warm_up(self.ports, warm_up_s)
        seed.write_stack_file(self.paths, self.ports, self.keys, found)

    def _take_lock(self) -> None:
        """Two emulators on one state would each overwrite what the other saved."""
        self.lock = (self.paths.base / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(f"another `make run` uses {self.paths.base}: stop it first") from None

    def _started(self, child: Child) -> Child:
        self.children.append(child)
        return child

    def _start_sandbox(self) -> Child:
        command = [sys.executable, "-m", "local.stripe_sandbox"]
        command += ["--port", str(self.ports.stripe), "--db", str(self.paths.stripe_db.resolve())]
        return Child.start("stripe", command, env=aws_environment(self.ports), cwd=ROOT, logs=self.paths.logs)

    def _deploy_if_changed(self) -> None:
        if is_current(self.paths, self.ports):
            say("  nothing changed: using what is deployed")
            return
        deploy(self.paths, self.ports)
        found = outputs(self.ports)
        with step("routes, TTL, recovery, concurrency"):
            create_routes(self.ports, found["ApiId"])
            enable_ttl(self.ports, found)
            enable_recovery(self.ports, found)
            limit_concurrency(self.ports)
        self.paths.deployed.write_text(fingerprint(self.ports))

    def _start_gateway(self, found: dict[str, str]) -> None:
        functions = client("lambda", self.ports)
        hosts = []
        for function in ("StripeWebhookFunction", "TaxWebhookFunction"):
            name = function_names(template())[function]
            url = functions.get_function_url_config(FunctionName=name, Qualifier=ALIAS)["FunctionUrl"]
            hosts.append(urlsplit(url).netloc)
        command = [sys.executable, "-m", "local.stack.gateway", "--api-id", found["ApiId"]]
        command += ["--api-port", str(self.ports.api), "--webhook-port", str(self.ports.webhook)]
        command += ["--aws-port", str(self.ports.aws), "--stripe-host", hosts[0], "--tax-host", hosts[1]]
        env = aws_environment(self.ports)
        child = self._started(Child.start("gateway", command, env=env, cwd=ROOT, logs=self.paths.logs))
        child.wait_until_ready(f"http://{HOST}:{self.ports.webhook}{HEALTH}", READY_TIMEOUT_S)

    def _seed(self, found: dict[str, str]) -> None:
        self.keys = seed.Keys.load(self.paths.keys)
        seed.ensure_stripe(self.keys, self.ports, found["StripeSecretId"])
        seed.put_tax_secret(self.keys, self.ports, found["TaxSecretId"])
        tables = {each.lower(): found[f"Table{each}"] for each in ("Callers", "Access", "Tenants")}
        seed.ensure_tenant(self.keys, self.ports, tables, lambda: self.keys.save(self.paths.keys))
        ensure_admin(self.keys, self.ports)
        self.keys.save(self.paths.keys)

    def watch(self) -> None:
        """Fail when a child ends by itself."""
        for child in self.children:
            child.require_alive()

    def stop(self) -> None:
        """Stop in the opposite order: no new requests first, the emulator (which saves its state) last."""
        self.paths.stack.unlink(missing_ok=True)
        for child in reversed(self.children):
            child.stop(STOP_TIMEOUT_S)
        self.children.clear()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """What Ctrl-C does by itself."""
    raise KeyboardInterrupt


def interrupt_on_signals() -> None:
    """SIGTERM and a closed terminal end the stack as Ctrl-C does.

    SIGINT is named because a shell starts what it puts in the background with SIGINT ignored.
    """
    for each in STOP_SIGNALS:
        signal.signal(each, interrupt)


def ignore_signals() -> None:
    """From here on a second Ctrl-C would lose the state that is being saved."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def print_welcome(stack: Stack) -> None:
    """Addresses, the key, and where to begin."""
    say(f"""
Ledgerline is running (stack {STACK_NAME}).

  API              http://{HOST}:{stack.ports.api}/v1
  Stripe webhook   {seed.webhook_url(stack.ports)}
  tax webhook      {seed.tax_webhook_url(stack.ports)}
  Stripe sandbox   http://{HOST}:{stack.ports.stripe} (Stripe Tax, and /v2/taxes as TaxJar, too)
  AWS emulator     http://{HOST}:{stack.ports.aws}
  tenant           {stack.keys.tenant_id}
  API key          {stack.keys.api_key}
  dashboard        {seed.dashboard_url(stack.ports, stack.keys)}
  sign in as       {stack.keys.admin_email} with {stack.keys.admin_password}
  all of it        {stack.paths.stack}        logs: {stack.paths.logs}/

Try:

  source docs/guide/call.sh     in another terminal, in this folder: curl with address and key
  call POST /v1/customers '{{"name": "Ada", "email": "ada@example.com"}}'

and go on with docs/guide/first-hour.md; or: make demo. Ctrl-C stops it; the data stays until make clean-run.""")


def main() -> int:
    """Run until a signal comes or a child dies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=ROOT / ".local", help="folder of data and logs")
    parser.add_argument("--free-ports", action="store_true", help="any free ports, not the fixed ones")
    options = parser.parse_args()
    interrupt_on_signals()
    started = time.monotonic()
    stack: Stack | None = None
    try:
        ports = Ports.free() if options.free_ports else Ports.fixed()
        stack = Stack(Paths(options.state_dir), ports)
        stack.start()
        print_welcome(stack)
        say(f"(started in {time.monotonic() - started:.0f} s)")
        while True:
            time.sleep(0.5)
            stack.watch()
    except KeyboardInterrupt:
        return 0
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return 1
    finally:
        ignore_signals()
        if stack and stack.children:
            say("\nstopping; the data is being saved ...")
            stack.stop()
            say("stopped.")


if __name__ == "__main__":
    sys.exit(main())
