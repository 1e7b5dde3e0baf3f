"""What a file of another billing system has, in our terms, before anything of ours is made of it.

A source's reader makes one ``Record`` of each object: with an ``item`` if we can express it, else with every problem.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from billing.domain.catalog.coupon import Discount
from billing.domain.catalog.plan import PauseBilling, TaxBehavior
from billing.domain.catalog.pricing import Component
from billing.domain.customers.customer import Address, CustomField, TaxExempt
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval, Period
from billing.domain.kernel.proration import ProrationUnit
from billing.domain.subscriptions.subscription import SubscriptionState


class Kind(StrEnum):
    """What a record becomes; in this order, for subscriptions need the others."""

    CUSTOMER = "customer"
    PLAN = "plan"
    SUBSCRIPTION = "subscription"


class Verdict(StrEnum):
    """What became of a record, or would."""

    CREATED = "created"
    EXISTS = "exists"
    WOULD_CREATE = "would_create"
    REFUSED = "refused"
    IGNORED = "ignored"
    """There is nothing to take over: it has ended, or was deleted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a record cannot be taken over.

    Args:
        field: as the source names it: ``items.data.0.price.recurring.usage_type``.
        reason: a code, such as ``metered``.
        text: the same in words.
    """

    field: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceCustomer:
    """A customer of the source.

    Args:
        currency: None where the source has none: the tenant's.
        timezone: in which its periods begin; None for the tenant's.
        external_id: the one that it is to have with us.
    """

    id: str
    name: str
    external_id: str
    currency: str | None = None
    timezone: str | None = None
    email: str | None = None
    address: Address | None = None
    locale: str | None = None
    tax_id: str | None = None
    tax_exempt: TaxExempt = TaxExempt.NONE
    metadata: dict[str, str] = field(default_factory=dict)
    net_terms_days: int | None = None
    po_number: str | None = None
    custom_fields: tuple[CustomField, ...] = ()


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What a subscription of the source is to, as one plan of ours.

    Args:
        id: of the source; of several prices, all of theirs.
        plan_id: ours, derived from it.
    """

    id: str
    plan_id: str
    name: str
    currency: str
    interval: Interval
    interval_count: int
    components: tuple[Component, ...]
    tax_behavior: TaxBehavior = TaxBehavior.EXCLUSIVE
    trial_days: int = 0
    proration_unit: ProrationUnit = ProrationUnit.SECOND
    pause_billing: PauseBilling = PauseBilling.CREDIT


@dataclass(frozen=True, slots=True)
class PlanHere:
    """A plan of ours that is here already, as it is now: of the tenant's catalog, or of the platform's.

    Args:
        quantity: of its only licensed component, where the source does not call it by its key.
    """

    plan_id: str
    currency: str
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class SourceSubscription:
    """A subscription of the source.

    Args:
        customer_id: the source's.
        state: trialing, active or paused.
        anchor: from which its periods are counted.
        period: the running one, which the source has billed, or not: we never do.
        began_at: when it began there.
        external_id: the one that it is to have with us; None for the source's id.
        payment_method_id: the processor's, of what it is charged to there; None for its customer's default.
        per_month: what it counts for at the source: a month of it, less discounts for ever; not what it is with us.
    """

    id: str
    customer_id: str
    plan: SourcePlan | PlanHere
    quantities: dict[str, int]
    state: SubscriptionState
    anchor: datetime
    period: Period
    began_at: datetime
    per_month: Money
    cancel_at_period_end: bool = False
    resumes_at: datetime | None = None
    discount: Discount | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    external_id: str | None = None
    payment_method_id: str | None = None


Item = SourceCustomer | SourcePlan | SourceSubscription


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file.

    Args:
        line: of the file, from 1; of a list, which element.
        id: the source's; empty where it has none.
        item: None if there are problems, or nothing is to be taken over.
        ignored: why nothing is to be taken over.
        note: what is to be known of what is taken over.
    """

    line: int
    kind: Kind | None
    id: str
    item: Item | None = None
    problems: tuple[Problem, ...] = ()
    ignored: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """That an object of a source was taken over, and what it is with us: written with that, once, and never changed.

    So no repeat of an import, and no second one at the same time, makes another one of it; not even after ours has
    ended or was deleted.

    Args:
        owner_id: ours.
        run_id: of the import that made it.
    """

    entity_name: ClassVar[str] = "ImportedObject"

    id: str
    tenant_id: str
    owner_id: str
    run_id: str
    created_at: datetime
    version: int = 0


def imported_id(source: str, kind: Kind, source_id: str) -> str:
    """The id of the note that an object was taken over: derived, so that all who take it over meet there."""
    digest = sha256(f"{source}:{kind.value}:{source_id}".encode()).hexdigest()
    return f"imported#{digest}"
