"""Issue 18: the invoices of which a charge failed, in the order in which they are tried again."""

import pytest

from tests.integration.invoices import carded, do, line, make
from tests.integration.steps import behave
from tests.integration.world import Json, Tenant, World

QUEUE = {"attempt": "failed", "expand": "customer", "view": "summary"}


def failed(world: World, tenant: Tenant, **fields: object) -> Json:
    """An open invoice whose card was declined."""
    customer, card = carded(tenant)
    behave(world, card, "generic_decline")
    draft = make(tenant, line(1000), customerId=customer, autoCharge=True, **fields)
    done: Json = do(tenant, "finalize", draft).data
    assert (done["status"], done["attemptCount"]) == ("open", 1)
    return done | {"card": card}


def queue(tenant: Tenant, **more: str) -> list[str]:
    return [each["id"] for each in tenant.get("/v1/invoices", **QUEUE | more).data]


def test_failed_invoices_come_by_their_next_attempt_in_one_call(world: World, tenant: Tenant) -> None:
    """Three are declined, a day apart; the first is declined again and is then the last to be tried."""
    made = []
    for _ in range(3):
        made.append(failed(world, tenant))
        world.clock.advance(days=1)
    make(tenant, line(500), customerId=tenant.customer(), autoFinalize=True, autoCharge=False)
    assert queue(tenant) == [each["id"] for each in made]
    rows = tenant.get("/v1/invoices", **QUEUE).data
    assert [row["nextAttemptAt"] for row in rows] == sorted(row["nextAttemptAt"] for row in rows)
    assert {row["customer"]["id"] for row in rows} == {each["customerId"] for each in made}
    assert all(row["paymentError"]["code"] == "payment.declined" for row in rows)


@pytest.mark.parametrize("limit", [1, 2])
def test_its_pages_have_each_once(world: World, tenant: Tenant, limit: int) -> None:
    """The ones that are declined at the same moment are tried at the same moment: none is skipped, none comes twice."""
    made = {failed(world, tenant)["id"] for _ in range(4)}
    found: list[str] = []
    query: dict[str, str] = {"limit": str(limit)}
    while True:
        page = tenant.get("/v1/invoices", **QUEUE | query)
        found += [each["id"] for each in page.data]
        following = page.json["meta"]["pagination"]["next_cursor"]
        if following is None:
            break
        query["cursor"] = following
    assert (len(found), set(found)) == (4, made)


def test_what_is_settled_leaves_it_and_what_nobody_tries_comes_last(world: World, tenant: Tenant) -> None:
    first, second, third = (failed(world, tenant) for _ in range(3))
    behave(world, first["card"], None)
    assert tenant.post(f"/v1/invoices/{first['id']}/pay").data["status"] == "paid"
    assert do(tenant, "void", second).status == 200
    assert queue(tenant) == [third["id"]]
    assert queue(tenant, customer=third["customerId"], currency="USD", status="open") == [third["id"]]
    assert queue(tenant, customer=first["customerId"]) == []
    customer, _ = carded(tenant)
    huge = do(tenant, "finalize", make(tenant, line(100_000_000), customerId=customer, autoCharge=True)).data
    assert (huge["status"], huge["nextAttemptAt"]) == ("open", None)  # no card can be charged so much
    world.clock.advance(days=1)
    fourth = failed(world, tenant)
    assert queue(tenant) == [third["id"], fourth["id"], huge["id"]]


def test_another_tenants_are_not_in_it(world: World, tenant: Tenant) -> None:
    failed(world, tenant)
    assert queue(world.tenant()) == []


@pytest.mark.parametrize("status", ["paid", "draft", "void"])
def test_only_open_ones_are_tried(tenant: Tenant, status: str) -> None:
    answer = tenant.get("/v1/invoices", attempt="failed", status=status)
    assert (answer.status, answer.bad_fields) == (400, {"status": "not_with_attempt"})
    assert tenant.get("/v1/invoices", attempt="succeeded").status == 400


def test_what_failed_before_the_release_comes_into_it(world: World, tenant: Tenant) -> None:
    """By its next attempt, or by the operator's command, which gives items from before what lists look at."""
    from billing.bootstrap import resealing

    made = failed(world, tenant)
    (row,) = [each for each in world.rows_of("invoices", tenant.id) if each["id"]["S"] == made["id"]]
    old = {name: value for name, value in row.items() if name not in ("failed_key", "retried")}
    world.aws("dynamodb").put_item(TableName=world.tables["invoices"], Item=old)
    assert queue(tenant) == []
    assert resealing.resealing(0).complete(tenant.id) >= 1
    assert queue(tenant) == [made["id"]]
