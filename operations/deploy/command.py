"""The command line of a deploy: `make deploy STAGE=dev`, or `python -m operations deploy --stage dev`.

What deploys is imported by the command alone: it takes a second, for which no other command has to wait.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from local.console import Failure, say
from local.stack.settings import ROOT
from operations.deploy.kept import FOLDER
from operations.deploy.sam import BUILD, Stage
from operations.deploy.steps import STEPS
from operations.options import address_options, finish

if TYPE_CHECKING:
    from operations.deploy.run import Asked, Aws

_FILE = click.Path(path_type=Path)


@click.command("deploy")
@click.argument("parameter", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--stage", required=True, help="Of samconfig.toml: dev, staging or prod.")
@click.option("--stripe-key-file", type=_FILE, help="File with Stripe's secret key; asked for without it.")
@click.option("--another-stripe-account", is_flag=True, help="The key may be of another account or mode than before.")
@click.option("--tenant-file", type=_FILE, help="The first tenant: the JSON body of POST /v1/tenants.")
@click.option("--new-platform-key", is_flag=True, help="One more, where those there are are elsewhere.")
@click.option("--first-step", default=STEPS[0], type=click.Choice(STEPS), help="Begin there.")
@click.option("--template", type=_FILE, default=ROOT / "template.yaml", help="Another template.")
@click.option("--build-dir", type=_FILE, default=BUILD, help="Where it is built.")
@click.option("--folder", type=_FILE, default=FOLDER, help="Where this machine keeps keys that are shown once.")
@address_options
def deploy_command(**options: Any) -> None:
    """Deploy a stage, step by step.

    Builds it and deploys it, then sees to Stripe's key and webhook endpoints, the first platform key and the first
    tenant. Each step says what it found, and can be run again. NAME=VALUE is a parameter of the template.
    """
    import boto3

    from operations.deploy.run import Deploy

    def run() -> int:
        aws: Aws = boto3.client  # type: ignore[assignment]  # the stubs want the service as a literal
        deploy = Deploy(_asked(**options), aws, options["folder"])
        deploy.run()
        say(deploy.welcome())
        return 0

    finish(run)


def _asked(**options: Any) -> "Asked":
    """What the command line says."""
    from operations.deploy.run import Asked

    return Asked(
        stage=Stage.read(options["stage"]),
        stripe_key=options["stripe_key_file"],
        parameters=_pairs(options["parameter"]),
        template=options["template"],
        build_dir=options["build_dir"],
        api=options["api_url"],
        webhook=options["webhook_url"],
        connect_webhook=options["connect_webhook_url"],
        tenant=options["tenant_file"],
        another_stripe_account=options["another_stripe_account"],
        another_platform_key=options["new_platform_key"],
        first_step=options["first_step"],
    )


def _pairs(given: Sequence[str]) -> dict[str, str]:
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise Failure(f"a parameter is NAME=VALUE, not {wrong[0]!r}")
    return dict(each.split("=", 1) for each in given)
