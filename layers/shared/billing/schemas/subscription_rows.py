"""Subscriptions in a list: whole, or as a table shows them."""

from typing import Annotated, Self

from pydantic import Field

from billing.domain.subscriptions.subscription import Subscription
from billing.schemas.base import Time
from billing.schemas.rows import Row
from billing.schemas.subscriptions import PeriodOut, SubscriptionOut

Mrr = Annotated[
    int | None,
    Field(
        description="what of the MRR in reports is this subscription's, in micro-units of its customer's currency; 0 in"
        " a trial, paused or ended; null until its first change or renewal, where it is older than the record of MRR"
    ),
]


def _mrr(subscription: Subscription) -> int | None:
    # In lists alone: what a commit makes of it is counted in that commit, after the answer of a change was made.
    return subscription.mrr.figures.mrr.micros if subscription.mrr is not None else None


class SubscriptionRowOut(SubscriptionOut, Row):
    """A subscription in a list."""

    mrr: Mrr = None

    @classmethod
    def of(cls, subscription: Subscription, client_secret: str | None = None) -> Self:
        return super().of(subscription, client_secret).model_copy(update={"mrr": _mrr(subscription)})


class SubscriptionSummaryOut(Row):
    """A subscription without its discounts, anchors and notes."""

    id: str
    external_id: str | None
    customer_id: str
    plan_id: str
    plan_version: int
    state: str
    current_period: PeriodOut
    trial_end: Time | None
    item_quantities: dict[str, int]
    mrr: Mrr
    cancel_at_period_end: bool
    canceled_at: Time | None
    paused_at: Time | None
    resumes_at: Time | None
    unpaid_invoice_count: int
    pending_line_count: int
    latest_invoice_id: str | None
    test_clock_id: str | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, subscription: Subscription) -> "SubscriptionSummaryOut":
        return cls(
            id=subscription.id,
            external_id=subscription.external_id,
            customer_id=subscription.customer_id,
            plan_id=subscription.plan_id,
            plan_version=subscription.plan_version,
            state=subscription.state.value,
            current_period=PeriodOut.of(subscription.current_period),
            trial_end=subscription.trial_end,
            item_quantities=subscription.quantities,
            mrr=_mrr(subscription),
            cancel_at_period_end=subscription.cancel_at_period_end,
            canceled_at=subscription.canceled_at,
            paused_at=subscription.paused_at,
            resumes_at=subscription.resumes_at,
            unpaid_invoice_count=len(subscription.unpaid_invoice_ids),
            pending_line_count=len(subscription.pending),
            latest_invoice_id=subscription.latest_invoice_id,
            test_clock_id=subscription.test_clock_id,
            created_at=subscription.created_at,
            version=subscription.version,
        )
