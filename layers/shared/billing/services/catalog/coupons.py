"""Coupons: made, archived, and redeemed in the commit of whatever they are redeemed for.

A limited coupon is saved with its count under its version condition: of many requests that load it with one redemption
left, one commits; the others lose the race, load again and find nothing left. An unlimited coupon is only read, so that
it never becomes the bottleneck of a campaign; archiving it does not stop requests that have loaded it already. Each
customer's count is an item of its own, which enforces the limit per customer in the same way.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from billing.domain.catalog import coupon
from billing.domain.catalog.coupon import Coupon, Discount, Duration, Redemption, coupon_id, redemption_id
from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import AlreadyExists, CouponInvalid, Detail, ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.marketplace_terms import Party
from billing.domain.kernel.money import Money
from billing.services.catalog.plans import plan_refs, sold_plan
from billing.services.clocks.customer_time import customer_time
from billing.services.kernel.work import Found, Page, Query, Ref, Work


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """A new coupon as the caller describes it; the fields are those of ``Coupon``, and a plan may be named twice."""

    code: str
    percent_off: Decimal | None
    amount_off: Money | None
    duration: Duration
    duration_periods: int | None
    max_redemptions: int | None
    max_redemptions_per_customer: int | None
    expires_at: datetime | None
    plan_ids: tuple[str, ...]
    funded_by: Party | None = None
    provider_ids: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption for the caller's own use: whose it is, and what it takes off."""

    customer_id: str
    discount: Discount


def create(work: Work, new: NewCoupon) -> Coupon:
    """A new coupon.

    Raises:
        ValidationFailed: it would have expired already, or names a plan that neither catalog has.
        AlreadyExists: the tenant has a coupon with this code, be it archived or in another case.
    """
    tenant_id = work.tenant.id
    ref = Ref(Coupon, tenant_id, coupon_id(new.code))
    plans = [plan_refs(tenant_id, plan_id) for plan_id in new.plan_ids]
    # Before the checks: a repeated key gets its stored answer, even if the coupon has expired since.
    found = work.load(ref, *(place for places in plans for place in places))
    _check(new, plans, found, work.now)
    if found.get(ref) is not None:
        raise AlreadyExists(f"There is a coupon {new.code} already")
    return work.save(
        Coupon(
            id=ref.id,
            tenant_id=tenant_id,
            code=new.code,
            percent_off=new.percent_off,
            amount_off=new.amount_off,
            duration=new.duration,
            created_at=work.now,
            duration_periods=new.duration_periods,
            max_redemptions=new.max_redemptions,
            max_redemptions_per_customer=new.max_redemptions_per_customer,
            expires_at=new.expires_at,
            plan_ids=tuple(dict.fromkeys(new.plan_ids)),
            funded_by=new.funded_by,
            provider_ids=tuple(dict.fromkeys(new.provider_ids)),
            skus=tuple(dict.fromkeys(new.skus)),
        )
    )


def get(work: Work, code: str) -> Coupon:
    """A coupon of the tenant's, archived ones too.

    Raises:
        NotFound: none has this code.
    """
    ref = Ref(Coupon, work.tenant.id, coupon_id(code))
    return work.load(ref).require(ref)


def page(work: Work, limit: int, cursor: str | None) -> Page[Coupon]:
    """A page of the tenant's coupons, by code from Z to A."""
    return work.query(Query(Coupon, limit=limit, start=cursor))


def archive(work: Work, code: str) -> Coupon:
    """Archive a coupon: nobody can redeem it any more, but its discounts go on. An archived one stays as it is.

    Raises:
        NotFound: none has this code.
    """
    found = get(work, code)
    return work.save(replace(found, active=False)) if found.active else found


def refs(tenant_id: str, code: str, customer_id: str) -> tuple[Ref[Coupon], Ref[Redemption]]:
    """What ``redeemed`` has to find: the coupon of a code, and what the customer redeemed of it."""
    return Ref(Coupon, tenant_id, coupon_id(code)), Ref(Redemption, tenant_id, redemption_id(code, customer_id))


def redeemed(
    work: Work, found: Found, code: str, customer: Customer, plan_id: str | None, currency: str, at: datetime
) -> Discount:
    """The discount that a coupon becomes; its redemption is staged with the rest of the caller's work.

    Args:
        found: with what ``refs`` names.
        plan_id: what it is redeemed for; None for something that is no plan.
        at: the customer's time.

    Raises:
        CouponInvalid: there is none, it is archived, or is not for this plan or currency.
        CouponExpired, CouponExhausted: its time is over, or nothing is left of it.
    """
    before, after, redemption, discount = _redeemed(found, code, customer, plan_id, currency, at)
    if after is not before:
        work.save(after)
    work.emit(EventType.COUPON_REDEEMED, work.save(redemption))
    return discount


def unredeem(work: Work, code: str, customer_id: str) -> None:
    """Take back a customer's redemption of a coupon, staged: what it was reserved for never came to be."""
    coupon_ref, redemption_ref = refs(work.tenant.id, code, customer_id)
    found = work.load(coupon_ref, redemption_ref)
    before, redemption = found.require(coupon_ref), found.require(redemption_ref)
    after, redemption = coupon.unredeem(before, redemption)
    if after is not before:
        work.save(after)
    work.save(redemption)


def previewed(
    found: Found, code: str, customer: Customer, plan_id: str | None, currency: str, at: datetime
) -> Discount:
    """The discount that a coupon would become; nothing is redeemed.

    Raises:
        as ``redeemed``.
    """
    return _redeemed(found, code, customer, plan_id, currency, at)[3]


def _redeemed(
    found: Found, code: str, customer: Customer, plan_id: str | None, currency: str, at: datetime
) -> tuple[Coupon, Coupon, Redemption, Discount]:
    coupon_ref, redemption_ref = refs(customer.tenant_id, code, customer.id)
    before = found.get(coupon_ref)
    if before is None:
        raise CouponInvalid(f"No coupon {code[:100]}")
    return (before, *coupon.redeem(before, found.get(redemption_ref), customer.id, plan_id, currency, at))


def redeem(work: Work, code: str, customer_id: str | None, plan_id: str | None) -> Redeemed:
    """One redemption for the caller's own use, in the plan's currency, or else in the customer's.

    Args:
        customer_id: None for the tenant's default customer.

    Raises:
        NotFound, PlanNotFound: no such customer or plan.
        CouponInvalid, CouponExpired, CouponExhausted: see ``redeemed``.
    """
    tenant = work.tenant
    customer_ref = Ref(Customer, tenant.id, customer_id or tenant.default_customer_id)
    places = plan_refs(tenant.id, plan_id) if plan_id is not None else None
    found = work.load(customer_ref, *(places or ()), *refs(tenant.id, code, customer_ref.id))
    customer = found.require(customer_ref)
    currency = sold_plan(found, *places).currency if places else customer.currency
    at = customer_time(work, customer)
    return Redeemed(customer.id, redeemed(work, found, code, customer, plan_id, currency, at))


def _check(new: NewCoupon, plans: list[tuple[Ref[Plan], Ref[Plan]]], found: Found, now: datetime) -> None:
    bad = [
        Detail(f"planIds.{n}", "no_such_plan")
        for n, places in enumerate(plans)
        if all(found.get(place) is None for place in places)
    ]
    if new.expires_at is not None and new.expires_at <= now:
        bad.append(Detail("expiresAt", "must_be_in_the_future"))
    if bad:
        raise ValidationFailed(", ".join(f"{each.field}: {each.reason}" for each in bad), tuple(bad))
