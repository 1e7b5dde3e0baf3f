"""Issue 15, item 8, and scenario 22: a tenant's data key is rotated; nothing becomes unreadable, nobody unfindable."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.access.api_key import ApiKey
from billing.domain.customers.customer import Customer
from billing.domain.kernel.errors import LostRace, Unavailable
from billing.domain.tenant import SETTINGS_ID
from billing.domain.tenant import Tenant as Settings
from billing.services.access.keys import signing_place
from billing.services.kernel.work import Ref
from billing.services.tenants import Tenants
from billing.storage.database import Database
from tests.integration.access.test_privacy import readable
from tests.integration.lambdas import Answer
from tests.integration.world import Json, Tenant, World

EMAIL = "anneliese.zwickelbauer@private.example"


def path(tenant: Tenant) -> str:
    return f"/v1/tenants/{tenant.id}/data-key/rotate"


def rotate(tenant: Tenant, by: Tenant | None = None, **more: Any) -> Answer:
    """After it, every worker knows: the minute of the settings is over."""
    answer = (by or tenant).post(path(tenant), **more)
    tenant.world.clock.advance(seconds=61)
    return answer


def row_of(world: World, tenant: Tenant, customer: str) -> Json:
    (row,) = [row for row in world.rows_of("customers", tenant.id) if row["id"]["S"] == customer]
    return row


def numbers(row: Json) -> set[str]:
    """Under which keys the personal fields of a customer are sealed."""
    body = json.loads(row["body"]["S"])
    return {body[name].split(".")[1] for name in ("name", "email")}


def found(tenant: Tenant, email: str = EMAIL) -> list[str]:
    return [each["id"] for each in tenant.get("/v1/customers", email=email).data]


def stored_keys(world: World, tenant: Tenant) -> tuple[str, ...]:
    return storage.tenants()._read(tenant.id).data_keys


def test_15_scenario_22_customers_of_before_and_after_are_found_by_their_email(world: World, tenant: Tenant) -> None:
    before = tenant.customer(email=EMAIL)
    answer = rotate(tenant)
    assert (answer.status, answer.data["id"], answer.data["number"]) == (201, tenant.id, 2)
    after = tenant.customer(email=EMAIL.upper())
    assert found(tenant) == [after, before]
    assert [numbers(row_of(world, tenant, each)) for each in (before, after)] == [{"1"}, {"2"}]
    assert {tenant.get(f"/v1/customers/{each}").data["email"].lower() for each in (before, after)} == {EMAIL}
    stored = world.everything_of(tenant.id)
    assert not any(readable(stored, each) for each in (EMAIL, "Zwickelbauer", "anneliese.z"))


def test_15_what_is_written_again_is_sealed_under_the_newest_key(world: World, tenant: Tenant) -> None:
    """Also the fields that did not change, and the index leads to it as before."""
    customer = tenant.customer(email=EMAIL)
    key = row_of(world, tenant, customer)["email_key"]
    rotate(tenant)
    tenant.patch(f"/v1/customers/{customer}", {"metadata": {"tier": "gold"}})
    row = row_of(world, tenant, customer)
    assert (numbers(row), row["email_key"]) == ({"2"}, key)
    assert found(tenant) == [customer]


def test_15_a_worker_that_missed_the_rotation_reads_and_loses_nothing(world: World, tenant: Tenant) -> None:
    directory = storage.tenants()
    directory.get(tenant.id)
    missed = replace(directory._cached[tenant.id], until=directory._cached[tenant.id].until + 3_600)
    rotate(tenant)
    customer = tenant.customer(email=EMAIL)
    assert numbers(row_of(world, tenant, customer)) == {"2"}
    directory._cached[tenant.id] = missed  # in place: the directory for strangers has the same
    late = tenant.customer()  # it seals under the key before, which is as good
    assert numbers(row_of(world, tenant, late)) == {"1"}
    assert tenant.get(f"/v1/customers/{customer}").data["email"] == EMAIL
    assert tenant.patch(f"/v1/tenants/{tenant.id}", {"name": "Acme 2"}).status == 200
    assert len(stored_keys(world, tenant)) == 2


def test_15_answers_events_and_cursors_of_before_still_open(world: World, tenant: Tenant) -> None:
    body = {"name": "Ada", "email": EMAIL}
    first = tenant.post("/v1/customers", body, idempotency_key="before").data
    tenant.customer()
    page = tenant.get("/v1/customers", limit=1).json["meta"]["pagination"]["next_cursor"]
    rotate(tenant)
    assert tenant.post("/v1/customers", body, idempotency_key="before").data == first
    assert tenant.get("/v1/customers", limit=1, cursor=page).data[0]["id"] == first["id"]
    opened = storage.vault().open
    events = world.rows_of("events", tenant.id)
    assert events
    assert all(opened(tenant.id, f"event/{row['id']['S']}", row["body"]["S"]) for row in events)


def test_15_a_key_that_signs_requests_signs_them_after_a_rotation(tenant: Tenant) -> None:
    """Its secret is sealed within the key, which is not written again by that."""
    made = tenant.post("/v1/api-keys", {"name": "signer", "scope": "read", "requireSignature": True}).data
    rotate(tenant)
    stored = storage.units().begin(tenant.id)

    ref = Ref(ApiKey, tenant.id, made["id"])
    sealed = stored.load(ref).require(ref).sealed_signing_secret
    assert storage.vault().open(tenant.id, signing_place(made["id"]), sealed or "") == made["signingSecret"]


def test_15_the_same_request_rotates_once(world: World, tenant: Tenant) -> None:
    answers = [rotate(tenant, idempotency_key="rotate-once") for _ in range(3)]
    assert [answer.data["number"] for answer in answers] == [2, 2, 2]
    assert len(stored_keys(world, tenant)) == 2
    assert rotate(tenant).data["number"] == 3


def test_15_who_may_rotate(world: World, tenant: Tenant) -> None:
    """The tenant's administrator and the platform; each call leaves its audit row, with no key in it."""
    weak = replace(tenant, key=tenant.post("/v1/api-keys", {"name": "w", "scope": "write"}).data["key"])
    assert rotate(tenant, by=weak).status == 403
    assert rotate(tenant, by=world.tenant()).error["code"] == "auth.tenant_mismatch"
    answer = rotate(tenant, by=world.platform())
    assert (answer.status, answer.data["number"]) == (201, 2)
    assert rotate(tenant).status == 201
    route = "POST /v1/tenants/{tid}/data-key/rotate"
    rows = [row for row in world.rows_of("audit", tenant.id) if row["route"]["S"] == route]
    assert [row["status"]["N"] for row in rows] == ["403", "201"]
    assert not any(key in json.dumps(rows) + answer.content.decode() for key in stored_keys(world, tenant))


