"""The command line of the doctor: `make doctor STACK=ledgerline-dev`, or `python -m operations doctor --stack ...`.

What looks is imported by the command alone, as what deploys is.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from local.console import say
from operations.options import address_options, finish, stack_option, told

if TYPE_CHECKING:
    from operations.doctor.findings import Aws


@click.command("doctor")
@stack_option
@address_options
def doctor_command(stack: str, api_url: str | None, webhook_url: str | None, connect_webhook_url: str | None) -> None:
    """Say what is wrong with a stack.

    A line for each thing, with what to do about it. Exit code 1 where something is wrong, or could not be looked at. It
    changes nothing.
    """
    import boto3

    from operations.deploy.stack import Addresses, found, require_working
    from operations.doctor.findings import Patient
    from operations.doctor.run import examine, report

    aws: Aws = boto3.client  # type: ignore[assignment]  # the stubs want the service as a literal

    def run() -> int:
        with told("stack"):
            patient = require_working(found(aws("cloudformation"), stack), stack)
        addresses = Addresses.of(patient, api_url, webhook_url, connect_webhook_url)
        say(f"{patient.name}, {patient.status}:")
        return report(examine(Patient(patient, addresses, aws, datetime.now(UTC))))

    finish(run)
