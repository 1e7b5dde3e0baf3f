"""What a walk stands on: a tenant with a customer on a test clock, the same in every run of a seed.

Ids are counted and the wall clock stands still, so nothing of what happens depends on chance or on how fast a machine
is. What the tables hold is read from moto's memory: as requests, the looks would cost more than the steps.

More and longer walks: ``make walk SEEDS="7 8 9" STEPS=300``.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tests.faults.books import AtStripe, Books, micros
from tests.faults.laws import violations
from tests.faults.laws_lines import What
from tests.faults.laws_mrr import MOVED, mrr
from tests.integration.world import REGION, Answer, Json, Tenant, World

SEEDS = [int(each) for each in os.environ.get("WALK_SEEDS", "1 12 15 20").split()]
"""Those of the first 24 that meet most in 40 steps: of nine mutants of the domain 12, 15 and 20 kill all, 1, 2 and 3
four; 1 has tax by the line."""
STEPS = int(os.environ.get("WALK_STEPS", "40"))
LOOK_EVERY = 40
"""Steps: the laws look at everything, so they are asked now and then."""
BEGIN = datetime(2026, 1, 31, 9, tzinfo=UTC)
_WALL = datetime(2026, 1, 15, tzinfo=UTC)
_OWNERS = ("tenant_id", "record_id", "event_key", "subscription_key", "caller_id", "moved_key")
_PLAIN = TypeDeserializer()


@dataclass
class Stand:
    """A tenant, a customer on a test clock, and Stripe.

    Args:
        now: of the customer's clock.
        told: the steps so far, to be read where a law is broken.
        known: the ids of each table, in the order in which they were first seen.
        last_event: of Stripe's, the last one that was delivered.
        left: lines that a change deliberately left as they were, see ``laws_lines``.
    """

    world: World
    tenant: Tenant
    random: Random
    clock: str
    customer: str = ""
    now: datetime = BEGIN
    told: list[str] = field(default_factory=list)
    known: dict[str, dict[str, None]] = field(default_factory=dict)
    last_event: str = ""
    left: set[What] = field(default_factory=set)

    def tell(self, what: str) -> None:
        """Note a step."""
        self.told.append(f"{self.now:%Y-%m-%dT%H:%M:%SZ} {what}")

    def until(self, now: datetime) -> None:
        """Time passes; everything due happens."""
        self.now, to = now, f"{now:%Y-%m-%dT%H:%M:%SZ}"
        answer = self.tenant.post(f"/v1/test-clocks/{self.clock}/advance", {"frozenTime": to})
        assert answer.status == 202, (answer.json, self.told)
        self.world.drain()
        self.tell("time passes")
        (clock,) = self.kept("test_clocks")
        assert (clock["status"], datetime.fromisoformat(clock["frozen_time"])) == ("ready", now), (clock, self.told)

    def let_time_pass(self, most: timedelta = timedelta(days=20)) -> None:
        """From a second to ``most``."""
        self.until(self.now + timedelta(seconds=self.random.randrange(1, int(most.total_seconds()))))

    def kept(self, table: str) -> list[Json]:
        """The tenant's entities, as they are stored, in the order in which they were made."""
        found = {each["id"]: each for each in own(self.world, self.tenant, table).bodies(table)}
        order = self.known.setdefault(table, {})
        order.update(dict.fromkeys(sorted(set(found) - set(order))))
        return [found[each] for each in order if each in found]

    def one_of(self, table: str, **fields: str) -> Json | None:
        """Some entity whose fields are so; None where there is none."""
        fitting = [each for each in self.kept(table) if all(each[name] == value for name, value in fields.items())]
        return self.random.choice(fitting) if fitting else None

    def deliver(self) -> None:
        """Stripe's webhooks arrive, in order."""
        self.world.clock.advance(minutes=1)
        while True:
            after = {"ending_before": self.last_event} if self.last_event else {}
            events = [json.loads(str(each)) for each in self.world.stripe.v1.events.list({"limit": 100, **after}).data]
            if not events:
                return
            for event in reversed(events):
                answer = self.world.deliver(event)
                assert answer["statusCode"] == 200, (answer, self.told)
            self.last_event = events[0]["id"]

    def counts(self) -> None:
        """What moved is what each subscription counts for, and moved in its customer's time."""
        books = own(self.world, self.tenant, "subscriptions", "plans", "mrr_movements")
        assert list(mrr(books)) == [], self.told
        times = [datetime.fromisoformat(each["at"]) for each in books.bodies("mrr_movements")]
        assert all(BEGIN <= at <= self.now for at in times), (times, self.told)

    def reported(self) -> None:
        """Each day of the report of MRR adds up, and the last one ends at what the subscriptions count for."""
        until = f"{self.now + timedelta(days=1):%Y-%m-%d}"
        query = {"from": f"{BEGIN:%Y-%m-%d}", "to": until, "testClock": self.clock, "interval": "day"}
        rows = ok(self.tenant.get("/v1/reports/mrr", **query))["rows"]
        end = 0
        for row in rows:
            assert row["start"] == end, (row, self.told)
            end = row["start"] + sum(row[each] for each in MOVED)
            assert row["end"] == end, (row, self.told)
        counted = [each["mrr"] for each in self.kept("subscriptions") if each["mrr"]["standing"] == "counted"]
        assert end == sum(micros(each["amount"]) for each in counted), self.told

    def laws(self) -> None:
        """Every law of money holds."""
        broken = violations(own(self.world, self.tenant, *self.world.tables), self._at_stripe(), self.left)
        assert broken == [], "\n".join([*self.told, *broken])

    def _at_stripe(self) -> AtStripe:
        """What Stripe has of the tenant."""
        intents = self.world.intents(self.tenant)
        own = {each["id"] for each in intents}
        api = self.world.stripe.v1
        pages = (api.charges.list, api.refunds.list, api.disputes.list)
        found = ([json.loads(str(each)) for each in page({"limit": 100}).auto_paging_iter()] for page in pages)
        charges, refunds, disputes = ([each for each in all_ if each["payment_intent"] in own] for all_ in found)
        sources = {each["id"] for each in (*charges, *refunds, *disputes)}
        listed = api.balance_transactions.list({"limit": 100}).auto_paging_iter()
        lines = [json.loads(str(each)) for each in listed if each.source in sources]
        return AtStripe(intents, charges, refunds, disputes, lines)


