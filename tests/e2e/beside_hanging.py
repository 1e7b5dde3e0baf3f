"""A healthy endpoint's arrivals alone and beside ten new ones that hang, by the deployed local stack's own senders.

Not part of ``make bench`` (it wants a stack with a process for each sender), nor of ``make e2e`` (it judges nothing):

    .venv/bin/python -m local.stack.e2e -s tests/e2e/beside_hanging.py
"""

import time
from statistics import quantiles

from tests.e2e.conftest import Seller, Stack
from tests.e2e.test_16_webhooks import customer, listening, registered
from tests.support.receiver import LocalReceiver, receiving

ROUNDS, ARRIVALS, HANGING = 3, 20, 10
_PAUSE_S, _PATIENCE_S = 0.2, 60.0
_OVER_S = 18
"""Until the last attempt at those that hung has ended."""


def _arrivals(seller: Seller, receiver: LocalReceiver, others: Seller | None = None) -> list[float]:
    """From the answer to a commit to its event's arrival, in seconds; others get an event with every fifth."""
    found = []
    for n in range(ARRIVALS):
        time.sleep(_PAUSE_S)
        if others is not None and n % 5 == 0:
            customer(others, f"Other {n}")
        made, began = customer(seller, f"Healthy {n}"), time.perf_counter()
        while not any(each["data"]["object"]["id"] == made for each in receiver.events[-5:]):
            assert time.perf_counter() - began < _PATIENCE_S, "an event did not arrive"
            time.sleep(0.002)
        found.append(time.perf_counter() - began)
    return found


def _beside(seller: Seller, receiver: LocalReceiver, stack: Stack, n: int) -> list[float]:
    others = Seller.new(stack, f"Hanging {n}")
    with listening() as url:
        body = {"url": url, "eventTypes": ["customer.created"]}
        ids = [others.client.post("/v1/webhook-endpoints", body)["id"] for _ in range(HANGING)]
        customer(others, "First")
        customer(others, "Second")
        time.sleep(1)
        found = _arrivals(seller, receiver, others)
        for each in ids:
            others.client.call("DELETE", f"/v1/webhook-endpoints/{each}")
    time.sleep(_OVER_S)
    return found


def test_16_a_healthy_endpoint_beside_those_that_hang(stack: Stack) -> None:
    """Prints the figures; one round beforehand, in which senders start."""
    seller, alone, beside = Seller.new(stack, "Healthy"), [], []
    with receiving() as receiver:
        registered(seller, receiver, "customer.created")
        _arrivals(seller, receiver)
        _beside(seller, receiver, stack, 0)
        for n in range(ROUNDS):
            alone += _arrivals(seller, receiver)
            beside += _beside(seller, receiver, stack, n + 1)
    for name, place in (("p50", 9), ("p95", 18)):
        one, other = (quantiles(each, n=20)[place] * 1000 for each in (alone, beside))
        print(f"\n{name}: alone {one:.0f} ms, beside {other:.0f} ms, ratio {other / one:.2f}", flush=True)
    print(f"longest: alone {max(alone) * 1000:.0f} ms, beside {max(beside) * 1000:.0f} ms", flush=True)
