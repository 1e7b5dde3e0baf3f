"""The command line of a deploy: `make deploy STAGE=dev`, or `python -m operations.deploy --stage dev`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import boto3

from local.console import Failure, say
from local.stack.settings import ROOT
from operations.deploy.kept import FOLDER
from operations.deploy.run import STEPS, Asked, Deploy, main_of
from operations.deploy.sam import BUILD, Stage


def command(arguments: Sequence[str] | None = None) -> int:
    """Deploy a stage; the exit code.

    Args:
        arguments: those of the command line.
    """
    options = _parser().parse_args(arguments)

    def run() -> int:
        wanted = Asked(
            stage=Stage.read(options.stage),
            stripe_key=options.stripe_key_file,
            parameters=_pairs(options.parameter),
            template=options.template,
            build_dir=options.build_dir,
            api=options.api_url,
            webhook=options.webhook_url,
            connect_webhook=options.connect_webhook_url,
            tenant=options.tenant_file,
            another_stripe_account=options.another_stripe_account,
            another_platform_key=options.new_platform_key,
            first_step=options.first_step,
        )
        deploy = Deploy(wanted, boto3.client, options.folder)  # type: ignore[arg-type]  # the stubs want a literal
        deploy.run()
        say(deploy.welcome())
        return 0

    return main_of(run)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise Failure(f"a parameter is NAME=VALUE, not {wrong[0]!r}")
    return dict(each.split("=", 1) for each in given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="operations.deploy", description="Deploys a stage; each step can be run again."
    )
    parser.add_argument("--stage", required=True, help="of samconfig.toml: dev, staging or prod")
    parser.add_argument("--stripe-key-file", type=Path, help="file with Stripe's secret key; asked for without it")
    parser.add_argument(
        "--another-stripe-account", action="store_true", help="the key may be of another account or mode than before"
    )
    parser.add_argument("--parameter", nargs="+", default=[], metavar="NAME=VALUE", help="of the template")
    parser.add_argument("--tenant-file", type=Path, help="the first tenant: the JSON body of POST /v1/tenants")
    parser.add_argument("--new-platform-key", action="store_true", help="one more, where those there are are elsewhere")
    parser.add_argument("--first-step", default="account", choices=STEPS, help="begin there")
    parser.add_argument("--api-url", help="another address of the API, such as a proxy's")
    parser.add_argument("--webhook-url", help="another address that Stripe is to send to")
    parser.add_argument("--connect-webhook-url", help="the same for events of connected accounts")
    parser.add_argument("--template", type=Path, default=ROOT / "template.yaml", help="another template")
    parser.add_argument("--build-dir", type=Path, default=BUILD, help="where it is built")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where this machine keeps keys that are shown once")
    return parser
