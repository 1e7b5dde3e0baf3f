"""Issue 16: what the sender signs, the off-the-shelf library verifies; during a rotation, with either secret."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.integrations.webhooks.signing import signature_headers

NEW, OLD = "whsec_" + "bmV3" * 8, "whsec_" + "b2xk" * 8
BODY = '{"id":"evt_1","name":"Zoë"}'.encode()


def endpoint(**fields) -> WebhookEndpoint:
    made = {"api_version": "1.0", "created_at": datetime(2026, 1, 1, tzinfo=UTC), "secret": NEW} | fields
    return WebhookEndpoint("we_1", "acme", ("*",), **made)


def test_16_the_library_verifies_what_is_signed() -> None:
    headers = signature_headers(endpoint(), "evt_1", BODY, datetime.now(UTC))
    assert Webhook(NEW).verify(BODY, headers) == {"id": "evt_1", "name": "Zoë"}
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + b" ", headers)


def test_16_the_time_is_the_moment_whatever_zone_it_is_told_in() -> None:
    """The library replaces the zone of what it is given: 12:00+05:00 would be signed as 12:00Z."""
    at = datetime.now(timezone(timedelta(hours=5)))
    headers = signature_headers(endpoint(), "evt_1", BODY, at)
    assert headers == signature_headers(endpoint(), "evt_1", BODY, at.astimezone(UTC))
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
    Webhook(NEW).verify(BODY, headers)


def test_16_a_retry_has_the_same_id_and_a_time_of_its_own() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    first, third = (signature_headers(endpoint(), "evt_1", BODY, at + timedelta(hours=n)) for n in (0, 2))
    assert first["webhook-id"] == third["webhook-id"] == "evt_1"
    assert int(third["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 7200
    assert first["webhook-signature"] != third["webhook-signature"]


def test_scenario_31_for_a_day_after_a_rotation_both_secrets_verify_and_then_only_the_new_one() -> None:
    now = datetime.now(UTC)
    rotated = endpoint(previous_secret=OLD, previous_until=now + timedelta(seconds=1))
    headers = signature_headers(rotated, "evt_1", BODY, now)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (NEW, OLD):
        Webhook(secret).verify(BODY, headers)
    headers = signature_headers(rotated, "evt_1", BODY, now + timedelta(seconds=1))
    Webhook(NEW).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers)
