"""Issue 15, item 8: after a rotation, a job seals what was before under the newest key, and makes the index anew."""

import json
from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import resealing as bootstrap
from billing.storage.resealing import Resealing
from tests.integration.access.browser import PASSWORD, Browser
from tests.integration.access.oauth import app
from tests.integration.access.test_15_data_keys import EMAIL, found, numbers, rotate, row_of
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World
from tests.support.tables import is_of_tenants


@pytest.fixture
def job(world: World) -> Resealing:
    return replace(bootstrap.resealing(0.0), pause=world.clock.sleep)


def sealed_under(world: World, tenant: Tenant) -> set[str]:
    """The numbers of the keys under which fields of the tenant's entities are sealed; not events and the like."""
    found: set[str] = set()
    for table in world.tables:
        # What receivers of webhooks said stays under its key for its 30 days, like events.
        if table in ("events", "audit") or not is_of_tenants(table):
            continue
        # The next numbers of a series are no entity.
        for row in (each for each in world.rows_of(table, tenant.id) if "body" in each):
            body: Any = json.loads(row["body"]["S"])
            texts = [each for each in body.values() if isinstance(each, str) and each.startswith("v3.")]
            found |= {each.split(".")[1] for each in texts}
    return found


def test_15_everything_is_sealed_under_the_newest_key_and_reads_as_before(
    world: World, tenant: Tenant, job: Resealing
) -> None:
    """Without a new version: nobody's If-Match fails, and no writer loses a race to it. A second run finds nothing."""
    customer = tenant.customer(email=EMAIL)
    tenant.subscribe(customerId=customer)
    before = [tenant.get(f"/v1/{path}").data for path in ("customers", "invoices", "payments", "payment-methods")]
    rotate(tenant)
    assert sealed_under(world, tenant) == {"1"}
    assert job.reseal(tenant.id) >= 4
    assert sealed_under(world, tenant) == {"2"}
    assert job.reseal(tenant.id) == 0
    after = [tenant.get(f"/v1/{path}").data for path in ("customers", "invoices", "payments", "payment-methods")]
    assert after == before


def test_15_a_writer_beside_the_job_wins(
    world: World, tenant: Tenant, job: Resealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changed the customer after the job had read it: the job leaves it alone, and what was written stays."""
    customer = tenant.customer(email=EMAIL)
    rotate(tenant)
    plain = Resealing._replace

    def overtaken(self: Resealing, stored: Any, item: Any, values: Any) -> bool:
        if item["id"] == {"S": customer}:
            assert tenant.patch(f"/v1/customers/{customer}", {"name": "Newer"}).status == 200
        return plain(self, stored, item, values)

    with monkeypatch.context() as patch:
        patch.setattr(Resealing, "_replace", overtaken)
        job.reseal(tenant.id)
    assert tenant.get(f"/v1/customers/{customer}").data["name"] == "Newer"
    assert numbers(row_of(world, tenant, customer)) == {"2"}


def test_15_the_index_is_made_anew_and_nobody_is_unfindable_meanwhile(
    world: World, tenant: Tenant, job: Resealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for after each single change of it, with pages of one; and who signs in does so throughout."""
    joined(world, tenant)
    client = app(tenant)
    old = [tenant.customer(email=EMAIL) for _ in range(2)]
    keys = {row_of(world, tenant, each)["email_key"]["S"] for each in old}
    rotate(tenant)
    looked: list[int] = []

    def look() -> None:
        everybody, cursor = [], {}
        while True:
            page = tenant.get("/v1/customers", email=EMAIL, limit=1, **cursor).json
            everybody += [each["id"] for each in page["data"]]
            if not page["meta"]["pagination"]["has_more"]:
                break
            cursor = {"cursor": page["meta"]["pagination"]["next_cursor"]}
        assert sorted(everybody) == sorted(old)
        world.clock.advance(minutes=2)
        assert Browser().sign_in(client, password=PASSWORD).status == 303
        looked.append(1)

    plain = Resealing._replace

    def looking(self: Resealing, stored: Any, item: Any, values: Any) -> bool:
        done = plain(self, stored, item, values)
        look()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Resealing, "_replace", looking)
        assert job.index_anew(tenant.id) == 3
    look()
    assert len(looked) == 3
    assert not keys & {row_of(world, tenant, each)["email_key"]["S"] for each in old}
    claims = [row["id"]["S"] for row in world.rows_of("access", tenant.id) if row["id"]["S"].startswith("email#")]
    assert len(claims) == 1
    assert found(tenant, EMAIL.upper()) == sorted(old, reverse=True)
    assert tenant.post("/v1/users", {"email": "ada@example.com", "role": "support"}).status == 409
    assert job.index_anew(tenant.id) == 0


def test_15_an_index_job_that_was_cut_off_is_begun_again(
    world: World, tenant: Tenant, job: Resealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it was: what is written meanwhile is found, too, and at the end nothing is under the old key."""
    joined(world, tenant)
    old = tenant.customer(email=EMAIL)
    rotate(tenant)
    for cut in ("_customers", "_users", "_drop_old_claims"):
        with monkeypatch.context() as patch:
            patch.setattr(Resealing, cut, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                job.index_anew(tenant.id)
        assert old in found(tenant)
    new = tenant.customer(email=EMAIL)
    assert found(tenant) == [new, old]
    job.index_anew(tenant.id)
    assert found(tenant) == [new, old]
    assert row_of(world, tenant, old)["email_key"] == row_of(world, tenant, new)["email_key"]
    rows = [row["id"]["S"] for row in world.rows_of("access", tenant.id) if row["id"]["S"].startswith("email#")]
    assert len(rows) == 1
