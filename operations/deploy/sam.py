"""`sam build` and `sam deploy`, as samconfig.toml says for a stage."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.console import Failure
from local.stack.settings import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
CONFIG = ROOT / "samconfig.toml"
BUILD = ROOT / ".aws-sam" / "build"
_LAST_BYTES = 16_384


@dataclass(frozen=True)
class Stage:
    """A stage of samconfig.toml.

    Args:
        parameters: of the template.
    """

    name: str
    stack: str
    parameters: dict[str, str]

    @classmethod
    def read(cls, name: str, config: Path = CONFIG) -> "Stage":
        """What the file says.

        Raises:
            Failure: it has no such stage.
        """
        known: dict[str, Any] = tomllib.loads(config.read_text())
        if "deploy" not in known.get(name, {}):
            stages = ", ".join(each for each, says in known.items() if isinstance(says, dict) and each != "default")
            raise Failure(f"samconfig.toml has no stage {name!r}: one of {stages}")
        says = known[name]["deploy"]["parameters"]
        return cls(name, says["stack_name"], dict(each.split("=", 1) for each in says["parameter_overrides"]))


def build(template: Path, target: Path) -> None:
    """Build functions and layers."""
    command = ["build", "--template-file", str(template), "--base-dir", str(ROOT), "--build-dir", str(target)]
    # The layers are compiled by an interpreter that has pip.
    _run(command, {"PYTHON": str(SAM.with_name("python"))} | dict(os.environ))


def deploy(stage: Stage, parameters: Mapping[str, str], target: Path) -> None:
    """Deploy what was built. Parameters that nobody names stay as the last deploy left them.

    Args:
        parameters: beside those of samconfig.toml, and before them.
    """
    overrides = [f"{name}={value}" for name, value in (stage.parameters | dict(parameters)).items()]
    command = ["deploy", "--template-file", str(target / "template.yaml"), "--config-file", str(CONFIG)]
    command += ["--config-env", stage.name, "--no-progressbar", "--parameter-overrides", *overrides]
    _run(command, dict(os.environ))


def _run(arguments: Sequence[str], env: Mapping[str, str]) -> None:
    """Run sam beside us: its questions and its progress are the reader's, its error is ours.

    Raises:
        Failure: it failed, or it is not installed.
    """
    if not SAM.exists():
        raise Failure("aws-sam-cli is not installed: make setup")
    last = b""
    with subprocess.Popen(
        [str(SAM), *arguments],
        cwd=ROOT,
        env={**env, "SAM_CLI_TELEMETRY": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        while said := os.read(process.stdout.fileno(), 65_536):  # not by lines: a question has no end of line
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
            last = (last + said)[-_LAST_BYTES:]
    if process.returncode != 0:
        reason = first_reason(last.decode(errors="replace"))
        raise Failure(f"sam {arguments[0]} failed: {reason}; mend that and say the same again")


def first_reason(output: str) -> str:
    """The line that says why sam failed: an error of its own, or the first resource that CloudFormation refused."""
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip()]
    failed = [line for line in lines if "FAILED" in line and "cancelled" not in line]
    errors = [line for line in lines if line.startswith("Error")]
    return (failed[:1] or errors[-1:] or lines[-1:] or ["it said nothing"])[0]
