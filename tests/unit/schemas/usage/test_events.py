"""The shape of usage events: decimals exactly as they were written, and every wrong field by its place."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.domain.usage.event import UsageEvent, problem_of
from billing.edge.http.body import parse
from billing.schemas.usage.events import UsageEventsIn

FINE: dict[str, Any] = {
    "eventId": "e-1",
    "subscriptionId": "sub_1",
    "meter": "calls",
    "timestamp": "2026-11-22T12:00:00Z",
}


def read(*changes: dict[str, Any]) -> list[UsageEvent]:
    """Events as they come out of a body, through JSON."""
    body = json.dumps({"events": [FINE | {"eventId": f"e-{n}"} | change for n, change in enumerate(changes)]})
    return UsageEventsIn.model_validate(parse(body.encode(), 2**20, 32)).all()


def problems(*changes: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        read(*changes)
    return {".".join(map(str, each["loc"])): each["type"] for each in refused.value.errors()}


def problem(**change: Any) -> str:
    """What is wrong with the one field that is."""
    ((field, found),) = problems(change).items()
    assert field.startswith("events.0.")
    return found


QUANTITIES = st.decimals(0, 10**12, places=9)


@given(QUANTITIES)
def test_a_quantity_as_a_text_is_what_it_says(quantity: Decimal) -> None:
    (event,) = read({"quantity": str(quantity)})
    assert event.quantity == quantity


@given(QUANTITIES.filter(lambda each: len(each.normalize().as_tuple().digits) <= 15))
def test_a_number_of_up_to_15_digits_is_what_it_says(quantity: Decimal) -> None:
    body = (
        b'{"events": [' + json.dumps(FINE).encode()[:-1] + b', "quantity": ' + format(quantity, "f").encode() + b"}]}"
    )
    (event,) = UsageEventsIn.model_validate(parse(body, 2**20, 32)).all()
    assert event.quantity == quantity


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_taken_as_written_or_refused(number: float) -> None:
    try:
        (event,) = read({"quantity": number})
    except ValidationError as refused:
        (error,) = refused.errors()
        assert error["type"] in ("too_large", "too_many_decimals", "must_not_be_negative")
    else:
        assert event.quantity == Decimal(repr(number))


@pytest.mark.parametrize(
    ("quantity", "text"),
    [(7, "7"), (0, "0"), (2.5, "2.5"), (-0.0, "0"), ("-0", "0"), ("2.50", "2.5"), ("1e3", "1000"),
     ("1E-9", "0.000000001"), (10**12, "1000000000000"), ("1000000000000.000000000", "1000000000000"), ("0007", "7")],
)  # fmt: skip
def test_one_quantity_has_one_form(quantity: Any, text: str) -> None:
    (event,) = read({"quantity": quantity})
    assert format(event.quantity, "f") == text


@pytest.mark.parametrize("literal", ["999999999999.000000001", "0.1", "123456789012.123456789", "1e-9"])
def test_a_json_number_is_what_was_written_not_the_float_next_to_it(literal: str) -> None:
    body = json.dumps({"events": [FINE | {"quantity": 0}]}).replace('"quantity": 0', f'"quantity": {literal}')
    (event,) = UsageEventsIn.model_validate(parse(body.encode(), 2**20, 32)).all()
    assert event.quantity == Decimal(literal)


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        (0.1 + 0.2, "too_many_decimals"),
        (10**12 + 1, "too_large"),
        (10**4000, "too_large"),
        (1e300, "too_large"),
        ("1000000000000.000000001", "too_large"),
        ("1e999", "too_large"),
        ("0.0000000001", "too_many_decimals"),
        ("1.0000000000000000000000000000000000001", "too_many_decimals"),
        ("1e-999", "too_many_decimals"),
        *(
            (each, "must_be_a_decimal")
            for each in ("", "x", "NaN", "Infinity", "1_000", " 1", "+1", "1.", ".5", "٣", "0x1")
        ),
        *((each, "must_be_a_decimal") for each in (None, True, False, [], {}, [1])),
        (-1, "must_not_be_negative"),
        ("-0.5", "must_not_be_negative"),
    ],
)
def test_what_is_no_quantity(quantity: Any, reason: str) -> None:
    assert problem(quantity=quantity) == reason


def test_a_number_beyond_all_doubles_is_too_large() -> None:
    body = b'{"events": [' + json.dumps(FINE).encode()[:-1] + b', "quantity": 1e400}]}'
    with pytest.raises(ValidationError) as refused:
        UsageEventsIn.model_validate(parse(body, 2**20, 32))
    assert [each["type"] for each in refused.value.errors()] == ["too_large"]


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_quantity_is_none_or_fits_exactly(number: Decimal) -> None:
    """12 digits before the point and 9 behind it, whatever Decimal's context would round."""
    fits = abs(number) <= 10**12 and number == number.quantize(Decimal("1e-9")) if number.adjusted() < 15 else False
    assert (problem_of(number) is None) == fits


