"""A second deploy, by the operator's command, that changes nothing but a tag: every stack's first week brings one.

Lambda takes no second version of the same configuration, and a tag is in none: what publishes a version all the same is
the digest of infra/ in CONFIG_REVISION (scripts/template.py).
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from local.console import Failure, step
from local.stack import seed
from local.stack.deploy import client
from local.stack.routes import ALIAS
from local.stack.settings import HOST, ROOT, Paths, Ports, aws_environment
from scripts.template import generate

LIMITS = ("ApiRateLimitPerSecond=1000", "ApiBurstLimit=2000")
"""A stage `dev` lets fewer calls through than a suite makes."""
TAG = "      project: ledgerline\n"


def deploy_with_another_tag(paths: Paths, ports: Ports) -> None:
    """Deploy again with one more tag on every function.

    Raises:
        Failure: the deploy fails, or the alias of a function still points at the version of the first one.
    """
    before = live_versions(ports)
    folder = paths.base / "infra"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "infra", folder)
    part = folder / "stack.yaml"
    said = part.read_text()
    if TAG not in said:
        raise Failure(f"infra/{part.name} has no tag to put another one beside")
    part.write_text(said.replace(TAG, TAG + "      owner: finance\n", 1))
    template = paths.base / "template.yaml"
    # It lies elsewhere, so that where the code is has to be said whole.
    template.write_text(re.sub(r"((?:Code|Content)Uri: )", rf"\g<1>{ROOT}/", generate(folder)))
    run_deploy(paths, ports, template)
    after = live_versions(ports)
    stayed = sorted(name for name, version in before.items() if after.get(name) == version)
    if stayed:
        raise Failure(f"the second deploy published no version of {', '.join(stayed)}")


def run_deploy(paths: Paths, ports: Ports, template: Path) -> None:
    """What `make deploy STAGE=dev` runs, against the emulator; the packages of the layers are the emulator's own.

    Raises:
        Failure: it failed.
    """
    command = [sys.executable, "-m", "operations", "deploy", "--stage", "dev", "--template", str(template)]
    command += ["--build-dir", str(paths.build), "--folder", str(paths.base / "deploys")]
    command += ["LogRetentionDays=1", *LIMITS]
    command += ["--api-url", f"http://{HOST}:{ports.api}", "--webhook-url", seed.webhook_url(ports)]
    command += ["--connect-webhook-url", seed.connect_webhook_url(ports)]
    env = aws_environment(ports) | {"LEDGERLINE_LAYERS": "empty", "PYTHON": sys.executable}
    log = paths.logs / "operations-deploy.log"
    with step("python -m operations deploy"), log.open("w") as sink:
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=sink, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Failure(f"operations deploy: {log.read_text(errors='replace').strip().splitlines()[-1]} (log: {log})")


def live_versions(ports: Ports) -> dict[str, str]:
    """The version that each function's alias points at, by the function's name."""
    functions = client("lambda", ports)
    pages = functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    return {name: functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"] for name in names}
