"""Subscriptions in the API (contract B section 4, contract.md section 3)."""

from typing import Annotated

from pydantic import Field

from billing.domain.periods import Period
from billing.domain.subscription import Subscription
from billing.schemas.base import Id, Metadata, Request, Resource, ShortText, Time
from billing.schemas.catalog import ComponentKey, PlanId
from billing.services.subscriptions import NewSubscription, Started


class SubscriptionIn(Request):
    plan_id: PlanId
    customer_id: Id | None = None
    quantities: dict[ComponentKey, Annotated[int, Field(ge=0, le=1_000_000_000)]] = {}
    payment_method_id: Id | None = None
    trial_days: Annotated[int, Field(ge=0, le=730)] | None = None
    coupon_code: ShortText | None = None
    metadata: Metadata = {}

    def new(self) -> NewSubscription:
        return NewSubscription(
            plan_id=self.plan_id,
            quantities=dict(self.quantities),
            customer_id=self.customer_id,
            payment_method_id=self.payment_method_id,
            trial_days=self.trial_days,
            coupon_code=self.coupon_code,
            metadata=self.metadata,
        )


class CancelIn(Request):
    at_period_end: bool = False


class PeriodOut(Resource):
    start: Time
    end: Time

    @classmethod
    def of(cls, period: Period) -> "PeriodOut":
        return cls(start=period.start, end=period.end)


class SubscriptionOut(Resource):
    id: str
    customer_id: str
    plan_id: str
    plan_version: int
    state: str
    current_period: PeriodOut
    trial_end: Time | None
    item_quantities: dict[str, int]
    cancel_at_period_end: bool
    canceled_at: Time | None
    paused_at: Time | None
    resumes_at: Time | None
    discount: None = None
    latest_invoice_id: str | None
    payment_method_id: str | None
    test_clock_id: str | None
    metadata: dict[str, str]
    created_at: Time
    version: int
    client_secret: str | None = Field(
        default=None,
        description="to complete a payment that requires action; only in the answer to its creation",
    )

    @classmethod
    def of(cls, subscription: Subscription, client_secret: str | None = None) -> "SubscriptionOut":
        return cls(
            id=subscription.id,
            customer_id=subscription.customer_id,
            plan_id=subscription.plan_id,
            plan_version=subscription.plan_version,
            state=subscription.state.value,
            current_period=PeriodOut.of(subscription.current_period),
            trial_end=subscription.trial_end,
            item_quantities=subscription.quantities,
            cancel_at_period_end=subscription.cancel_at_period_end,
            canceled_at=subscription.canceled_at,
            paused_at=subscription.paused_at,
            resumes_at=subscription.resumes_at,
            latest_invoice_id=subscription.latest_invoice_id,
            payment_method_id=subscription.payment_method_id,
            test_clock_id=subscription.test_clock_id,
            metadata=subscription.metadata,
            created_at=subscription.created_at,
            version=subscription.version,
            client_secret=client_secret,
        )

    @classmethod
    def started(cls, started: Started) -> "SubscriptionOut":
        return cls.of(started.subscription, started.client_secret)
