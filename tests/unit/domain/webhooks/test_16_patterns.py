"""Issue 16: which events an endpoint gets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.kernel.event_types import EventType
from billing.domain.webhooks.endpoint import EndpointStatus, Subscriber
from billing.domain.webhooks.patterns import is_pattern, matches, wants

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
ENDPOINT = Subscriber("we_1", "ten_1", ("invoice.*",), AT, EndpointStatus.ENABLED)


@pytest.mark.parametrize("event_type", EventType)
def test_16_everything_is_every_type_and_a_kind_is_its_own_types(event_type: EventType) -> None:
    assert matches(("*",), event_type)
    assert matches((event_type.value,), event_type)
    assert matches((event_type.value.partition(".")[0] + ".*",), event_type)
    assert is_pattern(event_type.value)


def test_16_everything_includes_types_that_are_not_thought_of_yet() -> None:
    assert matches(("*",), "invoice_x.y")


@pytest.mark.parametrize("other", ["invoice_x.y", "invoice", "invoices.paid", "credit_note.created", "an_invoice.paid"])
def test_16_a_kind_is_not_one_that_begins_like_it(other: str) -> None:
    """Trap: ``invoice.*`` must not match ``invoice_x.y``."""
    assert not matches(("invoice.*",), other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**",
        "invoice*",
        "invoice.",
        ".*",
        "invoice.p*",
        "invoic.*",
        "invoice.paid.*",
        "*.paid",
        "Invoice.*",
        "invoice",
    ],
)
def test_16_what_names_no_type_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


def test_16_nothing_older_than_the_endpoint_goes_to_it() -> None:
    assert wants(ENDPOINT, "invoice.paid", "in_1", AT)
    assert not wants(ENDPOINT, "invoice.paid", "in_1", AT - timedelta(microseconds=1))


def test_16_a_test_goes_to_its_own_endpoint_and_to_no_other() -> None:
    """Whatever the patterns are: the tester waits for it, and nobody else is to be told."""
    every = replace(ENDPOINT, id="we_2", event_types=("*",))
    assert wants(ENDPOINT, "webhook_endpoint.test", "we_1", AT)
    assert not wants(every, "webhook_endpoint.test", "we_1", AT)
    assert wants(every, "webhook_endpoint.disabled", "we_1", AT)
