"""Coupons: who may redeem them, and what the discount takes off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.coupon import (
    Coupon,
    Discount,
    Duration,
    Redemption,
    coupon_id,
    redeem,
    redemption_id,
)
from billing.domain.kernel.currencies import charge_step
from billing.domain.kernel.errors import BillingError, CouponExhausted, CouponExpired, CouponInvalid
from billing.domain.kernel.money import MICROS_PER_MINOR, Money, exact_fraction, sum_money
from billing.storage.codec import decode, encode

AT = datetime(2027, 1, 31, 9, tzinfo=UTC)
COUPON = Coupon("LAUNCH2026", "ten_1", "Launch2026", Decimal("25"), None, Duration.ONCE, AT)
NINE_DOLLARS = replace(COUPON, percent_off=None, amount_off=Money(900_000, "USD"))
# No deadline: a busy machine is no broken law.
LAW = settings(max_examples=100, deadline=None)
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD", "MGA", "CLF"])


def redeemed(coupon: Coupon, before: Redemption | None = None, **other: Any) -> tuple[Coupon, Redemption, Discount]:
    """By one customer, for a plan in dollars."""
    wanted: dict[str, Any] = {"customer_id": "cus_1", "plan_id": "pro", "currency": "USD", "at": AT} | other
    return redeem(coupon, before, **wanted)


def before(count: int) -> Redemption:
    return Redemption("LAUNCH2026#cus_1", "ten_1", "LAUNCH2026", "cus_1", count, AT, version=count)


# Who may redeem

REFUSALS: list[tuple[str, Coupon, Redemption | None, dict[str, Any], type[BillingError]]] = [
    ("archived", replace(COUPON, active=False), None, {}, CouponInvalid),
    ("another currency", NINE_DOLLARS, None, {"currency": "EUR"}, CouponInvalid),
    ("another plan", replace(COUPON, plan_ids=("team", "business")), None, {}, CouponInvalid),
    ("no plan", replace(COUPON, plan_ids=("pro",)), None, {"plan_id": None}, CouponInvalid),
    ("at its end", replace(COUPON, expires_at=AT), None, {}, CouponExpired),
    ("after its end", replace(COUPON, expires_at=AT - timedelta(days=1)), None, {}, CouponExpired),
    ("none left", replace(COUPON, max_redemptions=3, redeemed=3), None, {}, CouponExhausted),
    ("none left for the customer", replace(COUPON, max_redemptions_per_customer=2), before(2), {}, CouponExhausted),
    ("archived and expired", replace(COUPON, active=False, expires_at=AT), None, {}, CouponInvalid),
    ("expired and used up", replace(COUPON, expires_at=AT, max_redemptions=1, redeemed=1), None, {}, CouponExpired),
]


@pytest.mark.parametrize(
    ("coupon", "so_far", "other", "error"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_a_coupon_is_refused(
    coupon: Coupon, so_far: Redemption | None, other: dict[str, Any], error: type[BillingError]
) -> None:
    with pytest.raises(error, match=coupon.code):
        redeemed(coupon, so_far, **other)


ALLOWED: list[tuple[str, Coupon, Redemption | None, dict[str, Any]]] = [
    ("a percentage in any currency", COUPON, None, {"currency": "JPY"}),
    ("an amount in its own", NINE_DOLLARS, None, {}),
    ("one of its plans", replace(COUPON, plan_ids=("team", "pro")), None, {}),
    ("no plan, and it asks for none", COUPON, None, {"plan_id": None}),
    ("a microsecond before its end", replace(COUPON, expires_at=AT + timedelta(microseconds=1)), None, {}),
    ("the last one", replace(COUPON, max_redemptions=3, redeemed=2), None, {}),
    ("the customer's last one", replace(COUPON, max_redemptions_per_customer=2), before(1), {}),
    ("a third one without a limit", COUPON, before(2), {}),
]


@pytest.mark.parametrize(("coupon", "so_far", "other"), [a[1:] for a in ALLOWED], ids=[a[0] for a in ALLOWED])
def test_a_coupon_is_taken(coupon: Coupon, so_far: Redemption | None, other: dict[str, Any]) -> None:
    _, redemption, discount = redeemed(coupon, so_far, **other)
    assert redemption == replace(before((so_far.count if so_far else 0) + 1), version=so_far.version if so_far else 0)
    terms = (coupon.percent_off, coupon.amount_off, 1, AT)
    assert discount == Discount("LAUNCH2026", "Launch2026", *terms, plan_ids=coupon.plan_ids)


def test_a_limited_coupon_counts_and_an_unlimited_one_is_not_touched() -> None:
    limited = replace(COUPON, max_redemptions=3, redeemed=1)
    assert redeemed(limited)[0] == replace(limited, redeemed=2)
    per_customer = replace(COUPON, max_redemptions_per_customer=3)
    assert redeemed(COUPON)[0] is COUPON
    assert redeemed(per_customer)[0] is per_customer


@given(st.integers(1, 12), st.integers(1, 6), st.lists(st.sampled_from(["cus_1", "cus_2", "cus_3"]), max_size=40))
@settings(deadline=None)
def test_no_order_of_redemptions_breaks_a_limit(total: int, each: int, callers: list[str]) -> None:
    coupon = replace(COUPON, max_redemptions=total, max_redemptions_per_customer=each)
    counts: dict[str, Redemption] = {}
    for customer_id in callers:
        mine = counts.get(customer_id)
        left = coupon.redeemed < total and (mine is None or mine.count < each)
        if not left:
            with pytest.raises(CouponExhausted):
                redeemed(coupon, mine, customer_id=customer_id)
            continue
        coupon, counts[customer_id], _ = redeemed(coupon, mine, customer_id=customer_id)
    assert coupon.redeemed == sum(one.count for one in counts.values()) <= total
    assert all(one.count <= each for one in counts.values())


@pytest.mark.parametrize(
    ("duration", "given_periods", "periods"),
    [(Duration.ONCE, None, 1), (Duration.REPEATING, 3, 3), (Duration.FOREVER, None, None)],
)
def test_a_discount_holds_as_long_as_its_coupon_says(
    duration: Duration, given_periods: int | None, periods: int | None
) -> None:
    _, _, discount = redeemed(replace(COUPON, duration=duration, duration_periods=given_periods))
    held: Discount | None = discount
    for n in range(1, (periods or 50) + 1):
        held = held and held.next_period()
        assert held is not None
        assert held.periods_used == n
    assert held is not None
    assert (held.next_period() is None) is (periods is not None)


def test_a_discount_that_is_applied_at_once_has_used_its_first_period() -> None:
    discount = redeemed(COUPON)[2].applied()
    assert discount.periods_used == discount.applied().periods_used == 1
    assert discount.next_period() is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_off": Money(1000, "USD")},
        {"percent_off": None},
        {"percent_off": Decimal(0)},
        {"percent_off": Decimal("100.0001")},
        {"percent_off": None, "amount_off": Money(0, "USD")},
        {"duration": Duration.REPEATING},
        {"duration_periods": 3},
    ],
)
def test_a_coupon_that_contradicts_itself_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="LAUNCH2026"):
        replace(COUPON, **wrong)


@pytest.mark.parametrize("code", ["launch2026", "LAUNCH2026", "Launch2026"])
def test_a_code_names_its_coupon_in_any_case(code: str) -> None:
    assert coupon_id(code) == "LAUNCH2026"
    assert redemption_id(code, "cus_1") == "LAUNCH2026#cus_1"


@pytest.mark.parametrize("code", ["ſale", "straße", "ﬁrst", "ı"])
def test_letters_that_only_look_like_a_code_name_no_coupon(code: str) -> None:
    assert coupon_id(code) == code
    assert not coupon_id(code).isascii()


class NoSealer:
    """Coupons have nothing personal to seal."""


@pytest.mark.parametrize(
    "coupon",
    [
        replace(COUPON, percent_off=Decimal("33.3333"), plan_ids=("a", "b"), expires_at=AT, max_redemptions=5),
        replace(NINE_DOLLARS, duration=Duration.REPEATING, duration_periods=12, redeemed=4, active=False, version=7),
    ],
)
def test_a_coupon_is_stored_as_it_is(coupon: Coupon) -> None:
    sealer: Any = NoSealer()
    assert decode(Coupon, encode(coupon, sealer, "ten_1", coupon.id), sealer, "ten_1", coupon.id) == coupon


# What the discount takes off


@st.composite
def charges(draw: st.DrawFn) -> list[Money]:
    """Charges of a period: each whole, in the steps in which its currency can be charged."""
    currency = draw(CURRENCIES)
    step = charge_step(currency)
    units = draw(st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
    return [Money.from_minor(each * step, currency) for each in units]


percents = st.integers(1, 1_000_000).map(lambda n: Decimal(n).scaleb(-4))


def discount(percent: Decimal | None = None, amount: Money | None = None) -> Discount:
    return Discount("SALE", "sale", percent, amount, None, AT)


@LAW
@given(charges(), percents)
def test_a_percentage_is_within_half_a_unit_of_exact_and_never_more_than_the_charge(
    amounts: list[Money], percent: Decimal
) -> None:
    step = charge_step(amounts[0].currency) * MICROS_PER_MINOR
    shares = discount(percent).shares(amounts)
    assert len(shares) == len(amounts)
    for share, amount in zip(shares, amounts, strict=True):
        assert Money.zero(amount.currency) <= share <= amount
        assert share.micros % step == 0
        assert abs(share.micros - amount.micros * exact_fraction(percent) / 100) <= Fraction(step, 2)


@LAW
@given(charges(), st.integers(1, 10**10))
def test_an_amounts_shares_sum_to_it_or_to_all_there_is(amounts: list[Money], units: int) -> None:
    currency = amounts[0].currency
    off = Money.from_minor(units * charge_step(currency), currency)
    shares = discount(amount=off).shares(amounts)
    assert len(shares) == len(amounts)
    assert sum_money(shares, currency) == min(off, sum_money(amounts, currency))
    for share, amount in zip(shares, amounts, strict=True):
        assert Money.zero(currency) <= share <= amount


@LAW
@given(charges())
def test_everything_off_leaves_nothing(amounts: list[Money]) -> None:
    assert discount(Decimal(100)).shares(amounts) == amounts
    whole = sum_money(amounts, amounts[0].currency)
    assert discount(amount=whole + Money.from_minor(1, whole.currency)).shares(amounts) == amounts


def test_nothing_to_take_it_off_gives_no_shares() -> None:
    assert discount(Decimal(25)).shares([]) == discount(amount=Money(900_000, "USD")).shares([]) == []


def test_a_discount_is_a_percentage_or_an_amount() -> None:
    for percent, amount in ((None, None), (Decimal(1), Money(1000, "USD"))):
        with pytest.raises(ValueError, match="SALE"):
            discount(percent, amount)
