"""Options that several commands have, and how each command ends: said once."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

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
