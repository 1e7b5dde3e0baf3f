"""A tenant whose customers are on one test clock, and what its reports of MRR say; each row has to add up."""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.laws_mrr import MOVED
from tests.faults.laws_mrr import mrr as laws_of_mrr
from tests.integration.steps import advance
from tests.integration.walk.stand import own
from tests.integration.world import Json, Tenant, World


def base(cents: int) -> Json:
    return {"key": "base", "type": "flat", "unitAmount": cents * 1000}


def moved(row: Json) -> Json:
    """The movements that are not nothing."""
    return {each: row[each] for each in MOVED if row[each]}


@dataclass
class Shop:
    """A tenant whose customers are on one test clock."""

    world: World
    tenant: Tenant
    clock: str
    made: dict[str, str] = field(default_factory=dict)

    def customer(self, name: str = "ada", **fields: Any) -> str:
        if name not in self.made:
            self.made[name] = self.tenant.customer(testClockId=self.clock, **fields)
        return self.made[name]

    def plan(self, plan_id: str, *components: Json, **fields: Any) -> str:
        return self.tenant.plan(id=plan_id, name=plan_id, components=list(components), **fields)

    def subscribe(self, plan_id: str, who: str = "ada", **fields: Any) -> Json:
        body = {"planId": plan_id, "quantities": {}, **fields}
        made = self.tenant.subscribe(customerId=self.customer(who), **body)
        assert "state" in made, made
        return made

    def patch(self, subscription: Json, **body: Any) -> None:
        answer = self.tenant.patch(f"/v1/subscriptions/{subscription['id']}", body)
        assert answer.status == 200, answer.json

    def post(self, subscription: Json, what: str, **body: Any) -> None:
        answer = self.tenant.post(f"/v1/subscriptions/{subscription['id']}/{what}", body)
        assert answer.status == 200, answer.json

    def until(self, day: str) -> None:
        advance(self.world, self.tenant, self.clock, f"{day}T00:00:00Z" if len(day) == 10 else day)

    def report(self, name: str = "mrr", first: str = "2026-01-01", to: str = "2026-03-01", **more: str) -> list[Json]:
        query = {"from": first, "to": to, "testClock": self.clock, **more}
        answer = self.tenant.get(f"/v1/reports/{name}", **query)
        assert answer.status == 200, answer.json
        rows: list[Json] = answer.data["rows"]
        if name == "mrr":
            self.add_up(rows)
        return rows

    def row(self, first: str = "2026-01-01", to: str = "2026-02-01", **more: str) -> Json:
        """The one row of a month, or of days."""
        (found,) = self.report("mrr", first, to, **more)
        return found

    def add_up(self, rows: list[Json]) -> None:
        """start + movements = end = the begin of the next row = subscriptions, and customers likewise."""
        ends: dict[str, tuple[int, int]] = {}
        for row in rows:
            assert row["start"] + sum(row[each] for each in MOVED) == row["end"], row
            joined = row["customersNew"] + row["customersReturned"] - row["customersChurned"] - row["customersPaused"]
            assert row["customersStart"] + joined == row["customersEnd"], row
            if row["currency"] in ends:
                assert ends[row["currency"]] == (row["start"], row["customersStart"]), row
            ends[row["currency"]] = row["end"], row["customersEnd"]
        self.laws()

    def laws(self) -> None:
        books = own(self.world, self.tenant, "subscriptions", "plans", "mrr_movements")
        assert list(laws_of_mrr(books)) == []

    def days(self, first: str, to: str, name: str) -> list[int]:
        """A figure, day by day; of a day before there was any, 0."""
        rows = {row["from"]: row[name] for row in self.report("mrr", first, to, interval="day")}
        return [rows[day] for day in sorted(rows)]


def opened(world: World, tenant: Tenant, at: str = "2026-01-01T00:00:00Z") -> Shop:
    """A shop whose clock stands at a time."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": at}).data["id"]
    return Shop(world, tenant, clock)
