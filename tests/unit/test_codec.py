"""Entities to JSON and back: nothing is lost, and what is personal is sealed."""

import base64
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.domain.invoicing import Invoice
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.money import Money
from billing.domain.periods import Cadence, Interval, Period
from billing.domain.plan import Plan
from billing.domain.pricing import Component, ComponentType, PricingModel, Tier
from billing.storage.codec import decode, encode
from billing.storage.registry import REGISTRY

LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
TEXT = st.text(max_size=8)
MONEY = st.integers(-(10**15), 10**15).map(lambda micros: Money(micros, "USD"))


class FakeSealer:
    """Hides a text behind base64, bound to tenant and place as the vault's seal is."""

    def seal(self, tenant_id: str, place: str, text: str, data_key: str | None = None) -> str:
        return base64.b64encode(json.dumps([tenant_id, place, text]).encode()).decode()

    def blind(self, tenant_id: str, text: str, data_key: str | None = None) -> str:
        return f"{tenant_id}/{text}"

    def open(self, tenant_id: str, place: str, sealed: str, data_key: str | None = None) -> str:
        tenant, where, text = json.loads(base64.b64decode(sealed))
        if (tenant, where) != (tenant_id, place):
            raise ValueError("not from here")
        return str(text)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(TIMES)
    return Period(start, start + timedelta(seconds=draw(st.integers(1, 10**7))))


@st.composite
def entries(draw: st.DrawFn) -> LedgerEntry:
    amount = draw(MONEY)
    postings = (Posting(Account.CASH, amount), Posting(Account.RECEIVABLE, -amount, draw(TEXT)))
    return LedgerEntry(draw(TEXT), draw(TEXT), draw(TEXT), draw(TIMES), postings)


@st.composite
def components(draw: st.DrawFn, key: str = "c") -> Component:
    kind = draw(st.sampled_from(["flat", "per_unit", "tiers"]))
    amount, minimum = draw(st.integers(0, 10**9)), draw(st.none() | st.integers(0, 10**6))
    if kind == "flat":
        return Component(key, ComponentType.FLAT, unit_amount=amount, minimum=minimum)
    if kind == "per_unit":
        return Component(key, ComponentType.METERED, PricingModel.PER_UNIT, amount, minimum=minimum, meter="m")
    tiers = (Tier(Decimal(draw(st.integers(1, 99))), amount), Tier(None, 1, 2))
    return Component(key, ComponentType.LICENSED, PricingModel.GRADUATED, tiers=tiers, free_units=3)


st.register_type_strategy(datetime, TIMES)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(Decimal, st.decimals(-(10**9), 10**9, places=6, allow_nan=False))
st.register_type_strategy(Money, MONEY)
st.register_type_strategy(Period, periods())
st.register_type_strategy(
    Cadence,
    st.builds(
        Cadence, TIMES, st.integers(1, 31), st.sampled_from(["UTC", "Europe/Berlin"]), st.sampled_from(Interval),
        st.integers(1, 12),
    ),
)  # fmt: skip


def strategy(kind: type) -> st.SearchStrategy[Any]:
    if kind is LedgerEntry:
        return entries()
    if kind is Plan:
        several = st.integers(1, 3).flatmap(lambda n: st.tuples(*(components(f"c{i}") for i in range(n))))
        return st.builds(Plan, components=several)
    if kind is Invoice:
        totals = st.tuples(MONEY, MONEY, MONEY)
        return totals.flatmap(
            lambda t: st.builds(
                Invoice, subtotal=st.just(t[0]), discount=st.just(t[1]), tax=st.just(t[2]),
                total=st.just(t[0] - t[1] + t[2]),
            )
        )  # fmt: skip
    # Optional fields as well: left alone, Hypothesis leaves out what has a default.
    inferred = {f.name: ... for f in fields(kind)}
    return st.builds(kind, **inferred)


@pytest.mark.parametrize("kind", list(REGISTRY), ids=lambda kind: kind.__name__)
@LAW
@given(data=st.data())
def test_what_was_stored_is_what_is_read(kind: type, data: st.DataObject) -> None:
    entity = data.draw(strategy(kind))
    text = encode(entity, FakeSealer(), "ten_1", "id_1")
    assert decode(kind, text, FakeSealer(), "ten_1", "id_1") == entity


PERSONAL = [kind for kind in REGISTRY if any(f.metadata.get("personal") for f in fields(kind))]


@pytest.mark.parametrize("kind", PERSONAL, ids=lambda kind: kind.__name__)
@LAW
@given(data=st.data())
def test_personal_fields_open_only_where_they_were_sealed(kind: type, data: st.DataObject) -> None:
    entity = data.draw(strategy(kind))
    names = [f.name for f in fields(kind) if f.metadata.get("personal") and getattr(entity, f.name) is not None]
    text = encode(entity, FakeSealer(), "ten_1", "id_1")
    body = json.loads(text)
    for name in names:
        assert FakeSealer().open("ten_1", f"{kind.__name__}/id_1/{name}", body[name])
    if names:
        for tenant_id, entity_id in (("ten_2", "id_1"), ("ten_1", "id_2")):
            with pytest.raises(ValueError, match="not from here"):
                decode(kind, text, FakeSealer(), tenant_id, entity_id)


def test_people_are_personal_wherever_they_are_stored() -> None:
    assert {kind.__name__ for kind in PERSONAL} >= {"Customer", "PaymentMethod", "Invoice"}


@LAW
@given(strategy(Plan))
def test_a_field_that_an_old_item_lacks_takes_its_default(plan: Plan) -> None:
    body = json.loads(encode(plan, FakeSealer(), "t", "i"))
    del body["trial_days"], body["active"]
    expected = replace(plan, trial_days=0, active=True)
    assert decode(Plan, json.dumps(body), FakeSealer(), "t", "i") == expected


@LAW
@given(strategy(Plan))
def test_a_field_that_a_later_release_wrote_is_let_be(plan: Plan) -> None:
    body = json.loads(encode(plan, FakeSealer(), "t", "i")) | {"from_the_future": 1}
    assert decode(Plan, json.dumps(body), FakeSealer(), "t", "i") == plan