def test_15_the_platforms_own_key_is_rotated_likewise(world: World) -> None:
    """Its cursors, among others, are sealed under it."""
    platform = world.platform()
    world.tenant(), world.tenant()
    page = platform.get("/v1/audit-log", limit=1).json["meta"]["pagination"]["next_cursor"]
    before = len(storage.tenants()._read("platform").data_keys)
    assert rotate(platform).data["number"] == before + 1
    assert platform.get("/v1/audit-log", limit=1, cursor=page).status == 200
    assert platform.get("/v1/audit-log", limit=1).json["meta"]["pagination"]["next_cursor"].startswith("v3.")


def test_15_a_tenants_own_personal_data_is_sealed_under_its_newest_key(world: World) -> None:
    tenant = world.tenant(email="books@acme.example")
    rotate(tenant)
    (row,) = [each for each in world.rows_of("tenants", tenant.id) if each["item"]["S"] == SETTINGS_ID]
    assert json.loads(row["body"]["S"])["email"].startswith("v3.2.")
    assert tenant.get(f"/v1/tenants/{tenant.id}").data["email"] == "books@acme.example"


# Races, and a crash between


def load(tenant: Tenant) -> tuple[Any, Settings]:
    unit = storage.units().begin(tenant.id)
    ref = Ref(Settings, tenant.id, SETTINGS_ID)
    return unit, unit.load(ref).require(ref)


@pytest.mark.parametrize(
    "other", [lambda each: replace(each, name="Acme 2"), lambda each: each.rotated("AAAA", each.created_at)]
)
def test_15_a_change_decided_before_a_rotation_does_not_lose_its_key(
    world: World, tenant: Tenant, other: Callable[[Settings], Settings]
) -> None:
    """Whoever read the tenant before would store it without the new key: all that is under that would be lost."""
    unit, before = load(tenant)
    rotate(tenant)
    keys = stored_keys(world, tenant)
    unit.save(other(before))
    with pytest.raises(LostRace):
        unit.commit()
    assert stored_keys(world, tenant) == keys


def test_15_a_crash_between_key_and_commit_leaves_all_as_it_was(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KMS made a key that nobody knows: nothing was sealed under it, and the same request goes through later."""
    customer = tenant.customer(email=EMAIL)
    keys = stored_keys(world, tenant)

    def down(*_: Any) -> None:
        raise Unavailable("The database is busy", retry_after_s=1)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transact", down)
        assert tenant.post(path(tenant), idempotency_key="again-later").status == 503
    assert stored_keys(world, tenant) == keys
    assert numbers(row_of(world, tenant, tenant.customer())) == {"1"}
    assert rotate(tenant, idempotency_key="again-later").data["number"] == 2
    assert found(tenant) == [customer]


def test_15_a_rotation_that_stands_though_its_answer_was_lost_is_not_made_again(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Database.transact

    def lost(self: Database, *args: Any) -> None:
        plain(self, *args)
        raise Unavailable("The database is busy", retry_after_s=1)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transact", lost)
        assert tenant.post(path(tenant), idempotency_key="lost").status == 503
    assert rotate(tenant, idempotency_key="lost").data["number"] == 2
    assert len(stored_keys(world, tenant)) == 2


def test_15_the_staged_keys_seal_what_the_same_transaction_writes(world: World, tenant: Tenant) -> None:
    """A unit that rotates and saves a customer: the customer is under the new key, and everybody can read it."""
    unit, before = load(tenant)
    Tenants(storage.vault().new_data_key, lambda _: "").rotate_data_key(unit, tenant.id)

    customer = tenant.data["defaultCustomerId"]
    ref = Ref(Customer, tenant.id, customer)
    unit.save(replace(unit.load(ref).require(ref), email=EMAIL))
    unit.commit()
    assert json.loads(row_of(world, tenant, customer)["body"]["S"])["email"].startswith("v3.2.")
    assert found(tenant) == [customer]
    assert len(before.data_keys) == 1
