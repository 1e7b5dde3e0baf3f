"""Issue 11, number 22: keys and ids that a caller mints, through the API."""

from typing import Any

import pytest

from billing.edge.http.card_numbers import REASON
from tests.integration.world import Answer, Json, Tenant, World

CARD = "4242424242424242"
LOOKS_LIKE_ONE = "order-4828-20261122-0009"
README_KEY = "4242-42424-24242"  # $RANDOM-$RANDOM-$RANDOM


@pytest.fixture(scope="module")
def seller(world: World) -> Tenant:
    tenant = world.tenant()
    tenant.data["customer"] = tenant.customer()
    return tenant


def refused(answer: Answer, field: str) -> None:
    assert answer.bad_fields == {field: REASON}
    assert "a letter between its digits" in answer.error["message"]
    assert field in answer.error["message"]


def usage(event_id: str, **more: Any) -> Json:
    event = {"eventId": event_id, "subscriptionId": "sub_1", "meter": "m", "timestamp": "2026-11-22T00:00:00Z"}
    return {"events": [event | more]}


def test_these_would_be_refused_as_texts(seller: Tenant) -> None:
    for text in (LOOKS_LIKE_ONE, README_KEY):
        refused(seller.post("/v1/customers", {"name": text}), "name")


@pytest.mark.parametrize("key", [LOOKS_LIKE_ONE, README_KEY])
def test_a_key_of_dates_and_counters_is_taken(seller: Tenant, key: str) -> None:
    assert seller.post("/v1/customers", {"name": "A"}, idempotency_key=key).status == 201
    answer = seller.get("/v1/invoices", headers={"x-user-id": key})
    assert answer.status == 200


@pytest.mark.parametrize("text", [CARD, "4242-4242-4242-4242", f"order-{CARD}", "3782-822463-10005"])
def test_a_card_number_in_a_key_or_an_id_is_still_refused(seller: Tenant, text: str) -> None:
    refused(seller.post("/v1/customers", {"name": "A"}, idempotency_key=text), "Idempotency-Key")
    refused(seller.get("/v1/customers", headers={"x-user-id": text}), "X-User-Id")
    refused(seller.post("/v1/payments/intents", {"orderId": text, "amount": 1000, "currency": "USD"}), "orderId")
    refused(seller.post("/v1/payments/intents", {"order_id": text}), "order_id")
    refused(seller.post("/v1/customers", {"name": "A", "externalId": text}), "externalId")
    refused(seller.post("/v1/usage/events", usage(text)), "events.0.eventId")
    refused(seller.post("/v1/usage/events", usage("e-1", corrects=text)), "events.0.corrects")
    refused(seller.get("/v1/payments", order=text), "order")
    refused(seller.get(f"/v1/usage/events/{text}"), "path")


def test_an_order_of_dates_and_counters_is_kept_and_found(seller: Tenant) -> None:
    body = {"customerId": seller.data["customer"], "orderId": LOOKS_LIKE_ONE, "amount": 5_000_000, "currency": "USD"}
    made = seller.post("/v1/payments/intents", body).data
    (found,) = seller.get("/v1/payments", order=LOOKS_LIKE_ONE).data
    assert (found["id"], found["orderId"]) == (made["paymentId"], LOOKS_LIKE_ONE)


def test_an_events_id_of_dates_and_counters_is_taken_and_can_be_asked_for(seller: Tenant) -> None:
    answer = seller.post("/v1/usage/events", usage(LOOKS_LIKE_ONE) | {"unknown": 1})
    assert answer.bad_fields == {"unknown": "unknown_field"}
    assert seller.get(f"/v1/usage/events/{LOOKS_LIKE_ONE}").status == 404
    assert seller.get(f"/api/v1/usage/events/{LOOKS_LIKE_ONE}").status == 404


@pytest.mark.parametrize("name", ["note", "orderIds", "myOrderId", "order"])
def test_metadata_is_no_place_for_ids(seller: Tenant, name: str) -> None:
    refused(seller.post("/v1/customers", {"name": "A", "metadata": {name: LOOKS_LIKE_ONE}}), f"metadata.{name}")
