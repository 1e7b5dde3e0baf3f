"""The steps of a deploy, in order. Each says what it found, does what is missing, and can be run again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.console import Failure, say
from local.stack.routes import template
from local.stack.settings import ROOT
from local.stack.sizes import LIMIT_BYTES, MEBIBYTE, of_layers, sizes
from operations.deploy import first_tenant, sam, stripe_secret, webhooks
from operations.deploy.kept import FOLDER, Kept
from operations.deploy.stack import Addresses, Stack, found, require_deployable, require_working, waiting_change_sets
from operations.deploy.steps import STEPS
from operations.options import told

Aws = Callable[[str], Any]
"""Gives a boto3 client by a service's name."""
LEAST_CONCURRENCY = 100
"""Below that, the workers' defaults want more executions than the account has (docs/operations.md)."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants deployed.

    Args:
        stripe_key: the file that has Stripe's key.
        parameters: of the template, beside samconfig.toml's.
        api, webhook, connect_webhook: other addresses that lead to the stack.
        tenant: the file with the first tenant.
        another_stripe_account: the key may be of another account or mode than the one that is there.
        another_platform_key: make one although there are some.
        first_step: the name of the step to begin with.
    """

    stage: sam.Stage
    stripe_key: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    template: Path = ROOT / "template.yaml"
    build_dir: Path = sam.BUILD
    api: str | None = None
    webhook: str | None = None
    connect_webhook: str | None = None
    tenant: Path | None = None
    another_stripe_account: bool = False
    another_platform_key: bool = False
    first_step: str = STEPS[0]


