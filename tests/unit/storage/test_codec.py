"""Entities to JSON and back: nothing is lost, and what is personal is sealed."""

import base64
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.catalog.coupon import Coupon, Discount, Duration
from billing.domain.catalog.meter import Aggregation, Meter
from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PriceStep, PricingModel, Tier
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditNote, CreditNoteLine
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.money import Money, sum_money
from billing.domain.kernel.periods import Cadence, Interval, Period
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.lines.line import CreditStep, InvoiceLine, TaxAmount
from billing.domain.marketplace.split import Split
from billing.domain.payments.refund import Refund
from billing.storage.codec import decode, encode
from billing.storage.packing import unpack
from billing.storage.registry import REGISTRY
from tests.support.invoices import opened

LAW = settings(max_examples=25)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
TEXT = st.text(max_size=8)
MONEY = st.integers(-(10**15), 10**15).map(lambda micros: Money(micros, "USD"))
GAIN = st.integers(1, 10**15).map(lambda micros: Money(micros, "USD"))
PERCENT = st.decimals("0.01", 100, places=2)


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
        filters = draw(st.dictionaries(TEXT, st.lists(TEXT, min_size=1, max_size=2).map(tuple), max_size=2))
        groups = tuple(draw(st.lists(TEXT, unique=True, max_size=2)))
        return Component(
            key, ComponentType.METERED, PricingModel.PER_UNIT, amount, minimum=minimum, meter="m",
            filters=filters, group_by=groups,
        )  # fmt: skip
    tiers = (Tier(Decimal(draw(st.integers(1, 99))), amount), Tier(None, 1, 2))
    return Component(key, ComponentType.LICENSED, PricingModel.GRADUATED, tiers=tiers, free_units=3)


def tuples(kind: Any) -> st.SearchStrategy[Any]:
    """Few of a kind: the first, the next one and none are all that a codec could tell apart, and what lines hold by
    fives, within invoices that hold lines by fives, was most of these laws' time."""
    of = get_args(kind)
    if of[-1] is ...:
        return st.lists(st.from_type(of[0]), max_size=2).map(tuple)
    return st.tuples(*map(st.from_type, of))


st.register_type_strategy(tuple, tuples)
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


def some(kind: type, **values: Any) -> st.SearchStrategy[Any]:
    """Instances of a dataclass with these values; what is not said is made up, optional fields as well."""
    given_values = {name: st.just(value) for name, value in values.items()}
    return st.builds(kind, **{f.name: ... for f in fields(kind)} | given_values)


LINE, QUANTITIES = some(InvoiceLine, steps=()), st.decimals(0, 99, places=3)
"""Made once: for each line anew they would be half of these laws' time."""


@st.composite
def lines(draw: st.DrawFn) -> InvoiceLine:
    """A line whose steps, if it has any, make up its amount."""
    line: InvoiceLine = draw(LINE)
    step = PriceStep(draw(QUANTITIES), draw(st.integers(0, 99)), 7, line.amount.micros)
    return replace(line, steps=(step,)) if draw(st.booleans()) else line


st.register_type_strategy(InvoiceLine, lines())


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    subtotal, discount, tax, included = (draw(MONEY) for _ in range(4))
    total = subtotal - discount + tax - included
    made: Invoice = draw(
        some(Invoice, subtotal=subtotal, discount=discount, tax=tax, tax_included=included, total=total)
    )
    return made


@st.composite
def note_lines(draw: st.DrawFn, net: Money) -> CreditNoteLine:
    made: CreditNoteLine = draw(some(CreditNoteLine, net=net))
    return made


@st.composite
def credit_notes(draw: st.DrawFn) -> CreditNote:
    nets, taxes = draw(st.lists(GAIN, min_size=1, max_size=3)), draw(st.lists(GAIN, max_size=2))
    net, tax = sum_money(nets, "USD"), sum_money(taxes, "USD")
    to_invoice, to_balance = draw(MONEY), draw(MONEY)
    made: CreditNote = draw(
        some(
            CreditNote,
            currency="USD",
            lines=tuple(draw(note_lines(each)) for each in nets),
            net=net,
            tax=tax,
            taxes=tuple(draw(some(TaxAmount, amount=each)) for each in taxes),
            total=net + tax,
            to_invoice=to_invoice,
            to_balance=to_balance,
            to_refund=net + tax - to_invoice - to_balance,
        )
    )
    return made


@st.composite
def coupons(draw: st.DrawFn, kind: type) -> Any:
    """A coupon, or the discount that it becomes: percent or amount off."""
    percent, duration = draw(st.none() | PERCENT), draw(st.sampled_from(Duration))
    values: dict[str, Any] = {"percent_off": percent, "amount_off": draw(GAIN) if percent is None else None}
    if kind is Coupon:
        values |= {"duration": duration, "duration_periods": 3 if duration is Duration.REPEATING else None}
    return draw(some(kind, **values))


