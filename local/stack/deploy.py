"""`sam build` and `sam deploy` of the one template, against the emulator.

Skipped when nothing changed since the emulator's state was saved, for that is most of a start's time.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.console import Failure, step
from local.stack.settings import HOST, REGION, ROOT, STACK_NAME, Paths, Ports, aws_environment

BUCKET = "ledgerline-artifacts"
SAM = ROOT / ".venv-sam" / "bin" / "sam"
SOURCES = ("template.yaml", "functions", "layers", "local/stack/deploy.py", "local/stack/routes.py")
GOOD_STATES = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def client(service: str, ports: Ports) -> Any:
    """A boto3 client of the emulator."""
    make: Any = boto3.client  # the stubs want the service as a literal
    return make(
        service,
        endpoint_url=f"http://{HOST}:{ports.aws}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
    )


def sources() -> Iterator[Path]:
    """Every file that a deploy depends on, in a fixed order."""
    for name in SOURCES:
        path = ROOT / name
        if path.is_file():
            yield path
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(each for each in folders if each != "__pycache__")
            yield from (Path(folder) / each for each in sorted(files) if not each.endswith(".pyc"))


def fingerprint(ports: Ports) -> str:
    """What was deployed: code, template, layers, and the addresses that went into it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ports}".encode())
    for path in sources():
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def outputs(ports: Ports) -> dict[str, str]:
    """The stack's outputs; empty if there is no healthy stack."""
    try:
        stack = client("cloudformation", ports).describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError:
        return {}
    if stack["StackStatus"] not in GOOD_STATES:
        return {}
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def is_current(paths: Paths, ports: Ports) -> bool:
    """Whether the emulator came back with exactly this deployed. A killed emulator comes back without it."""
    return paths.deployed.exists() and paths.deployed.read_text() == fingerprint(ports) and bool(outputs(ports))


def run_sam(title: str, arguments: list[str], paths: Paths, env: dict[str, str]) -> None:
    """One sam command, its output in a log; its first error line is ours."""
    log = paths.logs / f"sam-{arguments[0]}.log"
    with step(title), log.open("w") as sink:
        done = subprocess.run([SAM, *arguments], cwd=ROOT, env=env, stdout=sink, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("Error") or "FAILED" in line]
        raise Failure(f"sam {arguments[0]} failed: {(errors or lines or ['no output'])[-1]} (log: {log})")


def deploy(paths: Paths, ports: Ports, template: Path = ROOT / "template.yaml") -> None:
    """Build and deploy what is in the tree, as a template says."""
    if not SAM.exists():
        raise Failure("aws-sam-cli is not installed: make setup")
    env = aws_environment(ports) | {"LEDGERLINE_LAYERS": "empty", "PYTHON": sys.executable}
    # The template that build writes is what deploy reads; the packages of the layers are the emulator's own.
    build = ["build", "--template-file", str(template), "--base-dir", str(ROOT), "--build-dir", str(paths.build)]
    run_sam("sam build", build, paths, env)
    make_bucket(ports)
    sandbox = f"http://{HOST}:{ports.stripe}"
    parameters = [f"StripeApiBase={sandbox}", f"TaxJarApiBase={sandbox}", "Stage=dev", "LogRetentionDays=1"]
    parameters.append(
        f"DocumentationBaseUrl=http://{HOST}:{ports.api}/docs"
    )  # nobody knows the API by its own name here
    api = f"http://{HOST}:{ports.api}"
    parameters += [f"IssuerUrl={api}", f"MailboxUrl={api}/_gateway/mailbox"]
    arguments = ["deploy", "--template-file", str(paths.build / "template.yaml"), "--stack-name", STACK_NAME]
    arguments += ["--s3-bucket", BUCKET, "--region", REGION, "--capabilities", "CAPABILITY_IAM"]
    arguments += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
    paths.deployed.unlink(missing_ok=True)
    run_sam("sam deploy", [*arguments, "--parameter-overrides", *parameters], paths, env)
    wait_for_functions(ports)


def make_bucket(ports: Ports) -> None:
    """Make the bucket for sam's artifacts. It is not kept: the emulator stores the functions' code itself."""
    client("s3", ports).create_bucket(Bucket=BUCKET)


def wait_for_functions(ports: Ports) -> None:
    """The stack must really be there: `sam deploy` can end well on a stack that rolled back."""
    deadline = time.monotonic() + 30
    while not outputs(ports):
        if time.monotonic() > deadline:
            raise Failure(f"the stack {STACK_NAME} did not come up (log: .local/logs/sam-deploy.log)")
        time.sleep(0.5)
