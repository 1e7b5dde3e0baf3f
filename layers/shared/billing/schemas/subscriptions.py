"""Subscriptions in the API."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from billing.domain.catalog.coupon import Discount
from billing.domain.kernel.errors import Detail, ValidationFailed
from billing.domain.kernel.periods import Period
from billing.domain.subscriptions.changes import DiscountApplies, ProrationBehavior
from billing.domain.subscriptions.lifecycle import incomplete_until
from billing.domain.subscriptions.subscription import Subscription
from billing.schemas.base import ExternalId, Id, Metadata, Request, Resource, ShortText, Time, TimeIn, unsaid
from billing.schemas.catalog.coupons import CouponDiscountOut
from billing.schemas.catalog.plans import ComponentKey, PlanId
from billing.services.invoicing.biller import Billed
from billing.services.invoicing.expected import ExpectedSums
from billing.services.subscriptions.changes import Change
from billing.services.subscriptions.creation import NewSubscription

MOST_EXPECTED = 2**53 - 1
"""In micro-units: what every reader of JSON takes; the lines of an invoice together may be more than one amount may."""
Quantities = dict[ComponentKey, Annotated[int, Field(ge=0, le=1_000_000_000)]]
ExpectedSum = Annotated[int, Field(ge=-MOST_EXPECTED, le=MOST_EXPECTED)]
Behavior = Literal["create_prorations", "invoice_now", "none"]


ExternalIdIn = Annotated[
    ExternalId | None,
    Field(description="your own id of the subscription; a new one may take it over from one that was canceled"),
]
AnchorDay = Annotated[int, Field(ge=1, le=31)]
AnchorMonth = Annotated[int, Field(ge=1, le=12)]


class SubscriptionIn(Request):
    plan_id: PlanId
    customer_id: Id | None = None
    quantities: Quantities = {}
    payment_method_id: Id | None = None
    trial_days: Annotated[int, Field(ge=0, le=730)] | None = None
    coupon_code: ShortText | None = None
    start_date: TimeIn | None = None
    anchor_day: AnchorDay | None = Field(
        default=None,
        description="the day of month on which periods begin, in the customer's zone; the first one is shorter, and"
        " costs its share",
    )
    anchor_month: AnchorMonth | None = Field(
        default=None,
        description="with anchorDay, for quarters, years and others that begin in certain months only: a month in which"
        " periods begin; the first one is shorter",
    )
    metadata: Metadata = {}
    external_id: ExternalIdIn = None

    def new(self) -> NewSubscription:
        return NewSubscription(
            plan_id=self.plan_id,
            quantities=dict(self.quantities),
            customer_id=self.customer_id,
            payment_method_id=self.payment_method_id,
            trial_days=self.trial_days,
            coupon_code=self.coupon_code,
            start_date=self.start_date,
            anchor_day=self.anchor_day,
            anchor_month=self.anchor_month,
            metadata=self.metadata,
            external_id=self.external_id,
        )


def _only_false(value: bool) -> bool:
    if value:
        raise PydanticCustomError("only_false", "cancel it to end it with its period")
    return value


class SubscriptionChanges(Request):
    """A change: of plan, quantities and coupon, or a pause or a resume. What is not named stays as it is."""

    quantities: Quantities | None = None
    plan_id: PlanId | None = None
    proration_behavior: Behavior = "create_prorations"
    proration_date: TimeIn | None = None
    coupon_code: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None, description="a coupon to redeem; empty or null takes the discount away"
    )
    coupon_applies: Literal["now", "next_period"] | None = Field(
        default=None,
        description="from when the coupon holds, or what is taken away does not: with another plan from now on, else"
        " from the next period on, unless this says otherwise; another interval begins a period at once",
    )
    anchor_day: AnchorDay | None = Field(
        default=None, description="with a plan of another interval: when its periods begin, as for a new subscription"
    )
    anchor_month: AnchorMonth | None = None
    cancel_at_period_end: Annotated[bool, AfterValidator(_only_false)] | None = Field(
        default=None,
        description="false: it does not end with its period any more, as by resuming it; needed with a plan of another"
        " interval, whose periods go beyond that end",
    )
    paused: bool | None = None
    resumes_at: TimeIn | None = None
    payment_method_id: Id | None = None
    metadata: Metadata | None = None
    external_id: ExternalIdIn = unsaid()
    expected_total: ExpectedSum | None = Field(
        default=None,
        description="`total` of the preview of this change: where it would be another one now, nothing is done, and the"
        " answer is 412",
    )
    expected_amount_due: ExpectedSum | None = Field(default=None, description="so with its `amountDue`")

    def change(self) -> Change:
        """The change that is asked for.

        Raises:
            ValidationFailed: it asks for a pause and for something else, or for something that has no meaning, such
                as a time from which nothing changes.
        """
        self._check()
        coupon_code = self.coupon_code
        if "coupon_code" in self.model_fields_set and coupon_code is None:
            coupon_code = ""
        return Change(
            quantities=dict(self.quantities) if self.quantities is not None else None,
            plan_id=self.plan_id,
            behavior=ProrationBehavior(self.proration_behavior),
            proration_at=self.proration_date,
            coupon_code=coupon_code,
            coupon_applies=DiscountApplies(self.coupon_applies) if self.coupon_applies else None,
            anchor_day=self.anchor_day,
            anchor_month=self.anchor_month,
            paused=self.paused,
            goes_on=self.cancel_at_period_end is False,
            resumes_at=self.resumes_at,
            payment_method_id=self.payment_method_id,
            metadata=self.metadata,
            external_id=(self.external_id or "") if "external_id" in self.model_fields_set else None,
            expected=self._expected(),
        )

    def _expected(self) -> ExpectedSums | None:
        if self.expected_total is None and self.expected_amount_due is None:
            return None
        return ExpectedSums(self.expected_total, self.expected_amount_due)

    def _check(self) -> None:
        named = {
            "quantities": self.quantities,
            "planId": self.plan_id,
            "couponCode": self.coupon_code,
            "couponApplies": self.coupon_applies,
            "prorationDate": self.proration_date,
            "anchorDay": self.anchor_day,
            "anchorMonth": self.anchor_month,
        }
        bad = []
        if self.paused is not None:
            bad += [Detail(field, "not_with_paused") for field, value in named.items() if value is not None]
        else:
            bad += self._meaningless()
        if self.resumes_at is not None and self.paused is not True:
            bad.append(Detail("resumesAt", "only_with_paused_true"))
        if bad:
            raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))

    def _meaningless(self) -> list[Detail]:
        """What says how to do something that is not done."""
        bad = []
        if self.proration_date is not None and not self._bills:
            bad.append(Detail("prorationDate", "only_with_a_change"))
        if self.plan_id is None:
            anchor = {"anchorDay": self.anchor_day, "anchorMonth": self.anchor_month}
            bad += [Detail(field, "only_with_plan_id") for field, value in anchor.items() if value is not None]
        if self.coupon_applies is not None and "coupon_code" not in self.model_fields_set:
            bad.append(Detail("couponApplies", "only_with_coupon_code"))
        elif self.coupon_applies == "now" and self.proration_behavior == "none":
            bad.append(Detail("couponApplies", "not_without_prorations"))
        return bad

    @property
    def _bills(self) -> bool:
        """It changes what the running period costs: a plan, quantities, or a coupon that comes or goes at once."""
        return self.plan_id is not None or self.quantities is not None or self.coupon_applies == "now"


class CancelIn(Request):
    at_period_end: bool = False
    proration_behavior: Literal["none", "create_prorations"] = Field(
        default="none", description="create_prorations gives the unused rest of the period back, to the balance"
    )

    @property
    def behavior(self) -> ProrationBehavior:
        return ProrationBehavior(self.proration_behavior)


class PeriodOut(Resource):
    start: Time
    end: Time

    @classmethod
    def of(cls, period: Period) -> "PeriodOut":
        return cls(start=period.start, end=period.end)


def _discount(discount: Discount | None) -> CouponDiscountOut | None:
    return CouponDiscountOut.of(discount) if discount is not None else None


class SubscriptionOut(Resource):
    id: str
    customer_id: str
    plan_id: str
    plan_version: int
    state: str
    current_period: PeriodOut
    trial_end: Time | None
    incomplete_until: Time | None = Field(description="when it is given up if its first invoice is not paid")
    item_quantities: dict[str, int]
    cancel_at_period_end: bool
    canceled_at: Time | None
    paused_at: Time | None
    resumes_at: Time | None
    paused_by: str | None
    discount: CouponDiscountOut | None = Field(description="what it has from the next period on")
    current_period_discount: CouponDiscountOut | None = Field(
        description="what is off the running period; another one where a coupon came or went in it"
    )
    anchor_day: int
    anchor_month: int | None = Field(description="as it was asked for")
    timezone: str = Field(description="of the period that runs; the next one is in the customer's")
    unpaid_invoice_ids: list[str]
    pending_line_count: int = Field(description="lines of changes that wait for the next invoice")
    latest_invoice_id: str | None
    payment_method_id: str | None
    test_clock_id: str | None
    metadata: dict[str, str]
    external_id: str | None
    billed_until: Time | None = Field(
        description="it was imported: what is before this was billed elsewhere, and never is here"
    )
    created_at: Time
    version: int
    client_secret: str | None = Field(
        default=None,
        description="to complete a payment that requires action; only in the answer to what charged",
    )

    @classmethod
    def of(cls, subscription: Subscription, client_secret: str | None = None) -> Self:
        return cls(
            id=subscription.id,
            customer_id=subscription.customer_id,
            plan_id=subscription.plan_id,
            plan_version=subscription.plan_version,
            state=subscription.state.value,
            current_period=PeriodOut.of(subscription.current_period),
            trial_end=subscription.trial_end,
            incomplete_until=incomplete_until(subscription),
            item_quantities=subscription.quantities,
            cancel_at_period_end=subscription.cancel_at_period_end,
            canceled_at=subscription.canceled_at,
            paused_at=subscription.paused_at,
            resumes_at=subscription.resumes_at,
            paused_by=subscription.paused_by.value if subscription.paused_by else None,
            discount=_discount(subscription.discount),
            current_period_discount=_discount(subscription.period_discount),
            anchor_day=subscription.cadence.anchor_day,
            anchor_month=subscription.cadence.anchor_month,
            timezone=subscription.cadence.timezone,
            unpaid_invoice_ids=list(subscription.unpaid_invoice_ids),
            pending_line_count=len(subscription.pending),
            latest_invoice_id=subscription.latest_invoice_id,
            payment_method_id=subscription.payment_method_id,
            test_clock_id=subscription.test_clock_id,
            metadata=subscription.metadata,
            external_id=subscription.external_id,
            billed_until=subscription.billed_until,
            created_at=subscription.created_at,
            version=subscription.version,
            client_secret=client_secret,
        )

    @classmethod
    def billed(cls, billed: Billed) -> "SubscriptionOut":
        assert billed.subscription is not None
        return cls.of(billed.subscription, billed.client_secret)
