"""The AWS emulator as a child process."""

import sys
from pathlib import Path

from local.stack.processes import Child
from local.stack.settings import HOST, REGION, Paths, Ports, aws_environment

# Only what the template uses, and what `sam deploy` needs to put it there.
SERVICES = (
    "apigateway,cloudformation,cloudwatch,dynamodb,dynamodbstreams,events,iam,kms,lambda,logs,s3,scheduler,"
    "secretsmanager,sqs,sts"
)
READY_TIMEOUT_S = 90.0  # it reads its state first: some seconds for every 100,000 usage events
STOP_TIMEOUT_S = 120.0  # it writes its state when it is asked to stop, and only then


def start_emulator(paths: Paths, ports: Ports) -> Child:
    """Start the emulator on the saved state. Its Lambdas run in this interpreter: it has their packages."""
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
        "PATH": f"{Path(sys.executable).parent}:{env.get('PATH', '')}",
    }
    command = [sys.executable, "-m", "ministack"]
    return Child.start("emulator", command, env=env, cwd=paths.base, logs=paths.logs)


def wait_for_emulator(child: Child, ports: Ports) -> None:
    """Return when it takes requests."""
    child.wait_until_ready(f"http://{HOST}:{ports.aws}/_ministack/health", READY_TIMEOUT_S)