@st.composite
def meters(draw: st.DrawFn) -> Meter:
    aggregation = draw(st.sampled_from(Aggregation))
    plain = aggregation is Aggregation.UNIQUE or draw(st.booleans())
    values: dict[str, Any] = {"shards": draw(st.integers(1, 32 if plain else 8))}
    if plain:
        values["dimensions"] = ()
    measured = None if aggregation is Aggregation.COUNT else draw(TEXT)
    made: Meter = draw(some(Meter, aggregation=aggregation, property=measured, **values))
    return made


st.register_type_strategy(Discount, coupons(Discount))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """A split whose parts add up: what is given is what somebody gets."""
    paid, promotion, tax, tax_owed, commission, commission_tax = (draw(MONEY) for _ in range(6))
    earning = paid + promotion - tax_owed - commission - commission_tax
    return Split(paid, promotion, tax, tax_owed, commission, commission_tax, earning)


st.register_type_strategy(Split, splits())


def strategy(kind: type) -> st.SearchStrategy[Any]:
    if kind is LedgerEntry:
        return entries()
    if kind is Plan:
        several = st.integers(1, 3).flatmap(lambda n: st.tuples(*(components(f"c{i}") for i in range(n))))
        return st.builds(Plan, components=several)
    if kind is Invoice:
        return invoices()
    if kind is CreditNote:
        return credit_notes()
    if kind is Coupon:
        return coupons(Coupon)
    if kind is Meter:
        return meters()
    if kind in (Balance, Refund):
        return GAIN.flatmap(lambda amount: some(kind, amount=amount))
    return some(kind)


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
    body = json.loads(unpack(text))
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
    body = json.loads(unpack(encode(plan, FakeSealer(), "t", "i")))
    del body["trial_days"], body["active"]
    expected = replace(plan, trial_days=0, active=True)
    assert decode(Plan, json.dumps(body), FakeSealer(), "t", "i") == expected


@LAW
@given(strategy(Plan))
def test_a_field_that_a_later_release_wrote_is_let_be(plan: Plan) -> None:
    body = json.loads(unpack(encode(plan, FakeSealer(), "t", "i"))) | {"from_the_future": 1}
    assert decode(Plan, json.dumps(body), FakeSealer(), "t", "i") == plan


def test_a_credit_step_that_was_stored_without_taxes_is_a_credit_notes() -> None:
    """Issue 11, item 1: an invoice that was stored earlier reads as it did; what is new is kept."""
    line_id, tax = "in_1-1", TaxAmount("VAT", Decimal(20), Money(1_000, "USD"))
    steps = (CreditStep(None, Money(3_000, "USD")), CreditStep(line_id, Money(6_000, "USD"), (tax,)))
    invoice = replace(opened(100), credits=steps)
    text = encode(invoice, FakeSealer(), "ten_1", "in_1")
    assert decode(Invoice, text, FakeSealer(), "ten_1", "in_1").credits == steps
    earlier = unpack(text).replace(',"taxes":null', "", 1)
    assert earlier != unpack(text)
    assert decode(Invoice, earlier, FakeSealer(), "ten_1", "in_1").credits == steps


@LAW
@given(strategy(Customer), st.sampled_from([-11, -1, 0, 2, 14]))
def test_a_time_of_any_zone_is_stored_in_utc(customer: Customer, hours: int) -> None:
    """What SQL and sorting read are texts: each instant has one."""
    there = replace(customer, created_at=customer.created_at.astimezone(timezone(timedelta(hours=hours))))
    text = encode(there, FakeSealer(), "t", "i")
    assert text == encode(customer, FakeSealer(), "t", "i")
    assert decode(Customer, text, FakeSealer(), "t", "i").created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"status":"open"', '"status":"eaten"'),
        ('"currency":"USD"}', '"currency":"XXX"}'),
        ('"micros":', '"micros":0.5,"was":'),
        ('"lines":[', '"lines":[{},'),
        ('"id":', '"id":1,"was":'),
        ("{", "["),
    ],
)
def test_a_text_that_no_release_wrote_is_refused(said: str, instead: str) -> None:
    """Of an unknown status, with money that is none: better no invoice than a wrong one."""
    text = unpack(encode(opened(100), FakeSealer(), "ten_1", "in_1"))
    assert said in text
    with pytest.raises(ValueError, match="Invoice"):
        decode(Invoice, text.replace(said, instead), FakeSealer(), "ten_1", "in_1")
