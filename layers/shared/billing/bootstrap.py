"""The one module that knows which adapter stands behind which port. A function asks it for what it needs.

Everything is made once per process and lazily, so that a function pays only for what it uses; nothing else in
the product reads the wall clock, makes an id or draws a random number.
"""

import logging
import os
import random
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from billing.config import Settings
from billing.domain.kernel.ids import fresh
from billing.domain.tenant import PLATFORM, Mode, TaxProviderName, Tenant, TenantStatus, Tier
from billing.schemas.events import present
from billing.services.kernel.deadline import Deadline
from billing.storage.callers import Callers
from billing.storage.database import Database
from billing.storage.store import Store, TenantDirectory
from billing.storage.tables import use_tables
from billing.storage.unit_of_work import DynamoUnits, Policy, Runtime

if TYPE_CHECKING:
    from billing.domain.tax.rate_table import TaxTable
    from billing.edge.http.api import HttpApi
    from billing.edge.incoming.stripe import StripeWebhook
    from billing.edge.incoming.tax import TaxWebhook
    from billing.edge.incoming.webhook import WebhookRuntime
    from billing.edge.workers.usage import UsageWorker
    from billing.integrations.aws.billing_queue import BillingQueue
    from billing.integrations.aws.usage_queue import SqsUsageQueue
    from billing.integrations.aws.vault import Vault
    from billing.integrations.pdf.renderer import PdfRenderer
    from billing.integrations.stripe.circuit_breaker import CircuitBreaker
    from billing.integrations.stripe.secrets import SecretReader
    from billing.integrations.tax.secrets import TaxSecretReader
    from billing.services.invoicing.biller import Biller
    from billing.services.payments.collection import Collector
    from billing.services.payments.refunds import Refunder
    from billing.services.sweep.worker import Worker
    from billing.services.tax.assessment import Taxes, TaxProvider
    from billing.services.usage.closing import UsageCloser
    from billing.services.usage.counting import UsageCounter
    from billing.storage.usage import DynamoUsageStore


_JITTER = random.SystemRandom()  # `random`'s own state is part of a SnapStart snapshot: all copies would agree


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds that only ever grow: what measures how long something takes."""
    return time.monotonic()


@cache
def settings() -> Settings:
    """This process's settings."""
    return Settings.from_environment()


