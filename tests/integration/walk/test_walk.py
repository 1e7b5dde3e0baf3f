"""Random walks through the real handlers: bills to the cent against a model, and the laws of money whatever happens.

More and longer ones: ``make walk SEEDS="7 8 9" STEPS=300``.
"""

import os
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.integration.steps import advance
from tests.integration.walk.books import broken_laws
from tests.integration.walk.model import Model, Plan
from tests.integration.walk.steps import begin
from tests.integration.world import Json, Tenant, World

SEEDS = [int(each) for each in os.environ.get("WALK_SEEDS", "1").split()]
STEPS = int(os.environ.get("WALK_STEPS", "25"))
_LOOK_EVERY = 20
PLANS = [Plan("small", 1000, 333), Plan("large", 4999, 250), Plan("free", 0, 777)]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_books_agree_with_stripe_and_nothing_comes_back_twice(world: World, seed: int) -> None:
    walk = begin(world, seed)
    for n in range(STEPS):
        walk.step()
        if n % _LOOK_EVERY == _LOOK_EVERY - 1 or n == STEPS - 1:
            assert broken_laws(world, walk.tenant) == [], "\n".join(walk.told)
    for invoice in walk.invoices():
        back = invoice["amountRefunded"]
        assert back <= invoice["amountPaid"], (invoice, walk.told)
    worked = [each for each in walk.told if each.endswith((": 200", ": 201", ": 202"))]
    assert len(worked) > STEPS / 4, "the walk stands still"


def _plan(tenant: Tenant, plan: Plan) -> None:
    components: list[Json] = [
        {"key": "base", "type": "flat", "unitAmount": plan.base * 1000},
        {"key": "seats", "type": "licensed", "unitAmount": plan.seat * 1000},
    ]
    tenant.plan(id=plan.id, name=plan.id, components=components)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invoice_is_the_models_to_the_cent(world: World, seed: int) -> None:
    random, tenant = Random(seed), world.tenant()
    for plan in PLANS:
        _plan(tenant, plan)
    now = datetime(2026, 1, 31, 9, tzinfo=UTC)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId="small", quantities={"seats": 10}, customerId=customer)
    path, told = f"/v1/subscriptions/{made['id']}", [f"seed {seed}"]
    model = Model(PLANS[0], 10, now)
    for _ in range(STEPS // 2):
        if random.random() < 0.5:
            now += timedelta(seconds=random.randrange(1, 20 * 86400))
            advance(world, tenant, clock, f"{now:%Y-%m-%dT%H:%M:%SZ}")
            model.until(now)
            told.append(f"until {now}")
            continue
        plan, seats = random.choice([model.plan, model.plan, *PLANS]), random.randrange(0, 150)
        behaviour = random.choice(["create_prorations", "invoice_now"])
        body = {"planId": plan.id, "quantities": {"seats": seats}, "prorationBehavior": behaviour}
        told.append(str(body))
        seen = tenant.post(f"{path}/preview", body)
        answer = tenant.patch(path, body)
        assert (seen.status, answer.status) == (200, 200), (answer.json, told)
        lines = model.change(plan, seats, now)
        if behaviour == "invoice_now":
            if lines:
                assert seen.data["total"] == model.bill(lines) * 1000, told  # the preview says what is billed
        else:
            model.wait(lines)
    invoices = tenant.get("/v1/invoices", subscription=made["id"], limit=100).data
    # Two of one instant have no order among them.
    assert sorted(each["total"] // 1000 for each in invoices) == sorted(model.bills), "\n".join(told)
    assert broken_laws(world, tenant) == []
