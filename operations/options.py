"""Options that several commands have, and how each command ends: said once."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from local.console import Failure

Command = Callable[..., Any]

stack_option = click.option("--stack", default="ledgerline-dev", show_default=True, help="The CloudFormation stack.")
_ADDRESSES = (
    click.option("--api-url", metavar="URL", help="Another address of the API, such as a proxy's."),
    click.option("--webhook-url", metavar="URL", help="Another address that Stripe sends to."),
    click.option("--connect-webhook-url", metavar="URL", help="The same for events of connected accounts."),
)


def address_options(function: Command) -> Command:
    """Where a stack is reached, if not where its outputs say."""
    for option in reversed(_ADDRESSES):
        function = option(function)
    return function


def finish(run: Callable[[], int]) -> NoReturn:
    """End this process with a command's exit code; what failed is one line, and 1."""
    try:
        code = run()
    except KeyboardInterrupt:
        code = 130
    except Failure as failure:
        click.echo(f"error: {failure}", err=True)
        code = 1
    sys.exit(code)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say the name of a step, or of a command, with whatever ends it, and what AWS says in one line.

    Raises:
        Failure: it failed.
    """
    try:
        yield
    except Failure as failure:
        raise Failure(f"{what}: {failure}") from None
    except ClientError as error:
        answer = error.response["Error"]
        refused = f"{error.operation_name}: {answer.get('Code')}: {answer.get('Message', '')[:300]}"
        raise Failure(f"{what}: AWS refuses {refused}; mend that and say the same again") from None
    except BotoCoreError as error:
        raise Failure(f"{what}: AWS cannot be asked: {error}; are AWS_PROFILE and AWS_REGION set?") from None
