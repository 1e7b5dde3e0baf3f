"""What holds of MRR after every commit: what moved is what there is, subscription by subscription.

What each counts for is worked out anew, from its plan, its seats and its coupon.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from tests.faults.books import Books, Json, micros

_A_MONTH = {"month": Fraction(1), "year": Fraction(1, 12), "week": Fraction(13, 3), "day": Fraction(365, 12)}
MOVED = (
    "new", "reactivation", "expansion", "contraction", "paused", "resumed", "churnVoluntary", "churnInvoluntary",
    "currencyIn", "currencyOut", "opening",
)  # fmt: skip
"""A report's columns that lead from start to end."""
_FIGURES = ("mrr", "after_discounts", "at_risk", "trial", "not_converted", "scheduled")


def mrr(books: Books) -> Iterator[str]:
    """Movements follow on one another, and add up to what their subscriptions count for."""
    moved: dict[str, list[Json]] = defaultdict(list)
    for each in books.bodies("mrr_movements"):
        moved[each["subscription_id"]].append(each)
    sums: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for subscription in books.bodies("subscriptions"):
        name, now = f"subscription {subscription['id']}", subscription["mrr"]
        if now is None:
            yield f"{name} was saved without what it counts for"
            continue
        own = sorted(moved.pop(subscription["id"], []), key=lambda each: int(each["subscription_version"]))
        yield from (f"{name}: {problem}" for problem in _chain(own, now))
        for each in own:
            sums.update(_figures(each["after"]))
            sums.subtract(_figures(each["before"]))
        total.update(_figures(now))
        wanted = _standing(subscription)
        if now["standing"] != wanted:
            yield f"{name} is {subscription['state']}, and counts as {now['standing']}, not {wanted}"
        yield from (f"{name}: {problem}" for problem in _amount(books, subscription))
    yield from (f"movements of no subscription: {each}" for each in moved)
    for key in set(sums) | set(total):
        if sums[key] != total[key]:
            yield f"movements of {key} sum to {sums[key]}, subscriptions to {total[key]}"


def _chain(own: list[Json], now: Json) -> Iterator[str]:
    """Each movement begins where the one before it ended, not before it; the last one ends at what there is."""
    was: Json | None = None
    for each in own:
        if _figures(each["before"]) != _figures(was):
            yield f"{each['id']} begins at {each['before']}, the one before it ended at {was}"
        if was is not None and each["at"] < was["at"]:
            yield f"{each['id']} is dated before the one before it"
        was = each["after"]
    if _figures(was) != _figures(now):
        yield f"it counts for {now}, its last movement ended at {was}"


def _figures(mrr: Json | None) -> Counter[tuple[str, str]]:
    if mrr is None:
        return Counter()
    amount, less, counted = micros(mrr["amount"]), micros(mrr["discounted"]), mrr["standing"] == "counted"
    each = (
        counted * amount,
        counted * less,
        counted * mrr["at_risk"] * amount,
        (mrr["standing"] == "trial") * amount,
        (mrr["standing"] == "not_converted") * amount,
        counted * mrr["ending"] * amount,
    )
    currency = mrr["amount"]["currency"]
    return Counter({(currency, name): value for name, value in zip(_FIGURES, each, strict=True) if value})


def _standing(subscription: Json) -> str:
    state = subscription["state"]
    if state in ("canceled", "incomplete", "trialing"):
        return {"canceled": "ended", "incomplete": "not_begun", "trialing": "trial"}[state]
    if state == "paused":
        return "not_begun" if subscription["paused_by"] == "start" else "paused"
    return "not_converted" if subscription["awaits_first_payment"] else "counted"


def _amount(books: Books, subscription: Json) -> Iterator[str]:
    """A month of its plan at its seats, less a coupon for ever; the books of the laws have prices a unit alone."""
    now, plan = subscription["mrr"], _plan(books, subscription)
    if plan is None or plan["tax_behavior"] == "inclusive":
        return  # the platform's plan, or a price whose tax only an invoice knows
    period = Fraction(0)
    for each in plan["components"]:
        if each["type"] == "metered":
            continue
        if each["model"] not in (None, "per_unit") or each["free_units"] or each["minimum"]:
            return
        period += each["unit_amount"] * subscription["quantities"].get(each["key"], 1)
    discount = subscription["discount"]
    if discount is not None and discount["periods"] is None:
        if discount["percent_off"] is not None:
            period *= 1 - Fraction(Decimal(discount["percent_off"])) / 100
        else:
            period = max(period - micros(discount["amount_off"]), Fraction(0))
    wanted = round(period * _A_MONTH[plan["interval"]] / plan["interval_count"])
    if micros(now["amount"]) != wanted:
        yield f"a month of it is {wanted}, and it counts as {micros(now['amount'])}"
    if micros(now["discounted"]) > micros(now["amount"]):
        yield "its coupon adds to it"


def _plan(books: Books, subscription: Json) -> Json | None:
    fits = (
        each
        for each in books.bodies("plans")
        if each["id"] == subscription["plan_id"] and each["plan_version"] == subscription["plan_version"]
        if each["tenant_id"] == subscription["plan_tenant_id"]
    )
    return next(fits, None)
