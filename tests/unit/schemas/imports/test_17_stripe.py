"""Issue 17, number 7: Stripe Billing's objects as records; the objects are held to Stripe's own description."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.catalog.pricing import Component, exact_price
from billing.domain.imports.source import Kind, Record, SourcePlan, SourceSubscription
from billing.schemas.imports.files import read_objects
from billing.schemas.imports.stripe import read_stripe
from billing.schemas.imports.stripe_prices import Problems, cost_at_stripe, key_of, price_of
from local.stripe_sandbox.openapi import OpenApi
from tests.support import stripe_account as stripe

Json = dict[str, Any]
START, END = datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 2, 15, 9, tzinfo=UTC)
SEATS = stripe.price("price_Seats", 500)


def read(*made: Json) -> list[Record]:
    return read_stripe(read_objects("\n".join(json.dumps(each) for each in made).encode()))


def sub(**fields: Any) -> Json:
    return stripe.subscription("sub_A", "cus_A", [stripe.item(SEATS, 3)], START, END, **fields)


def problems(made: Json) -> dict[str, str]:
    """Of the one subscription."""
    (record,) = (each for each in read(made) if each.kind is Kind.SUBSCRIPTION)
    return {each.field: each.reason for each in record.problems}


def taken(made: Json) -> SourceSubscription:
    (record,) = (each for each in read(made) if each.kind is Kind.SUBSCRIPTION)
    assert isinstance(record.item, SourceSubscription), record.problems
    return record.item


def test_17_the_objects_of_these_tests_are_as_stripe_describes_them() -> None:
    api = OpenApi()
    known = {"customer", "price", "subscription"}
    validators = {name: api.compile({"$ref": f"urn:stripe#/components/schemas/{name}"}) for name in known}
    wrong = [
        (each["id"], error.message[:200], list(error.instance_path))
        for each in stripe.account(START, 4)
        if each["object"] in known
        for error in validators[each["object"]].iter_errors(each)
    ]
    assert wrong == []


def test_17_every_status_of_stripes_is_known() -> None:
    statuses = OpenApi().schemas["subscription"]["properties"]["status"]["enum"]
    for status in statuses:
        made = sub(status=status) | ({"trial_end": stripe.at(END), "billing_cycle_anchor": stripe.at(END)})
        (record,) = (each for each in read(made) if each.kind is Kind.SUBSCRIPTION)
        if status in ("active", "trialing", "past_due"):
            assert record.item is not None, (status, record.problems)
        elif status in ("canceled", "incomplete_expired"):
            assert record.ignored == "It has ended"
        else:
            assert [each.field for each in record.problems] == ["status"]
            assert record.problems[0].text != "No status that is known"


def test_17_the_period_is_read_from_the_subscription_or_from_its_items() -> None:
    older = sub(current_period_start=stripe.at(START), current_period_end=stripe.at(END))
    for each in older["items"]["data"]:
        del each["current_period_start"], each["current_period_end"]
    assert taken(older).period == taken(sub()).period


def _pause(**fields: Any) -> Json:
    return {"pause_collection": {"behavior": "void", "resumes_at": None} | fields}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schedule": "sub_sched_1"}, "schedule"),
        ({"collection_method": "send_invoice", "days_until_due": 30}, "collection_method"),
        ({"transfer_data": {"destination": "acct_1", "amount_percent": None}}, "transfer_data"),
        ({"on_behalf_of": "acct_1"}, "on_behalf_of"),
        ({"pending_update": {"expires_at": 1}}, "pending_update"),
        ({"discounts": ["di_1"]}, "discounts"),
        ({"cancel_at": stripe.at(END) + 1}, "cancel_at"),
        (_pause(behavior="keep_as_draft"), "pause_collection.behavior"),
        ({"customer": None}, "customer"),
        ({"billing_cycle_anchor": None}, "billing_cycle_anchor"),
        ({"metadata": {"a b": "c"}}, "metadata.a b.[key]"),
        ({"status": "trialing", "trial_end": stripe.at(START)}, "trial_end"),
    ],
)
def test_17_what_cannot_be_taken_over_is_refused_by_name(fields: Json, field: str) -> None:
    assert list(problems(sub(**fields))) == [field]


@pytest.mark.parametrize(
    ("price", "field"),
    [
        (SEATS | {"recurring": SEATS["recurring"] | {"usage_type": "metered"}}, "recurring.usage_type"),
        (SEATS | {"type": "one_time", "recurring": None}, "type"),
        (SEATS | {"unit_amount": None, "unit_amount_decimal": "0.00001"}, "unit_amount_decimal"),
        (SEATS | {"unit_amount": None, "unit_amount_decimal": "1e999999999"}, "unit_amount_decimal"),
        (SEATS | {"unit_amount": None, "unit_amount_decimal": "1e-999999999"}, "unit_amount_decimal"),
        (SEATS | {"unit_amount": None, "unit_amount_decimal": "-1"}, "unit_amount_decimal"),
        (SEATS | {"unit_amount": None, "unit_amount_decimal": None}, "unit_amount"),
        (SEATS | {"currency": "xyz"}, "currency"),
        (SEATS | {"transform_quantity": {"divide_by": 10, "round": "down"}}, "transform_quantity.round"),
        (SEATS | {"billing_scheme": "tiered", "tiers_mode": "volume"}, "tiers"),
        (SEATS | {"custom_unit_amount": {"minimum": 1}}, "custom_unit_amount"),
    ],
)
def test_17_a_price_that_ours_cannot_say_is_refused_by_name(price: Json, field: str) -> None:
    made = stripe.subscription("sub_A", "cus_A", [stripe.item(price, 3)], START, END)
    assert list(problems(made)) == [f"items.data.0.price.{field}"]


def test_17_all_that_is_wrong_is_said_at_once() -> None:
    made = sub(status="unpaid", schedule="x", collection_method="send_invoice", customer=None)
    assert problems(made).keys() == {"status", "schedule", "collection_method", "customer"}


def test_17_items_of_two_intervals_are_no_plan() -> None:
    items = [stripe.item(SEATS), stripe.item(stripe.price("price_Y", 1, "year"))]
    assert problems(stripe.subscription("sub_A", "cus_A", items, START, END)) == {"items": "intervals_differ"}


def test_17_a_time_that_is_billed_beyond_the_period_is_refused() -> None:
    made = sub()
    made["items"]["data"][0]["billed_until"] = stripe.at(END) + 86_400
    assert problems(made) == {"items.data.0.billed_until": "not_supported"}
    made["items"]["data"][0]["billed_until"] = stripe.at(END)
    assert problems(made) == {}


def test_17_the_order_of_items_makes_no_other_plan() -> None:
    base = stripe.price("price_Base", 4999)
    plans = [
        taken(stripe.subscription("sub_A", "cus_A", [stripe.item(each) for each in order], START, END)).plan
        for order in ([SEATS, base], [base, SEATS])
    ]
    assert plans[0] == plans[1]


@pytest.mark.parametrize(
    "content",
    [b"nonsense", b'{"object":"subscription","id":"sub_1","items":[1]}', b'{"object":"customer","id":7}', b"[1]",
     b'{"object":"price","id":"p","type":"recurring","recurring":{"interval":[]}}',
     b'{"object":"subscription","id":"s","items":{"data":[{"price":{"id":"p"}}]},"metadata":5}'],
)  # fmt: skip
def test_17_what_is_no_object_of_stripes_is_refused_and_stops_nothing(content: bytes) -> None:
    records = read_stripe(read_objects(content + b"\n" + json.dumps(stripe.customer("cus_Z")).encode()))
    assert [each.id for each in records if each.item is not None] == ["cus_Z"]
    assert any(each.problems for each in records)


def test_17_a_file_may_be_lines_a_list_or_a_page_of_the_api() -> None:
    made = [stripe.customer("cus_A"), stripe.customer("cus_B")]
    shapes: list[Callable[[], Any]] = [lambda: made, lambda: {"object": "list", "data": made}]
    for shape in shapes:
        assert [each.id for each in read_stripe(read_objects(json.dumps(shape()).encode()))] == ["cus_A", "cus_B"]
    assert [each.id for each in read(*made, made[0]) if each.ignored] == ["cus_A"]


def test_17_a_kronas_two_digits_at_stripe_are_none_of_ours() -> None:
    made = price_of(stripe.price("p", 50_000, currency="isk"), {}, Problems())
    assert made is not None
    assert made.component.unit_amount == 500_000  # 500 krónur


def test_17_keys_that_differ_by_case_alone_differ() -> None:
    assert key_of("price_Ab") != key_of("price_aB")


AMOUNTS = st.integers(0, 10**6)


@st.composite
def prices(draw: st.DrawFn) -> Json:
    """Any licensed price that Stripe has."""
    kind = draw(st.sampled_from(["plain", "fine", "package", "graduated", "volume"]))
    if kind == "plain":
        return stripe.price("price_P", draw(AMOUNTS))
    if kind == "fine":
        return stripe.price("price_P", None, unit_amount_decimal=f"{draw(AMOUNTS)}.{draw(st.integers(0, 999)):03d}")
    if kind == "package":
        divide = {"divide_by": draw(st.integers(1, 50)), "round": "up"}
        return stripe.price("price_P", draw(AMOUNTS), transform_quantity=divide)
    bounds: list[int | None] = [*sorted(draw(st.sets(st.integers(1, 100), max_size=4))), None]
    tiers = [{"up_to": each, "unit_amount": draw(AMOUNTS), "flat_amount": draw(st.none() | AMOUNTS)} for each in bounds]
    return stripe.price("price_P", None, billing_scheme="tiered", tiers_mode=kind, tiers=tiers)


@given(prices(), st.integers(1, 200))
def test_17_a_quantity_costs_with_us_what_it_costs_at_stripe(price: Json, quantity: int) -> None:
    made = price_of(price, {}, Problems())
    assert made is not None
    ours: Component = made.component
    assert Fraction(exact_price(ours, quantity)) == cost_at_stripe(price, quantity) * 1000  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(stripe.account(START, 8)), unique_by=lambda each: each["id"]), st.randoms())
def test_17_the_order_of_a_file_does_not_matter(made: list[Json], random: Any) -> None:
    def told(objects: list[Json]) -> set[tuple[Any, ...]]:
        return {
            (e.kind, e.id, repr(e.item) if not isinstance(e.item, SourcePlan) else e.item.plan_id)
            for e in read(*objects)
        }

    other = list(made)
    random.shuffle(other)
    assert told(made) == told(other)
