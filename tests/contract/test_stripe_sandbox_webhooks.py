"""Events and their delivery: signed, retried until heard, doubled, early, late or not at all."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, Received, WebhookSink, client, merged, wait_for

PAYMENT: Any = {
    "amount": 4999,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "allowed_payment_method_types": ["card"],
}


def listen(api: stripe.StripeClient, sink: WebhookSink, *events: Any) -> stripe.WebhookEndpoint:
    return api.v1.webhook_endpoints.create({"url": sink.url, "enabled_events": list(events) or ["*"]})


def test_a_payment_tells_its_story_in_events(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    intent = api.v1.payment_intents.create(
        merged(PAYMENT, customer=customer.id, payment_method=method.id), {"idempotency_key": "pay-1"}
    )
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    events = api.v1.events.list({"limit": 100}).data[::-1]
    assert [event.type for event in events] == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    assert events[4].data.object["amount_received"] == 4999
    assert events[4].request is not None
    assert events[4].request.idempotency_key == "pay-1"
    assert events[6].data.previous_attributes is not None
    assert events[6].data.previous_attributes["amount_refunded"] == 0
    types = api.v1.events.list({"types": ["charge.succeeded", "refund.created"], "limit": 1})
    assert (types.data[0].type, types.has_more) == ("refund.created", True)


def test_a_decline_tells_its_story_too(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.create(merged(PAYMENT, payment_method="pm_card_chargeDeclined"))
    types = [event.type for event in api.v1.events.list().data[::-1]]
    assert types == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_delivery_carries_a_signature_that_the_sdk_accepts(api: stripe.StripeClient, sink: WebhookSink) -> None:
    endpoint = listen(api, sink, "payment_intent.succeeded")
    intent = api.v1.payment_intents.create(PAYMENT)
    delivery: Received = wait_for(lambda: sink.received)[0]
    signature = delivery.headers["Stripe-Signature"]
    event = stripe.Webhook.construct_event(delivery.payload, signature, endpoint.secret)
    assert (event.type, event.data.object.id) == ("payment_intent.succeeded", intent.id)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(delivery.payload, signature, "whsec_other")
    wait_for(lambda: api.v1.events.retrieve(event.id).pending_webhooks == 0)
    assert sink.types() == ["payment_intent.succeeded"]


def test_the_secret_is_shown_once(api: stripe.StripeClient, sink: WebhookSink) -> None:
    endpoint = listen(api, sink)
    assert str(endpoint.secret).startswith("whsec_")
    assert "secret" not in api.v1.webhook_endpoints.retrieve(endpoint.id)
    assert "secret" not in api.v1.webhook_endpoints.list().data[0]


def test_a_failed_delivery_is_retried_until_it_is_heard(
    api: stripe.StripeClient, control: Control, sink: WebhookSink
) -> None:
    sink.statuses = [500, 302, 404]
    listen(api, sink, "customer.created")
    api.v1.customers.create({})
    wait_for(lambda: len(sink.received) == 4)
    deliveries = wait_for(lambda: len(control.get("deliveries")["data"]) == 4 and control.get("deliveries")["data"])
    assert [d["status"] for d in deliveries] == [500, 302, 404, 200]
    assert [d["attempt"] for d in deliveries] == [1, 2, 3, 4]
    assert len({r.payload for r in sink.received}) == 1
    gaps = [b["time"] - a["time"] for a, b in pairwise(deliveries)]
    assert gaps[2] > gaps[0]


def test_a_disabled_or_deleted_endpoint_hears_nothing(api: stripe.StripeClient, sink: WebhookSink) -> None:
    disabled, deleted = listen(api, sink), listen(api, sink)
    api.v1.webhook_endpoints.update(disabled.id, {"disabled": True})
    api.v1.webhook_endpoints.delete(deleted.id)
    customer = api.v1.customers.create({})
    listen(api, sink)
    api.v1.customers.update(customer.id, {"name": "x"})
    wait_for(lambda: sink.received)
    assert sink.types() == ["customer.updated"]


def test_another_accounts_endpoint_hears_nothing(
    server: SandboxServer, api: stripe.StripeClient, sink: WebhookSink
) -> None:
    listen(client(server, "sk_test_other_account"), sink)
    listen(api, sink)
    api.v1.customers.create({})
    wait_for(lambda: sink.received)
    assert len(sink.received) == 1


def test_an_event_can_come_before_the_answer(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "payment_intent.succeeded")
    control.post("webhooks", mode="before_response")
    seen: list[str] = []
    sink.hook = lambda delivery: seen.append(
        api.v1.payment_intents.retrieve(delivery.event["data"]["object"]["id"]).status
    )
    api.v1.payment_intents.create(PAYMENT)
    assert (sink.types(), seen) == (["payment_intent.succeeded"], ["succeeded"])


def test_a_pause_holds_everything_back(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "customer.created")
    control.post("webhooks", mode="paused")
    customer = api.v1.customers.create({})
    event = api.v1.events.list().data[0]
    assert (sink.received, event.pending_webhooks) == ([], 1)
    control.post("webhooks", mode="async")
    wait_for(lambda: sink.received)
    assert sink.received[0].event["data"]["object"]["id"] == customer.id


def test_duplicates_are_the_same_event(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "customer.created")
    control.post("webhooks", duplicate=2)
    api.v1.customers.create({})
    wait_for(lambda: len(sink.received) == 3)
    assert len({delivery.event["id"] for delivery in sink.received}) == 1


def test_reordering_brings_the_newest_first(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "payment_intent.created", "charge.succeeded", "payment_intent.succeeded")
    control.post("webhooks", reorder=True)
    api.v1.payment_intents.create(PAYMENT)
    wait_for(lambda: len(sink.received) == 3)
    assert sink.types() == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]


def test_a_delay_is_kept(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "customer.created")
    control.post("webhooks", delay_ms=150)
    start = time.monotonic()
    api.v1.customers.create({})
    wait_for(lambda: sink.received)
    assert time.monotonic() - start >= 0.15


def test_one_type_can_come_late(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "payment_intent.created", "charge.succeeded", "payment_intent.succeeded")
    control.post("webhooks", hold=["payment_intent.created", "charge.succeeded"])
    api.v1.payment_intents.create(PAYMENT)
    wait_for(lambda: sink.received)
    api.v1.customers.create({})
    time.sleep(0.1)
    assert sink.types() == ["payment_intent.succeeded"]
    control.post("webhooks", hold=["charge.succeeded"])
    wait_for(lambda: len(sink.received) == 2)
    control.post("webhooks", hold=[])
    wait_for(lambda: len(sink.received) == 3)
    assert sink.types()[1:] == ["payment_intent.created", "charge.succeeded"]


def test_what_is_held_does_not_come_before_the_answer_either(
    api: stripe.StripeClient, control: Control, sink: WebhookSink
) -> None:
    listen(api, sink, "charge.succeeded", "payment_intent.succeeded")
    control.post("webhooks", mode="before_response", hold=["charge.succeeded"])
    api.v1.payment_intents.create(PAYMENT)
    assert sink.types() == ["payment_intent.succeeded"]


@pytest.mark.parametrize("settings", [{"hold": "all"}, {"hold": [1]}, {"mode": "late"}, {"delay_ms": -1}, {"x": 1}])
def test_senseless_settings_are_refused(control: Control, settings: dict[str, Any]) -> None:
    before = control.get("webhooks")
    with pytest.raises(AssertionError):
        control.post("webhooks", **settings)
    assert control.get("webhooks") == before


def test_an_event_can_be_sent_again(api: stripe.StripeClient, control: Control, sink: WebhookSink) -> None:
    listen(api, sink, "customer.created")
    api.v1.customers.create({})
    wait_for(lambda: sink.received)
    control.post(f"events/{sink.received[0].event['id']}/resend")
    wait_for(lambda: len(sink.received) == 2)
    assert sink.received[0].event["id"] == sink.received[1].event["id"]


def test_what_was_not_delivered_survives_a_restart(tmp_path: Path, sink: WebhookSink) -> None:
    db = str(tmp_path / "stripe.db")
    with SandboxServer(db=db) as server:
        listen(client(server), sink, "customer.created")
        Control(server.url).post("webhooks", mode="paused")
        client(server).v1.customers.create({})
    assert sink.received == []
    with SandboxServer(db=db):
        wait_for(lambda: sink.received)


def test_authentication_outside_the_api_makes_events(
    api: stripe.StripeClient, control: Control, sink: WebhookSink
) -> None:
    listen(api, sink, "payment_intent.requires_action", "payment_intent.succeeded")
    intent = api.v1.payment_intents.create(merged(PAYMENT, payment_method="pm_card_threeDSecure2Required"))
    control.post(f"payment_intents/{intent.id}/authenticate", succeed=True)
    wait_for(lambda: len(sink.received) == 2)
    assert set(sink.types()) == {"payment_intent.requires_action", "payment_intent.succeeded"}


def test_reset_forgets_everything(api: stripe.StripeClient, control: Control) -> None:
    api.v1.customers.create({})
    control.post("reset")
    assert api.v1.customers.list().data == []
    assert api.v1.events.list().data == []
