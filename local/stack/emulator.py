"""The AWS emulator as a child process."""

import sys
import time
from pathlib import Path

from local.stack.processes import Child
from local.stack.saving_emulator import Unsaved
from local.stack.settings import HOST, REGION, ROOT, Paths, Ports, aws_environment

# Only what the template uses, and what `sam deploy` needs to put it there.
SERVICES = (
    "apigateway,cloudformation,cloudwatch,dynamodb,dynamodbstreams,events,iam,kms,lambda,logs,s3,scheduler,"
    "secretsmanager,sqs,sts"
)
READY_TIMEOUT_S = 90.0  # it reads its state first: some seconds for every 100,000 usage events
STOP_TIMEOUT_S = 120.0  # it writes all of its state when it is asked to stop
WORKER_IDLE_S = 60  # a burst's extra workers hold 110 MB each; the first of a function stays


def what_was_lost(paths: Paths) -> str | None:
    """What the emulator had not saved when it was killed, in a sentence; None where nothing is missing."""
    unsaved = Unsaved(paths.emulator_state)
    since, count = unsaved.since(), len(unsaved)
    unsaved.clear()
    if since is None or not count:
        return None
    at = time.strftime("%H:%M:%S", time.localtime(since))
    return (
        f"the last run was killed: {count} writes to tables and queues up to {at} were not saved and are lost; "
        "the Stripe sandbox keeps its side (make clean-run forgets both)"
    )


def start_emulator(paths: Paths, ports: Ports, *, saves: bool = False) -> Child:
    """Start the emulator on the saved state. Its Lambdas run in this interpreter: it has their packages.

    Args:
        saves: every few seconds, not only when it is stopped; a benchmark wants its cores for itself.
    """
    env = aws_environment(ports)
    env |= {
        "GATEWAY_PORT": str(ports.aws),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "SERVICES": SERVICES,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(paths.emulator_state.resolve()),
        "IOT_MTLS_ENABLED": "false",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": str(WORKER_IDLE_S),
        "WEBHOOK_LOOPBACK": "1",  # its Lambdas inherit it; the template does not have it, for on AWS it would be a hole
        "PATH": f"{Path(sys.executable).parent}:{env.get('PATH', '')}",
    }
    if saves:
        env["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "local.stack.saving_emulator" if saves else "ministack"]
    return Child.start("emulator", command, env=env, cwd=paths.base, logs=paths.logs)


def wait_for_emulator(child: Child, ports: Ports) -> None:
    """Return when it takes requests."""
    child.wait_until_ready(f"http://{HOST}:{ports.aws}/_ministack/health", READY_TIMEOUT_S)
