"""What all units of work of a process share."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.storage.ahead import Ahead
from billing.storage.numbers import NumberBook
from billing.storage.store import Store, TenantDirectory


@dataclass(frozen=True, slots=True)
class Policy:
    """How long things are kept and waited for; from ``config.Settings``."""

    idempotency_ttl_s: int
    idempotency_lease_s: int
    idempotency_wait_s: float
    event_ttl_s: int
    audit_ttl_s: int


@dataclass(frozen=True, slots=True)
class Runtime:
    """What all units of work of a process share."""

    store: Store
    numbers: NumberBook
    ahead: Ahead
    tenants: TenantDirectory
    policy: Policy
    clock: Callable[[], datetime]
    entropy: Callable[[], bytes]
    present: Callable[[Any], dict[str, Any]]
    pause: Callable[[float], None] = time.sleep
