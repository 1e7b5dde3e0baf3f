"""Stripe's webhooks on the function URL: signed, fresh, once, in any order."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from billing.bootstrap import payments
from billing.integrations.stripe.events import HANDLED
from local.stripe_sandbox.webhooks import signature
from tests.integration.world import Json, Tenant, World, event, invoke


def outcome(answer: Json) -> tuple[int, str]:
    return answer["statusCode"], json.loads(answer["body"])["outcome"]


@pytest.fixture
def waiting(world: World, tenant: Tenant) -> Json:
    """The event of a payment that waits for it: the payer has authenticated."""
    tenant.subscribe("pm_card_authenticationRequired")
    world.sandbox.post(f"payment_intents/{tenant.only_payment()['paymentIntentId']}/authenticate")
    (found,) = world.stripe_events(tenant, "payment_intent.succeeded")
    return found


@pytest.fixture
def untouched(world: World, waiting: Json) -> Iterator[None]:
    """At the end of the test nothing was written since its beginning."""
    world.writes.clear()
    yield
    assert world.writes == []


def test_a_signed_event_pays_the_invoice(world: World, tenant: Tenant, waiting: Json) -> None:
    assert outcome(world.deliver(waiting)) == (200, "applied")
    assert tenant.only_invoice()["status"] == "paid"
    (row,) = [row for row in world.rows_of("audit", tenant.id) if row["principal"]["S"] == "stripe"]
    assert row["route"]["S"] == "POST /webhooks/stripe"


def test_a_function_url_may_encode_the_body(world: World, tenant: Tenant, waiting: Json) -> None:
    payload = json.dumps(waiting)
    made = world.webhook_event(payload, signature(world.webhook_secret, payload, int(time.time())))
    made |= {"body": base64.b64encode(payload.encode()).decode(), "isBase64Encoded": True}
    assert outcome(invoke("stripe_webhook", made)) == (200, "applied")


def test_the_same_event_again_has_no_effect(world: World, tenant: Tenant, waiting: Json) -> None:
    world.deliver(waiting)
    world.writes.clear()
    for _ in range(2):
        assert outcome(world.deliver(waiting)) == (200, "duplicate")
    assert world.writes == []


def test_old_news_in_another_event_changes_no_books(world: World, tenant: Tenant, waiting: Json) -> None:
    world.deliver(waiting)
    ledger, events = world.rows_of("ledger", tenant.id), world.rows_of("events", tenant.id)
    (late,) = world.stripe_events(tenant, "payment_intent.requires_action")
    assert outcome(world.deliver(late)) == (200, "unchanged")
    assert (world.rows_of("ledger", tenant.id), world.rows_of("events", tenant.id)) == (ledger, events)


def test_what_stripe_says_now_counts_not_what_the_event_says(world: World, tenant: Tenant, waiting: Json) -> None:
    """An event of the past that comes first: the object is fetched again."""
    (earlier,) = world.stripe_events(tenant, "payment_intent.requires_action")
    assert outcome(world.deliver(earlier)) == (200, "applied")
    assert tenant.only_invoice()["status"] == "paid"


# Refused: 400, one log line, nothing written


@pytest.mark.parametrize(
    ("age_s", "accepted"), [(0, True), (299, True), (301, False), (3600, False), (-299, True), (-302, False)]
)
def test_a_timestamp_is_good_for_five_minutes_either_way(
    world: World, waiting: Json, age_s: int, accepted: bool
) -> None:
    world.writes.clear()
    answer = world.deliver(waiting, at=time.time() - age_s)
    assert answer["statusCode"] == (200 if accepted else 400)
    assert (world.writes != []) is accepted


def sign(world: World, payload: str) -> str:
    return signature(world.webhook_secret, payload, int(time.time()))


BAD_HEADERS = {
    "none": lambda good: "",
    "no scheme": lambda good: "nonsense",
    "no time": lambda good: good.partition(",")[2],
    "no signature": lambda good: good.partition(",")[0],
    "another time": lambda good: f"t={int(time.time()) - 1}," + good.partition(",")[2],
    "time is no number": lambda good: "t=now," + good.partition(",")[2],
    "one digit off": lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"),
    "scheme v0": lambda good: good.replace("v1=", "v0="),
}


@pytest.mark.parametrize("spoil", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_bad_signature_is_400_and_one_log_line(world: World, waiting: Json, untouched: None, spoil: Any) -> None:
    payload = json.dumps(waiting)
    world.logs.clear()
    answer = invoke("stripe_webhook", world.webhook_event(payload, spoil(sign(world, payload))))
    assert answer["statusCode"] == 400
    assert [(line["message"], line["status"]) for line in world.logs.lines] == [("stripe webhook", 400)]


def test_a_signature_is_of_the_body_as_it_came(world: World, waiting: Json) -> None:
    payload = json.dumps(waiting)
    made = world.webhook_event(payload + " ", sign(world, payload))
    assert invoke("stripe_webhook", made)["statusCode"] == 400


def test_another_secret_signs_nothing(world: World, waiting: Json) -> None:
    assert world.deliver(waiting, secret="whsec_" + "0" * 32)["statusCode"] == 400


@pytest.mark.parametrize(
    "payload", ["", "{", "text", "[]", "5", "null", '{"id": 5}', '{"id": "evt_1"}', '{"id": "evt_1", "data": []}']
)
def test_a_signed_body_that_is_no_event_is_400(world: World, payload: str) -> None:
    assert world.deliver(payload)["statusCode"] == 400


def test_the_sample_event_itself_has_no_valid_signature() -> None:
    assert invoke("stripe_webhook", event("function_url_stripe_webhook"))["statusCode"] == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "/webhooks/stripe"), ("POST", "/"), ("POST", "/webhooks/other")])
def test_there_is_one_route(method: str, path: str) -> None:
    made = event("function_url_stripe_webhook")
    made["requestContext"]["http"]["method"] = method
    made["rawPath"] = path
    assert invoke("stripe_webhook", made)["statusCode"] == 404


# Not ours, not known, not yet


def test_an_event_type_that_we_do_not_handle_is_200(world: World, waiting: Json, untouched: None) -> None:
    answer = world.deliver(waiting | {"id": "evt_other", "type": "customer.created"})
    assert outcome(answer) == (200, "not handled")


@pytest.mark.parametrize(
    "metadata",
    [{}, {"order": "17"}, {"tenant_id": "ten_nobody", "payment_id": "pay_1", "invoice_id": "in_1"}],
    ids=["none", "another's", "an unknown tenant's"],
)
def test_a_payment_intent_of_somebody_else_is_200_and_nothing(
    world: World, waiting: Json, untouched: None, metadata: dict[str, str]
) -> None:
    """The account may take money for other things, too."""
    intent = world.stripe.v1.payment_intents.create(
        {
            "amount": 100,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": metadata,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    theirs = waiting | {"id": "evt_theirs", "data": {"object": json.loads(str(intent))}}
    assert outcome(world.deliver(theirs)) == (200, "not ours")


def test_whatever_is_not_at_stripe_comes_again(world: World) -> None:
    """A signed event names its object, so it exists: our key is another account's (issue 11, number 3).

    Whose a method or a customer was is in the event itself; here nobody's.
    """
    world.writes.clear()
    about = {"id": "x_0", "payment_method": "pm_0", "payment_intent": "pi_0"}
    for event_type in sorted(HANDLED):
        sent = {"id": f"evt_{event_type}", "type": event_type, "data": {"object": about}}
        nobodys = event_type.startswith(("payment_method.", "setup_intent.", "customer."))
        assert outcome(world.deliver(sent)) == ((200, "not ours") if nobodys else (500, "Unavailable")), event_type
    assert world.writes == []


def test_an_event_for_a_payment_that_is_not_written_yet_is_500_and_then_200(
    world: World, tenant: Tenant, waiting: Json
) -> None:
    """Stripe may be faster than our own commit: it sends the event again."""
    payment = world.rows_of("payments", tenant.id)[0]
    table = world.tables["payments"]
    key = {name: payment[name] for name in ("tenant_id", "id")}
    world.aws("dynamodb").delete_item(TableName=table, Key=key)
    assert outcome(world.deliver(waiting)) == (500, "not written yet")
    world.aws("dynamodb").put_item(TableName=table, Item=payment)
    assert outcome(world.deliver(waiting)) == (200, "applied")
    assert tenant.only_invoice()["status"] == "paid"


def test_while_stripe_cannot_be_asked_the_event_comes_again(world: World, tenant: Tenant, waiting: Json) -> None:
    world.stripe_fails("status", "/v1/payment_intents/", status=503)
    assert world.deliver(waiting)["statusCode"] == 500
    world.stripe_works()
    assert outcome(world.deliver(waiting)) == (200, "applied")


# Rotation


@pytest.fixture
def rotated(world: World) -> Iterator[str]:
    """A second secret beside the first one, as while a rotation is under way."""
    fresh = "whsec_rotated"
    put_secrets(world, world.webhook_secret, fresh)
    yield fresh
    put_secrets(world, world.webhook_secret)


def put_secrets(world: World, *webhook_secrets: str) -> None:
    """Have the stack's secret hold these; this worker has read none of it yet."""
    manager = world.aws("secretsmanager")
    known = json.loads(manager.get_secret_value(SecretId=world.stripe_secret_id)["SecretString"])
    changed = json.dumps(known | {"webhook_secrets": list(webhook_secrets)})
    manager.put_secret_value(SecretId=world.stripe_secret_id, SecretString=changed)
    payments.stripe_secrets()._cached = None


def test_during_a_rotation_both_secrets_are_good(world: World, waiting: Json, rotated: str) -> None:
    assert outcome(world.deliver(waiting, secret=rotated)) == (200, "applied")
    assert outcome(world.deliver(waiting)) == (200, "duplicate")
    assert world.deliver(waiting, secret="whsec_neither")["statusCode"] == 400


def test_after_a_rotation_the_old_secret_signs_nothing(world: World, waiting: Json, rotated: str) -> None:
    put_secrets(world, rotated)
    assert world.deliver(waiting)["statusCode"] == 400
    assert outcome(world.deliver(waiting, secret=rotated)) == (200, "applied")


def test_a_signature_that_fits_no_known_secret_is_checked_against_the_secrets_of_now(
    world: World, waiting: Json, rotated: str
) -> None:
    """Stripe's side may rotate first: the secret is read again, though not more often than every ten seconds."""
    from billing.integrations.stripe.secrets import StripeSecrets

    reader = payments.stripe_secrets()
    known = reader.get()
    old = StripeSecrets(known.api_key, known.webhook_secrets[:1])
    reader._cached = (time.monotonic() - 11, old)
    assert outcome(world.deliver(waiting, secret=rotated)) == (200, "applied")
