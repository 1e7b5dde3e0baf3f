"""Aging over random histories: each day it sums to the ledger, now it is what invoices ask for, and no past changes."""

from collections import Counter
from datetime import date, timedelta

import pytest

from tests.faults.books import amount_due
from tests.integration.payer import open_invoice
from tests.integration.walk import steps
from tests.integration.walk.stand import SEEDS, STEPS, Stand, ok
from tests.integration.world import Json, World

ASK_EVERY = 5


def aging(on: Stand, day: date, rows: str) -> list[Json]:
    answer = on.tenant.get("/v1/reports/aging", asOf=day.isoformat(), rows=rows, testClock=on.clock)
    found: list[Json] = ok(answer)["rows"]
    return found


def ledger(on: Stand, day: date) -> Counter[tuple[str, str]]:
    """By currency and account, as of the end of a day in UTC, the tenant's zone."""
    end = f"{day + timedelta(days=1)}T00:00:00Z"
    answer = on.tenant.get("/v1/reports/trial-balance", asOf=end, testClock=on.clock)
    return Counter({(each["currency"], each["account"]): each["balance"] for each in ok(answer)["accounts"]})


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_aging_is_the_ledger_and_the_past_stays(world: World, seed: int) -> None:
    walk = steps.begin(world, seed, "aging")
    open_invoice(walk.on.tenant, customerId=walk.on.customer, netTermsDays=14, autoCharge=False)
    seen: dict[date, list[Json]] = {}
    for n in range(STEPS):
        walk.step()
        if n % ASK_EVERY != ASK_EVERY - 1:
            continue
        yesterday, today = walk.on.now.date() - timedelta(days=1), walk.on.now.date()
        seen[yesterday] = aging(walk.on, yesterday, "invoices")
        for day in (yesterday, today):
            sums = ledger(walk.on, day)
            for row in aging(walk.on, day, "currencies"):
                of = row["currency"]
                assert row["receivable"] == sums[of, "receivable"], walk.on.told
                assert row["customerBalance"] == sums[of, "customer_balance"], walk.on.told
                assert row["disputed"] == sums[of, "disputes"], walk.on.told
        rows = {each["invoiceId"]: each["receivable"] for each in aging(walk.on, today, "invoices")}
        owed = {each["id"]: amount_due(each) for each in walk.on.kept("invoices") if each["status"] == "open"}
        assert {each: amount for each, amount in rows.items() if amount > 0} == owed, walk.on.told
    for day, rows in seen.items():
        assert aging(walk.on, day, "invoices") == rows, (day, walk.on.told)
