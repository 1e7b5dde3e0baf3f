"""Settings: read once from the environment that template.yaml sets; units are in the names."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

STRIPE = "https://api.stripe.com"


def named_tables(told: str) -> dict[str, str]:
    """Names of tables by their plain names, from the variable ``TABLES``.

    >>> named_tables("usage_totals=ledgerline/1ABCDEFGHIJKL plans=restored")
    {'usage_totals': 'ledgerline-UsageTotalsTable-1ABCDEFGHIJKL', 'plans': 'restored'}
    """
    pairs = (each.split("=", 1) for each in told.split())
    return {plain: name.replace("/", f"-{_logical_id(plain)}-") for plain, name in pairs}


def tables_variable(names: Mapping[str, str]) -> str:
    """What ``TABLES`` says of tables by their plain names."""
    return " ".join(f"{plain}={name}" for plain, name in names.items())


def _logical_id(plain: str) -> str:
    """usage_totals -> UsageTotalsTable, as the template has it."""
    return "".join(word.capitalize() for word in plain.split("_")) + "Table"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that differs between stacks, and the constants an operator may want to know."""

    stage: str
    tables: dict[str, str]
    """Their names in this stack by their plain names (``TABLES``); one that is not named has its plain name."""
    billing_queue_url: str
    kms_key_id: str
    stripe_secret_id: str
    stripe_api_base: str
    due_shards: int
    documentation_base_url: str
    """Where the errors are explained; empty for the stack's own ``/docs``, under the name that the request called."""
    clock_queue_url: str = ""
    usage_queue_url: str = ""
    payout_queue_url: str = ""
    webhook_work_queue_url: str = ""
    """Of the webhook worker's shards; the other two bring notices to the sender."""
    webhook_queue_url: str = ""
    webhook_slow_queue_url: str = ""
    stream_failures_url: str = ""
    report_queue_url: str = ""
    report_bucket: str = ""
    """Where runs write their files, and folds of finished months are kept."""
    stack: str = "ledgerline"
    issuer: str = ""
    """The stack's own address, which its tokens and its mails name; empty: it issues none."""
    signing_key_id: str = ""
    """The first key that signs tokens; later ones are in the platform's item."""
    mail_from: str = ""
    """The address that mails come from, one that SES knows; empty: none are sent."""
    mailbox_url: str = ""
    """Where mails are put instead (``MAILBOX_URL``): the local stack's mailbox."""
    token_issuers: str = ""
    """Other issuers whose tokens are taken (``TOKEN_ISSUERS``): see ``integrations.access_tokens``."""
    tax_secret_id: str = ""
    taxjar_api_base: str = "https://api.taxjar.com"
    tax_timeout_s: float = 5.0
    stripe_timeout_s: float = 8.0
    database_timeout_s: float = 3.0
    """How long one call of DynamoDB is waited for; an operator's machine, which may be far away, waits longer."""
    stripe_platform_country: str = "US"
    stripe_webhook_tolerance_s: int = 300
    tax_webhook_tolerance_s: int = 300
    tenant_cache_s: int = 60
    secret_cache_s: int = 300
    idempotency_ttl_s: int = 24 * 3600
    idempotency_lease_s: int = 10
    idempotency_wait_s: float = 8.0
    event_ttl_s: int = 30 * 86400
    audit_ttl_s: int = 400 * 86400
    payment_check_after_s: int = 60
    strict_currency_region: bool = False
    """Orders are charged only in the currencies of their region (``COMMERCE_STRICT_CURRENCY_REGION``)."""
    reconcile_every_s: int = 0
    """How often Stripe's account is compared with the ledger (``RECONCILE_EVERY_S``); 0 for never."""
    webhook_event_buses: bool = False
    """Whether events may go to a bus of a tenant's own account (``WEBHOOK_EVENT_BUSES``)."""
    webhook_loopback: bool = False
    """Whether a tenant in test mode may have webhooks sent to this machine itself (``WEBHOOK_LOOPBACK``). No template
    sets it: on AWS a loopback address is the Lambda runtime's own."""
    own_account: str = ""
    """The account that this stack is in; no tenant's bus is there."""
    region: str = ""
    worker_margin_s: float = 25.0
    usage_worker_margin_s: float = 10.0
    usage_tries: int = 8
    max_body_bytes: int = 1024 * 1024
    max_json_depth: int = 32

    @property
    def checkout_origin(self) -> str:
        """Where Stripe's own pages are; those of the sandbox are where its API is."""
        return "https://checkout.stripe.com" if self.stripe_api_base == STRIPE else self.stripe_api_base.rstrip("/")

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this process.

        Raises:
            KeyError: a variable that template.yaml should set is missing.
        """
        return cls(
            stage=env.get("STAGE", "dev"),
            tables=named_tables(env.get("TABLES", "")),
            billing_queue_url=env.get("BILLING_QUEUE_URL", ""),
            clock_queue_url=env.get("CLOCK_QUEUE_URL", ""),
            stack=env.get("STACK", "ledgerline"),
            issuer=env.get("ISSUER", ""),
            signing_key_id=env.get("SIGNING_KEY_ID", ""),
            database_timeout_s=float(env.get("DATABASE_TIMEOUT_S", "3")),
            mail_from=env.get("MAIL_FROM", ""),
            mailbox_url=env.get("MAILBOX_URL", ""),
            token_issuers=env.get("TOKEN_ISSUERS", ""),
            usage_queue_url=env.get("USAGE_QUEUE_URL", ""),
            payout_queue_url=env.get("PAYOUT_QUEUE_URL", ""),
            webhook_work_queue_url=env.get("WEBHOOK_WORK_QUEUE_URL", ""),
            webhook_queue_url=env.get("WEBHOOK_QUEUE_URL", ""),
            webhook_slow_queue_url=env.get("WEBHOOK_SLOW_QUEUE_URL", ""),
            stream_failures_url=env.get("STREAM_FAILURES_URL", ""),
            report_queue_url=env.get("REPORT_QUEUE_URL", ""),
            report_bucket=env.get("REPORT_BUCKET", ""),
            kms_key_id=env["KMS_KEY_ID"],
            stripe_secret_id=env.get("STRIPE_SECRET_ID", ""),
            stripe_api_base=env.get("STRIPE_API_BASE", STRIPE),
            stripe_platform_country=env.get("STRIPE_PLATFORM_COUNTRY", "US"),
            reconcile_every_s=int(env.get("RECONCILE_EVERY_S", "0")),
            tax_secret_id=env.get("TAX_SECRET_ID", ""),
            taxjar_api_base=env.get("TAXJAR_API_BASE", "https://api.taxjar.com"),
            due_shards=int(env.get("DUE_SHARDS", "16")),
            documentation_base_url=env.get("DOCUMENTATION_BASE_URL", ""),
            webhook_event_buses=env.get("WEBHOOK_EVENT_BUSES", "0") == "1",
            webhook_loopback=env.get("WEBHOOK_LOOPBACK", "0") == "1",
            own_account=env.get("OWN_ACCOUNT", ""),
            region=env.get("AWS_REGION", ""),
            strict_currency_region=env.get("COMMERCE_STRICT_CURRENCY_REGION", "0") == "1",
        )
