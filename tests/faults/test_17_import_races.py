"""Issue 17, number 7: imports at the same moment, on DynamoDB's own semantics: each object is taken over once."""

from datetime import datetime, timedelta

from billing.domain.reports.run import report_shard
from tests.faults.import_flows import counted, dry_run, made_once, taking_over
from tests.faults.world import AT, Tenant, World, at_once, step


def test_17_two_workers_at_one_import_make_each_object_once(own_world: World) -> None:
    """No queue lets two at a shard; if they are all the same, the run may be given up, and is done by a repeat."""
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    dry = dry_run(own_world, tenant, AT)
    at = AT + timedelta(minutes=1)
    shard = _shard(own_world, tenant, at, dry, "first")
    at_once(own_world, at + timedelta(seconds=1), [[step("report_turn", shard=shard)]] * 2)
    shard = _shard(own_world, tenant, at + timedelta(hours=1), dry, "again")
    own_world.run(at + timedelta(hours=2), step("report_turn", shard=shard))
    books = tenant.check(at + timedelta(hours=3), methods=True)
    assert made_once(books) == []
    runs = [each for each in books.bodies("report_runs") if "request" in each]  # beside how many there are at once
    assert "done" in {each["state"] for each in runs if "dryRunId" in each["request"]["options"]}


def _shard(world: World, tenant: Tenant, at: datetime, dry: str, idem: str) -> str:
    """The shard of an import that is begun."""
    answer = world.run(at, taking_over(tenant, dry, idem)).last()
    assert answer["status"] == 202, answer
    return report_shard(answer["body"]["data"]["id"])


def test_17_two_imports_at_once_make_each_object_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    dry = dry_run(own_world, tenant, AT)
    at = AT + timedelta(minutes=1)
    shards = [_shard(own_world, tenant, at, dry, "import-0")]
    while len(set(shards)) < 2:  # those of one shard are worked one after the other
        shards.append(_shard(own_world, tenant, at, dry, f"import-{len(shards)}"))
    turns = [step("report_turn", shard=each) for each in sorted(set(shards))]
    at_once(own_world, at + timedelta(seconds=1), [[each] for each in turns])
    for n in range(1, 3):
        own_world.run(at + timedelta(minutes=5 * n), *(dict(each) for each in turns))
    books = tenant.check(at + timedelta(hours=1), methods=True)
    assert counted(books, runs=len(shards)) == []
