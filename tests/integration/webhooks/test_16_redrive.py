"""Issue 16, item 7: what a consumer of the stream gave up is read from the table again, and is safe twice."""

import io
import json
from datetime import timedelta

from billing.bootstrap import operating
from operations.replay import replay
from tests.integration import lambdas
from tests.integration.webhooks.feeding import consume, followed, records
from tests.integration.world import Json, Tenant, World

NAME = "ledgerline-dev-event-feed"


class Functions:
    """Lambda's API, in front of a consumer's handler.

    Args:
        broken: how many of the first calls fail as a whole.
    """

    def __init__(self, group: str = "event_feed", broken: int = 0) -> None:
        self._group = group
        self.payloads: list[str] = []
        self._broken = broken

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> Json:  # noqa: N803 - boto3's names
        assert (FunctionName, Qualifier) == (f"ledgerline-dev-{self._group.replace('_', '-')}", "live")
        self.payloads.append(Payload)
        if len(self.payloads) <= self._broken:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}
        answer = lambdas.invoke(self._group, json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def run(world: World, functions: Functions, tenant: Tenant | None = None, **ago: float) -> tuple[int, list[str]]:
    since = world.clock() - timedelta(**(ago or {"days": 30}))
    return replay(functions, NAME, since, [tenant.id] if tenant else operating.tenant_ids())


def test_16_what_was_given_up_is_placed_and_the_rest_keeps_its_place(world: World, tenant: Tenant) -> None:
    for n in range(3):
        tenant.customer(name=f"Ada {n}")
    rows = world.rows_of("events", tenant.id)
    assert consume(records(rows[1:2])) == []
    functions = Functions()
    assert run(world, functions, tenant) == (len(rows), [])
    seen, _ = followed(tenant)
    assert [each["id"] for each in seen] == [rows[1]["id"]["S"], *(row["id"]["S"] for row in rows if row != rows[1])]
    assert run(world, functions, tenant) == (len(rows), [])
    assert followed(tenant)[0] == seen
    assert "body" not in json.loads(functions.payloads[0])["Records"][0]["dynamodb"]["NewImage"]


def test_16_every_tenant_has_its_turn_and_what_fails_is_named(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    for each in (tenant, other):
        each.customer()
    count, failed = run(world, Functions(broken=1))
    mine = [len(world.rows_of("events", each.id)) for each in (tenant, other)]
    assert count >= sum(mine)
    assert 0 < len(failed) < count
    assert run(world, Functions()) == (count, [])
    assert [len(followed(each)[0]) for each in (tenant, other)] == mine


def test_16_only_what_is_as_new_as_was_said(world: World, tenant: Tenant) -> None:
    tenant.customer(name="Ada")
    world.clock.advance(hours=2)
    tenant.customer(name="Grace")
    assert run(world, Functions(), tenant, hours=1) == (1, [])
    assert [each["data"]["object"]["name"] for each in followed(tenant)[0]] == ["Grace"]