class Deploy:
    """One run.

    Args:
        folder: where what this machine keeps of the stack is.
    """

    def __init__(self, asked: Asked, aws: Aws, folder: Path = FOLDER) -> None:
        self.asked, self.aws = asked, aws
        self.folder = folder
        self._stack: Stack | None = None
        self._kept: Kept | None = None
        self._made_tenant = False

    def run(self) -> None:
        """All steps, or those from the first one that is asked for.

        Raises:
            Failure: one did not succeed; what to do is in it.
        """
        for name in STEPS[STEPS.index(self.asked.first_step) :]:
            step: Callable[[], str] = getattr(self, name.replace("-", "_"))
            with told(name):
                said = step()
            say(f"  {name}: {said}")

    def account(self) -> str:
        """Whose account it is, and whether it lets enough functions run."""
        who = self.aws("sts").get_caller_identity()
        functions = self.aws("lambda")
        limit = functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
        said = f"{who['Account']} in {functions.meta.region_name}, {limit} functions at the same time"
        require_deployable(found(self.aws("cloudformation"), self.asked.stage.stack))
        if limit < LEAST_CONCURRENCY:
            said += (
                "; that is few: ask for more (Service Quotas, Lambda), or PARAMETERS='BillingWorkerConcurrency=2 ...'"
            )
        return said

    def build(self) -> str:
        """Functions and layers, as AWS wants them: no bigger than Lambda takes, and compiled whole or not at all."""
        sam.build(self.asked.template, self.asked.build_dir)
        found = sizes(template(), ROOT, self.asked.build_dir)
        biggest = max(found, key=lambda name: sum(found[name].values()))
        most = sum(found[biggest].values())
        if most > LIMIT_BYTES:
            raise Failure(
                f"{biggest} has {most / MEBIBYTE:.0f} MB with its layers, and Lambda takes {LIMIT_BYTES / MEBIBYTE:.0f}"
            )
        return f"{most / MEBIBYTE:.0f} MB at most; {of_layers(found, self.asked.build_dir)}"

    def deploy(self) -> str:
        """What was built, on AWS."""
        cloudformation, name = self.aws("cloudformation"), self.asked.stage.stack
        before = waiting_change_sets(cloudformation, name)
        sam.deploy(self.asked.stage, self.asked.parameters, self.asked.build_dir)
        if waiting_change_sets(cloudformation, name) - before:  # sam's exit code is 0 after a no, too
            raise Failure("its change set was not executed, so that nothing is deployed; no later step was taken")
        self._stack = None
        return f"{self.stack.name} is {self.stack.status}, {self.addresses.api}"

    @property
    def stack(self) -> Stack:
        """The stack as it is deployed."""
        if self._stack is None:
            name = self.asked.stage.stack
            self._stack = require_working(found(self.aws("cloudformation"), name), name)
        return self._stack

    @property
    def file(self) -> Path:
        """What this machine keeps of this stack, and of no other one that has its name elsewhere."""
        return self.folder / f"{self.stack.name}-{self.stack.place.replace('/', '-')}.json"

    @property
    def kept(self) -> Kept:
        """What an earlier run kept, and what this one adds."""
        if self._kept is None:
            self._kept = Kept.load(self.file)
        return self._kept

    @property
    def addresses(self) -> Addresses:
        """Where it is reached."""
        return Addresses.of(self.stack, self.asked.api, self.asked.webhook, self.asked.connect_webhook)

    def stripe_key(self) -> str:
        """Stripe's key, tried, in the product's secret."""
        manager, secret_id = self.aws("secretsmanager"), self.stack.outputs["StripeSecretId"]
        secret = stripe_secret.read(manager, secret_id)
        key = stripe_secret.asked_key(self.asked.stripe_key, secret.api_key)
        stripe_secret.require_fitting(key, self.asked.stage.name)
        account = webhooks.account_id(webhooks.client_of(key, self.stack.stripe_api_base))
        was = secret.api_key
        if was and not self.asked.another_stripe_account:
            webhooks.require_same_account(was, key, self.stack.stripe_api_base)
        secret.api_key = key
        stripe_secret.write(manager, secret_id, secret)
        done = "found" if was == key else "replaced" if was else "put into the secret"
        return f"{done}, a {secret.mode} key of {account}"

    def webhook(self) -> str:
        """The endpoint of the account's events."""
        return self._endpoint("account", self.addresses.webhook)

    def connect_webhook(self) -> str:
        """The endpoint of connected accounts' events."""
        return self._endpoint("connect", self.addresses.connect_webhook)

    def _endpoint(self, kind: str, url: str) -> str:
        manager, secret_id = self.aws("secretsmanager"), self.stack.outputs["StripeSecretId"]
        secret = stripe_secret.read(manager, secret_id)
        if not secret.api_key:
            raise Failure("Stripe's key is not in the secret yet: FIRST_STEP=stripe-key")
        api = webhooks.client_of(secret.api_key, self.stack.stripe_api_base)
        wanted = webhooks.Wanted(self.stack.name, self.stack.place, kind, url)
        return webhooks.ensure(api, wanted, secret, lambda: stripe_secret.write(manager, secret_id, secret))

    def platform_key(self) -> str:
        """The key that makes tenants."""
        said = first_tenant.ensure_platform_key(
            self.aws("dynamodb"), self.stack.tables, self.kept, self.keep, another=self.asked.another_platform_key
        )
        return f"{said} (in {self.file})" if self.kept.platform_api_key else said

    def tenant(self) -> str:
        """Somebody who can call the API."""
        said = first_tenant.ensure_tenant(
            self.aws("dynamodb"), self.stack.tables, self.addresses.api, self._body(), self.kept, self.keep
        )
        self._made_tenant = said.startswith("made")
        return said

    def _body(self) -> dict[str, Any] | None:
        if self.asked.tenant is None:
            return None if self.asked.stage.name == "prod" else first_tenant.TENANT
        try:
            body: dict[str, Any] = json.loads(self.asked.tenant.read_text())
        except (OSError, ValueError) as error:
            raise Failure(f"{self.asked.tenant} is no JSON file with a tenant: {error}") from None
        return body

    def keep(self) -> None:
        """Write down what is known."""
        self.kept.save(self.file)

    def _told_key(self) -> str:
        """The admin key in the run that made it alone: output is kept, in CI for all to read."""
        if self._made_tenant:
            return self.kept.api_key
        return f"in {self.file}" if self.kept.api_key else "shown when it was made; POST /v1/api-keys makes others"

    def welcome(self) -> str:
        """Addresses, the key, and what to try: as ``make run`` prints them."""
        api, key = self.addresses.api, self.kept.api_key if self._made_tenant else "YOUR_KEY"
        tenant = self.kept.tenant_id
        known = {
            "API": f"{api}/v1",
            "Stripe webhook": self.addresses.webhook,
            "tax webhook": self.stack.outputs["TaxWebhookUrl"],
            "tenant": tenant or "made elsewhere, or none yet",
            "API key": self._told_key(),
            "dashboard": f"{api}/dashboard/{tenant}/" if tenant else f"{api}/dashboard/TENANT/",
            "all of it": str(self.file) if self.file.exists() else "on the machine that deployed first",
        }
        addresses = "\n".join(f"  {name:<16} {value}" for name, value in known.items())
        write = "-H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\""
        ada = '{"name": "Ada", "email": "ada@example.com"}'
        return f"""
Ledgerline is running (stack {self.stack.name}).

{addresses}

Try:

  curl {api}/v1/health
  curl -X POST {api}/v1/customers -H 'X-API-Key: {key}' {write} -d '{ada}'
  curl {api}/v1/customers -H 'X-API-Key: {key}'

Is all as it should be? make doctor STACK={self.stack.name}"""
