"""Payments in bad weather: what has to hold as soon as it is over. The rest of it is in test_what_is_left.py."""

from collections import Counter

from local.demo.takings import intents_of
from tests.e2e.conftest import charges
from tests.e2e.storm import CLIENTS, FAULTS, ROUNDS, Storm


def test_every_client_gets_an_outcome_for_every_request(storm: Storm) -> None:
    assert storm.undecided == []
    assert Counter(answer.status for answer in storm.answers.values()) == {201: len(storm.answers)}
    assert storm.copies > CLIENTS
    assert storm.faults >= {fault["kind"] for fault in FAULTS}


def test_every_wish_to_pay_is_one_payment_and_at_most_one_charge(storm: Storm) -> None:
    payments, intents = storm.made("/v1/payments"), storm.made("/v1/payments/intents")
    assert len(payments) == len(intents) == CLIENTS * ROUNDS
    wanted = Counter(each["paymentIntentId"] for each in payments + intents)
    assert set(wanted.values()) == {1}
    at_stripe = intents_of(storm.client, storm.tenant_id)
    assert {each["id"] for each in at_stripe} == set(wanted)
    for each in payments:
        assert [charge["amount"] * 1000 for charge in charges(storm.client, each)] == [each["amount"]]
    assert all(len(charges(storm.client, each)) <= 1 for each in intents)
