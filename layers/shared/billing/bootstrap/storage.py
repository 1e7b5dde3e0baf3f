"""Which adapters stand behind the unit of work: DynamoDB, and KMS for sealed fields."""

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import process
from billing.domain.tenant import PLATFORM, Mode, Tenant, TenantStatus, Tier
from billing.integrations.aws.clients import aws_session, made_client
from billing.schemas import events
from billing.storage.ahead import Ahead
from billing.storage.database import Database
from billing.storage.numbers import NumberBook
from billing.storage.runtime import Policy, Runtime
from billing.storage.store import Store, TenantDirectory
from billing.storage.table_names import use_tables
from billing.storage.units import DynamoUnits

if TYPE_CHECKING:
    from billing.integrations.aws.vault import Vault


@cache
def database() -> Database:
    """The DynamoDB client."""
    settings = process.settings()
    use_tables(settings.tables)
    made = Database(process.JITTER.random, session=aws_session(), timeout_s=settings.database_timeout_s)
    assert made.client  # made at import (or in the snapshot), not in the first request
    return made


@cache
def vault() -> "Vault":
    """The vault that seals personal data."""
    from billing.integrations.aws.vault import Vault

    return Vault(made_client("kms"), process.settings().kms_key_id, tenants, process.now)


@cache
def tenants() -> TenantDirectory:
    """Tenants by id."""
    return TenantDirectory(database(), process.now, process.settings().tenant_cache_s, vault, _platform)


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
        created_at=process.now(),
        version=1,
    )


def units_for_strangers() -> DynamoUnits:
    """Units of work in tenants that a stranger names."""
    made = units()
    return replace(made, runtime=replace(made.runtime, tenants=tenants().for_strangers()))


@cache
def numbers() -> NumberBook:
    """The next numbers of every series."""
    return NumberBook(database())


@cache
def store() -> Store:
    """Typed reads over the tables."""
    return Store(database(), vault())


@cache
def ahead() -> Ahead:
    """What was read before the unit of work that wants it."""
    return Ahead(store(), numbers())


@cache
def units() -> DynamoUnits:
    """Units of work over DynamoDB."""
    s = process.settings()
    policy = Policy(s.idempotency_ttl_s, s.idempotency_lease_s, s.idempotency_wait_s, s.event_ttl_s, s.audit_ttl_s)
    return DynamoUnits(
        Runtime(store(), numbers(), ahead(), tenants(), policy, process.now, lambda: os.urandom(10), events.present)
    )
