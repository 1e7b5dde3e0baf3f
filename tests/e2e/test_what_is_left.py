"""What time alone settles, looked at when the other tests have let it pass: repeated webhooks, the schedule."""

from typing import Any

import pytest

from local.demo.books import every, ledger_sums
from local.demo.takings import intents_of, same_takings
from tests.e2e.conftest import Stack, soon
from tests.e2e.storm import Storm


def meant(intent: Any) -> str:
    """The status that a payment has, of whose PaymentIntent Stripe says this."""
    if intent["status"] == "requires_payment_method" and intent["last_payment_error"]:
        return "failed"
    return str(intent["status"])


def statuses(storm: Storm) -> list[tuple[str, str, str]]:
    """Of each PaymentIntent at Stripe: its id, what it means, and the payment's status here."""
    here = {each["paymentIntentId"]: each["status"] for each in every(storm.client, "/v1/payments?limit=100")}
    there = intents_of(storm.client, storm.tenant_id)
    assert len(here) == len(there)
    return [(each["id"], meant(each), here[each["id"]]) for each in there]


def refunds(storm: Storm) -> list[Any]:
    ours = storm.made("/v1/payments")
    return [refund for each in ours for refund in every(storm.client, f"/v1/payments/{each['id']}/refunds?limit=100")]


def test_after_a_storm_every_payment_stands_as_it_does_at_stripe(storm: Storm) -> None:
    soon(lambda: all(meant == here for _, meant, here in statuses(storm)), patience_s=200)
    # Every client left a form as it was.
    assert {meant for _, meant, _ in statuses(storm)} >= {"succeeded", "requires_payment_method"}


def test_after_a_storm_every_refund_went_back_once(storm: Storm) -> None:
    asked = [answer.data for request, answer in storm.answers.items() if request.path.endswith("/refund")]
    soon(lambda: all(each["status"] == "succeeded" for each in refunds(storm)), patience_s=200)
    assert sorted(each["id"] for each in refunds(storm)) == sorted(each["id"] for each in asked)


def test_after_a_storm_the_books_say_what_stripe_says(storm: Storm) -> None:
    disputed = [each for each in intents_of(storm.client, storm.tenant_id) if has_dispute(storm, each["id"])]
    soon(lambda: len(every(storm.client, "/v1/disputes?limit=100")) == len(disputed), patience_s=60)
    takings, _ = same_takings(storm.client, storm.tenant_id)
    assert takings.charged > -takings.refunded > 0 > takings.held
    sums = ledger_sums(storm.client, storm.tenant_id)
    assert (sums["receivable"], sums["revenue"], sums["refunds"]) == (0, -takings.charged, -takings.refunded)


def has_dispute(storm: Storm, intent_id: str) -> bool:
    return bool(storm.client.stripe(f"/v1/disputes?payment_intent={intent_id}")["data"])


@pytest.mark.parametrize("queue", ["billing", "payout"])
def test_nothing_of_the_alarm_clock_ends_in_the_dead_letter_queue(stack: Stack, queue: str) -> None:
    attributes = stack.aws("sqs").get_queue_attributes(
        QueueUrl=getattr(stack, f"{queue}_dead_letter_queue_url"), AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"