@cache
def logger() -> Logger:
    """The structured log: ids, never personal data."""
    log = Logger(level=os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"), utc=True)
    # Services and storage know only the standard library's logging: their lines take the same form.
    billing = logging.getLogger("billing")
    billing.handlers, billing.propagate = log.handlers, False
    return log


@cache
def database() -> Database:
    """The DynamoDB client."""
    use_tables(settings().tables)
    made = Database(_JITTER.random)
    assert made.client  # made at import (or in the snapshot), not in the first request
    return made


@cache
def vault() -> "Vault":
    """What seals personal data."""
    from billing.integrations.aws import clients as aws
    from billing.integrations.aws.vault import Vault

    return Vault(lambda: aws.client("kms"), settings().kms_key_id, lambda tenant_id: tenants().get(tenant_id).data_key)


@cache
def tenants() -> TenantDirectory:
    """Tenants by id."""
    return TenantDirectory(database(), now, settings().tenant_cache_s, vault, _platform)


def _platform() -> Tenant:
    return Tenant(
        id=PLATFORM,
        name="Platform",
        tier=Tier.STANDARD,
        mode=Mode.LIVE,
        status=TenantStatus.ACTIVE,
        currency="USD",
        timezone="UTC",
        invoice_prefix="PLATFORM",
        data_key=vault().new_data_key(PLATFORM),
        created_at=now(),
        version=1,
    )


@cache
def units() -> DynamoUnits:
    """Units of work over DynamoDB."""
    s = settings()
    policy = Policy(s.idempotency_ttl_s, s.idempotency_lease_s, s.idempotency_wait_s, s.event_ttl_s, s.audit_ttl_s)
    store = Store(database(), vault())
    return DynamoUnits(Runtime(store, tenants(), policy, now, lambda: os.urandom(10), present))


@cache
def stripe_secrets() -> "SecretReader":
    """Stripe's credentials."""
    from billing.integrations.aws import clients as aws
    from billing.integrations.stripe.secrets import SecretReader

    return SecretReader(lambda: aws.client("secretsmanager"), settings().stripe_secret_id, settings().secret_cache_s)


@cache
def deadline() -> Deadline:
    """By when the invocation that this worker is on has to be done."""
    return Deadline(monotonic_s)


@cache
def stripe_circuit() -> "CircuitBreaker":
    """What keeps calls from a Stripe that does not answer."""
    from billing.integrations.stripe.circuit_breaker import CircuitBreaker

    return CircuitBreaker(monotonic_s)


@cache
def collector() -> "Collector":
    """What charges invoices, through Stripe."""
    from billing.integrations.stripe.gateway import StripeGateway
    from billing.services.payments.collection import Collector

    s = settings()
    gateway = StripeGateway(
        stripe_secrets(), s.stripe_api_base, s.stripe_timeout_s, time.sleep, stripe_circuit(), deadline().left_s
    )
    return Collector(gateway, s.due_shards, s.payment_check_after_s)


@cache
def biller() -> "Biller":
    """What makes and charges invoices."""
    from billing.services.invoicing.biller import Biller

    return Biller(collector(), taxes(), usage_closer())


@cache
def usage_store() -> "DynamoUsageStore":
    """Counted usage."""
    from billing.storage.usage import DynamoUsageStore

    return DynamoUsageStore(database())


@cache
def usage_closer() -> "UsageCloser":
    """What closes and reads usage."""
    from billing.services.usage.closing import UsageCloser

    return UsageCloser(usage_store())


@cache
def usage_counter() -> "UsageCounter":
    """What counts accepted usage."""
    from billing.services.usage.counting import UsageCounter

    return UsageCounter(units(), usage_store(), now, _JITTER.random, time.sleep)


@cache
def refunder() -> "Refunder":
    """What sends money back, through Stripe."""
    from billing.services.invoicing.credit_notes import note_refund, refund_failed
    from billing.services.payments.refunds import Refunder

    s = settings()
    return Refunder(collector().processor, s.due_shards, s.payment_check_after_s, refund_failed, note_refund)


@cache
def tax_secrets() -> "TaxSecretReader":
    """TaxJar's token, and the secrets of the tax provider's webhook."""
    from billing.integrations.aws import clients as aws
    from billing.integrations.tax.secrets import TaxSecretReader

    return TaxSecretReader(lambda: aws.client("secretsmanager"), settings().tax_secret_id, settings().secret_cache_s)


@cache
def taxes() -> "Taxes":
    """What says which tax is due."""
    from billing.services.tax.assessment import Taxes

    return Taxes(tax_provider)


def tax_table() -> "TaxTable":
    """The built-in tax table."""
    from billing.integrations.tax.builtin import builtin_table

    return builtin_table()


@cache
def tax_provider(name: TaxProviderName) -> "TaxProvider":
    """The tax provider of a name; what only Stripe Tax or TaxJar needs is imported for them alone."""
    s = settings()
    if name is TaxProviderName.STRIPE:
        from billing.integrations.tax.stripe_tax import StripeTax

        return StripeTax(stripe_secrets(), s.stripe_api_base, s.tax_timeout_s, deadline().left_s)
    if name is TaxProviderName.TAXJAR:
        from billing.integrations.tax.taxjar import TaxJar

        return TaxJar(tax_secrets(), s.taxjar_api_base, s.tax_timeout_s, deadline().left_s)
    from billing.integrations.tax.builtin import BuiltinTax

    return BuiltinTax()


@cache
def alarm() -> "BillingQueue":
    """What wakes the billing worker."""
    from billing.integrations.aws import clients as aws
    from billing.integrations.aws.billing_queue import BillingQueue

    return BillingQueue(lambda: aws.client("sqs"), settings().billing_queue_url)


@cache
def usage_queue() -> "SqsUsageQueue":
    """Where accepted usage events wait to be counted."""
    from billing.integrations.aws import clients as aws
    from billing.integrations.aws.usage_queue import SqsUsageQueue

    return SqsUsageQueue(lambda: aws.client("sqs"), settings().usage_queue_url, time.sleep, _JITTER.random)


@cache
def pdf_renderer() -> "PdfRenderer":
    """What draws documents."""
    from billing.integrations.pdf.renderer import PdfRenderer

    return PdfRenderer()


def new_api_key() -> str:
    """A random API key: 256 bits, with a prefix that secret scanners can know."""
    return "llk_" + secrets.token_urlsafe(32)


def http_api(group: str) -> "HttpApi":
    """The HTTP edge of an endpoint group."""
    from billing.edge.http.api import HttpApi
    from billing.edge.http.call import Edge

    s = settings()
    edge = Edge(
        callers=Callers(database(), now),
        units=units(),
        clock=now,
        new_request_id=lambda: fresh("req", now(), os.urandom(10)),
        jitter=_JITTER.random,
        pause=time.sleep,
        stage=s.stage,
        documentation_base_url=s.documentation_base_url,
        max_body_bytes=s.max_body_bytes,
        max_json_depth=s.max_json_depth,
        deadline=deadline(),
    )
    return HttpApi(edge, logger(), f"Ledgerline: {group}")


def stripe_webhook() -> "StripeWebhook":
    """The edge of Stripe's webhooks."""
    from billing.edge.incoming.stripe import StripeWebhook
    from billing.integrations.stripe.webhook import SignatureCheck
    from billing.services.payments.stripe_events import StripeEvents

    check = SignatureCheck(stripe_secrets(), settings().stripe_webhook_tolerance_s)
    return StripeWebhook(check.event, StripeEvents(collector(), refunder()), _webhook_runtime())


def tax_webhook() -> "TaxWebhook":
    """The edge of the tax provider's webhook."""
    from billing.edge.incoming.tax import TaxWebhook
    from billing.integrations.tax.builtin import builtin_table
    from billing.integrations.tax.webhook import TaxSignatureCheck
    from billing.services.tax.rate_updates import TaxEvents

    check = TaxSignatureCheck(tax_secrets(), settings().tax_webhook_tolerance_s, lambda: now().timestamp())
    return TaxWebhook(check.event, TaxEvents(builtin_table), _webhook_runtime())


def _webhook_runtime() -> "WebhookRuntime":
    from billing.edge.incoming.webhook import WebhookRuntime

    return WebhookRuntime(
        units=units(),
        logger=logger(),
        clock=now,
        new_request_id=lambda: fresh("req", now(), os.urandom(10)),
        jitter=_JITTER.random,
        pause=time.sleep,
        stage=settings().stage,
        deadline=deadline(),
    )


def worker() -> "Worker":
    """The billing worker."""
    from billing.services.payments.unknown_outcomes import Outcomes
    from billing.services.subscriptions.renewals import Renewals
    from billing.services.sweep.wake_ups import ClockTurn
    from billing.services.sweep.worker import Worker
    from billing.storage.due_index import DynamoDueIndex

    return Worker(
        units=units(),
        index=DynamoDueIndex(database()),
        renewals=Renewals(biller()),
        outcomes=Outcomes(collector()),
        refunder=refunder(),
        clocks=ClockTurn(alarm()),
        alarm=alarm(),
        clock=now,
        jitter=_JITTER.random,
        pause=time.sleep,
    )


def usage_worker() -> "UsageWorker":
    """The usage worker."""
    from billing.edge.workers.usage import UsageWorker
    from billing.integrations.aws.usage_queue import parse_chunk

    s = settings()
    return UsageWorker(
        parse_chunk, usage_counter().count, logger(), tries=s.usage_tries, margin_s=s.usage_worker_margin_s
    )