def test_a_thousand_digits_of_decimals_are_seen() -> None:
    assert problem_of(Decimal("1." + "0" * 1000 + "1")) == "too_many_decimals"
    assert problem_of(Decimal("1e-1000100")) == "too_many_decimals"
    assert problem_of(Decimal("1000000000000." + "0" * 30 + "1")) == "too_large"


def test_a_quantity_is_one_where_none_is_said() -> None:
    (event,) = read({})
    assert event.quantity == 1


def test_only_a_correction_is_negative() -> None:
    (event,) = read({"corrects": "e-7", "quantity": "-2.5"})
    assert (event.corrects, event.quantity) == ("e-7", Decimal("-2.5"))
    assert problem(corrects="e-7", quantity=2) == "must_be_negative"
    assert problem(corrects="e-7", quantity=0) == "must_be_negative"
    assert problem(corrects="e-7") == "must_be_negative"
    assert problem(corrects="e-0", quantity=-1) == "must_not_be_its_own_id"
    assert problem(corrects="", quantity=-1) == "string_too_short"


def test_properties_are_texts() -> None:
    (event,) = read(
        {"properties": {"region": "eu", "n": 7, "x": -1.5, "big": 2**64, "yes": True, "no": False, "e": ""}}
    )
    assert event.properties == {
        "region": "eu",
        "n": "7",
        "x": "-1.5",
        "big": "18446744073709551616",
        "yes": "true",
        "no": "false",
        "e": "",
    }


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"a": "x" * 201}, "string_too_long"),
        ({"a": None}, "must_be_a_text_number_or_boolean"),
        ({"a": {}}, "must_be_a_text_number_or_boolean"),
        ({"a": ["b"]}, "must_be_a_text_number_or_boolean"),
        ({"a": 10**200}, "string_too_long"),
        ({"a": "\ud800"}, "string_unicode"),
        ({"a b": "x"}, "string_pattern_mismatch"),
        ({"a" * 41: "x"}, "string_too_long"),
        ({str(n): "x" for n in range(21)}, "too_long"),
        ([], "dict_type"),
        ("x", "dict_type"),
    ],
)
def test_what_are_no_properties(properties: Any, reason: str) -> None:
    ((field, found),) = problems({}, {"properties": properties}).items()
    assert field.startswith("events.1.properties")
    assert found == reason


@pytest.mark.parametrize("event_id", ["", "x" * 129, "e 1", "é", "e\n", "req/1", "a?b", "a#b", 7, None])
def test_what_is_no_event_id(event_id: Any) -> None:
    assert list(problems({"eventId": event_id})) == ["events.0.eventId"]


@pytest.mark.parametrize("event_id", ["!", "~" * 128, "req:1=2%20{a}|[b]<c>^'(d)'+e,f;g@h&$*"])
def test_what_is_an_event_id(event_id: str) -> None:
    (event,) = read({"eventId": event_id})
    assert event.event_id == event_id


@pytest.mark.parametrize("at", ["2026-11-22T12:00:00", "2026-11-22", 1_795_348_800, "1969-12-31T00:00:00Z", None])
def test_what_is_no_timestamp(at: Any) -> None:
    assert list(problems({"timestamp": at})) == ["events.0.timestamp"]


def test_every_wrong_field_of_every_wrong_event_is_named() -> None:
    wrong = {"eventId": "", "subscriptionId": "a b", "meter": "X", "quantity": "x", "timestamp": "now"}
    assert len(problems(*[{}, wrong | {"properties": {"a": None}, "colour": 1}] * 500)) == 3500