def stand(world: World, name: str, seed: int, **fields: Any) -> Stand:
    """A tenant with a test clock.

    Args:
        name: of the walk; a walk of another name has other ids.
        fields: the tenant's.
    """
    world.entropy.begin(f"{name} {seed}")
    world.clock.freeze(_WALL)
    tenant = world.tenant(**fields)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": f"{BEGIN:%Y-%m-%dT%H:%M:%SZ}"}).data["id"]
    page = world.stripe.v1.events.list({"limit": 1}).data
    last = page[0].id if page else ""
    return Stand(world, tenant, Random(f"{name} {seed}"), clock, told=[f"{name}, seed {seed}"], last_event=last)


def ok(answer: Answer, status: int = 200) -> Json:
    """What came, and with which status."""
    assert answer.status == status, answer.json
    return dict(answer.data)


def own(world: World, tenant: Tenant, *tables: str) -> Books:
    """A tenant's items of some tables."""
    backend = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION]
    rows: Json = {}
    for plain in tables:
        table = backend.tables[world.tables[plain]]
        found = []
        for key, items in table.items.items():
            if str(key.value).startswith(tenant.id) or table.hash_key_attr not in _OWNERS:
                found += [_plain(each) for each in (items.values() if table.has_range_key else [items])]
        rows[plain] = [row for row in found if any(str(row.get(each, "")).startswith(tenant.id) for each in _OWNERS)]
    return Books(rows)


def _plain(item: Any) -> Json:
    found: Json = {}
    for name, value in item.to_json()["Attributes"].items():
        decoded = _PLAIN.deserialize(value)
        found[name] = int(decoded) if "N" in value else decoded
    return found
