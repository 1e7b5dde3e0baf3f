"""Issue 14: orders, payments, refunds, disputes, releases, payouts, failures and returns, in any order.

After each step the books hold by themselves: every entry and every account sums up, statements lead into each other,
of nobody more came back than there was. At the end, when Stripe has told everything, they agree with Stripe: no
provider was paid twice or more than it earned, and cash is the platform's balance, to the transaction.

More and longer ones: ``FAIR_EXAMPLES=200 FAIR_STEPS=40 LAWS=search``.
"""

from __future__ import annotations

import os
from itertools import count
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.integration.marketplace.fair import Fair, fair
from tests.integration.marketplace.fair_acts import WHAT, Acts
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.world import Json, World

EXAMPLES = int(os.environ.get("FAIR_EXAMPLES", "8"))
STEPS = int(os.environ.get("FAIR_STEPS", "30"))
TERMS: tuple[Json, ...] = (
    {"releaseAfterDays": 0},
    {"releaseAfterDays": 1, "reserve": {"percent": 20, "days": 3}, "feesBorneBy": "provider"},
    {"releaseAfterDays": 0, "refundFee": {"percent": 50}, "commissionTaxPercent": 21},
    {"refundWindowDays": 1},
)
PHASES = (Phase.generate,)
"""What was told of a failure is short enough, and to make it shorter would take minutes."""


class Machine(RuleBasedStateMachine):
    """A fair, in which anything may happen.

    Hypothesis picks numbers, and what happens follows from them, each thing as often as its weight says. Left to pick
    rules, it leaves out most of them in each run, and seldom comes from a sale to a payout that its bank sends back.
    """

    world: ClassVar[World]
    names = count(1)
    terms: Json
    at: Fair | None = None
    rested = 0

    @initialize(terms=st.sampled_from(TERMS))
    def begins(self, terms: Json) -> None:
        self.terms = terms

    @rule(chance=st.integers(0, 2**32))
    def anything_happens(self, chance: int) -> None:
        if self.at is None:  # not before: of many runs Hypothesis draws nothing but their beginning
            self.at = fair(self.world, f"fair {next(self.names)}", self.terms)
            for basket in (0, 4):
                Acts(self.at).buys(basket, None, AVAILABLE)
            self.at.work()
        random = Random(chance)
        getattr(Acts(self.at), random.choice(WHAT))(random)

    @precondition(lambda self: self.at is not None and len(self.at.told) > self.rested + 12)
    @rule()
    def everything_comes_to_rest(self) -> None:
        assert self.at is not None
        self.at.tell("rests")
        self.rested = len(self.at.told)
        self.at.rest()
        self.at.check_at_rest()

    @invariant()
    def the_books_hold(self) -> None:
        if self.at is not None:
            self.at.check()

    def teardown(self) -> None:
        if self.at is None:
            return
        try:
            self.at.rest()
            self.at.check_at_rest()
        finally:
            self.world.stripe_works()
            self.world.forget_tenants()


def test_whatever_happens_nobody_is_paid_twice_and_the_books_are_stripes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The laws of ``tests/faults``: after each step those of the books, at rest those that compare them with Stripe."""
    monkeypatch.setattr("billing.services.marketplace.pace.Pace.__call__", lambda _: None)
    Machine.world = world
    wanted = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck), phases=PHASES
    )
    run_state_machine_as_test(Machine, settings=wanted, _min_steps=STEPS)
