"""The operator's command line: what all commands have in common."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from click.testing import CliRunner, Result

from billing.domain.kernel.errors import NotFound
from local.console import Failure
from local.stack.settings import ROOT
from operations.__main__ import main
from operations.options import finish

REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeStacks")


def invoked(enter: Callable[[str], object], **env: str | None) -> Result:
    """A command of which the stack is entered so."""
    return CliRunner().invoke(main, ["tenant", "suspend", "ten_1", "--stack", "mine"], obj=enter, env=env)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (Failure("there is no stack mine"), "there is no stack mine"),
        (NotFound("No tenant ten_1"), "No tenant ten_1"),
        (REFUSED, "AWS refuses DescribeStacks: AccessDenied: not you; mend that and say the same again"),
        (
            NoCredentialsError(),
            "AWS cannot be asked: Unable to locate credentials; are AWS_PROFILE and AWS_REGION set?",
        ),
    ],
)
def test_21_whatever_ends_a_command_is_one_line(error: Exception, line: str) -> None:
    def enter(_: str) -> NoReturn:
        raise error

    done = invoked(enter)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"error: tenant suspend: {line}\n")


@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_21_the_region_is_that_of_awss_own_command_line(region: str | None) -> None:
    seen = []

    def enter(_: str) -> NoReturn:
        seen.append(os.environ["AWS_DEFAULT_REGION"])
        raise Failure("that is all")

    invoked(enter, AWS_REGION=region, AWS_DEFAULT_REGION="us-east-1")
    assert seen == [region or "us-east-1"]


def test_21_a_command_line_without_a_stage_is_refused_as_such() -> None:
    done = CliRunner().invoke(main, ["deploy"])
    assert (done.exit_code, "Missing option '--stage'" in done.stderr) == (2, True)


def test_21_no_other_command_waits_for_what_deploys() -> None:
    said = "import sys, operations.__main__; print('stripe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_21_who_interrupts_a_deploy_gets_the_exit_code_of_that() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        finish(interrupted)
    assert ended.value.code == 130
