"""Issue 21, number 2: the books added up, keys rotated, tenants suspended, each with its row in the audit log."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.storage.packing import unpack
from tests.integration.operations.conftest import Run
from tests.integration.operations.test_21_parked import audit_of
from tests.integration.world import Tenant, World

NEXT = "alias/ledgerline-dev-next-signing-key"
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at(world: World) -> None:
    world.clock.reset()
    world.clock.freeze(NOW)


def test_the_books_of_a_tenant_are_added_up_entry_by_entry(world: World, tenant: Tenant, operate: Run) -> None:
    tenant.subscribe("pm_card_visa")
    world.clock.advance(seconds=1)
    shown = operate("trial-balance", tenant.id)
    entries = len(world.rows_of("ledger", tenant.id))
    assert (shown.exit_code, shown.output.splitlines()[-1]) == (0, f"{tenant.id}: {entries} entries, balanced")
    rows = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in shown.output.splitlines()]
    assert ["receivable", "", "549.99 USD", "549.99 USD", "0.00 USD"] in rows
    assert f"{tenant.id}: {entries} entries, balanced" in operate("trial-balance").output  # of all
    assert operate("trial-balance", "ten_unknown").exit_code == 1
    assert [row[2] for row in audit_of(world, tenant.id)] == ["operations trial-balance"] * 2


def test_the_books_of_a_test_clock_reach_to_its_own_time(
    world: World, tenant: Tenant, clock: str, customer: str, operate: Run
) -> None:
    """It is months ahead of the wall clock's."""
    tenant.subscribe("pm_card_visa", customerId=customer)
    assert f"{tenant.id}: 0 entries, balanced" in operate("trial-balance", tenant.id).output
    shown = operate("trial-balance", tenant.id, "--clock", clock).output
    entries = len(world.rows_of("ledger", tenant.id))
    assert shown.splitlines()[-1] == f"{tenant.id}: {entries} entries, balanced"
    assert operate("trial-balance", tenant.id, "--clock", "clk_unknown").exit_code == 1
    assert operate("trial-balance", "--clock", clock).exit_code == 2


def test_an_entry_that_somebody_changed_is_found(world: World, tenant: Tenant, operate: Run) -> None:
    tenant.subscribe("pm_card_visa")
    world.clock.advance(seconds=1)
    row = next(each for each in world.rows_of("ledger", tenant.id) if "549990" in unpack(each["body"]["S"]))
    row["body"]["S"] = unpack(row["body"]["S"]).replace("549990", "549980", 1)
    world.aws("dynamodb").put_item(TableName=world.tables["ledger"], Item=row)
    found = operate("trial-balance", tenant.id)
    assert (found.exit_code, "does not balance" in found.output) == (1, True)


def test_a_suspended_tenant_is_refused_until_it_is_taken_in_again(world: World, tenant: Tenant, operate: Run) -> None:
    before = Counter(row[2:] for row in audit_of(world, "platform"))
    assert "would be suspended" in operate("tenant", "suspend", tenant.id, "--dry-run").output
    world.clock.advance(seconds=61)
    assert tenant.get("/v1/customers").status == 200
    for _ in range(2):
        assert f"{tenant.id} is suspended" in operate("tenant", "suspend", tenant.id).output
    world.clock.advance(seconds=61)
    assert tenant.get("/v1/customers").status == 403
    assert operate("tenant", "resume", tenant.id).exit_code == 0
    world.clock.advance(seconds=61)
    assert tenant.get("/v1/customers").status == 200
    assert operate("tenant", "suspend", "platform").exit_code == 1
    assert operate("tenant", "suspend", "ten_unknown").output == "error: tenant suspend: No tenant ten_unknown\n"
    assert Counter(row[2:] for row in audit_of(world, "platform")) - before == {
        (f"operations tenant suspend {tenant.id} --dry-run", "200"): 1,
        (f"operations tenant suspend {tenant.id}", "200"): 2,
        (f"operations tenant resume {tenant.id}", "200"): 1,
        ("operations tenant suspend platform", "400"): 1,
        ("operations tenant suspend ten_unknown", "404"): 1,
    }


def test_a_data_key_is_rotated_once_however_often_it_is_asked_for(world: World, tenant: Tenant, operate: Run) -> None:
    customer = tenant.customer(name="Ada")
    assert "would have 2 data keys" in operate("rotate-keys", "data", tenant.id, "--dry-run").output
    done = operate("rotate-keys", "data", tenant.id).output
    assert f"has 2 data keys; in two minutes: python -m operations reseal --stack ledgerline-dev {tenant.id}" in done
    assert "nothing to do" in operate("rotate-keys", "data", tenant.id).output
    world.clock.advance(minutes=11)
    assert "has 3 data keys" in operate("rotate-keys", "data", tenant.id).output
    world.clock.advance(seconds=61)
    assert tenant.get(f"/v1/customers/{customer}").data["name"] == "Ada"
    assert len(storage.tenants().data_keys(tenant.id)) == 3


def test_a_platform_key_has_a_successor_that_is_shown_once(world: World, operate: Run) -> None:
    platform = world.platform()
    made = platform.post("/v1/api-keys", {"name": "Deploys", "scope": "platform"}).data
    assert "would get a successor" in operate("rotate-keys", "platform", made["id"], "--dry-run").output
    key_id, text = operate("rotate-keys", "platform", made["id"], "--overlap", "0").output.strip().split(": ")
    assert Tenant(world, "platform", text, {}).get("/v1/tenants").status == 200
    assert Tenant(world, "platform", made["key"], {}).get("/v1/tenants").status == 401
    assert (f"operations rotate-keys platform {made['id']}", "200") in [row[2:] for row in audit_of(world, "platform")]
    again = operate("rotate-keys", "platform", made["id"])
    assert (again.exit_code, key_id in again.output) == (1, False)


def test_a_run_that_was_cut_off_leaves_its_signing_key_to_the_next(
    world: World, operate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing.bootstrap import oauth

    world.clock.reset()  # the first key was made in the session's real time
    before = len(oauth.signing().keys().keys)
    made = len(world.aws("kms").list_keys()["Keys"])
    assert "would be made" in operate("rotate-keys", "signing", "--dry-run").output
    with monkeypatch.context() as killed:
        killed.setattr(oauth.signing().__class__, "rotate", _killed)
        assert operate("rotate-keys", "signing").exit_code == 130
    published = operate("rotate-keys", "signing").output.removeprefix("published: ").split(", ")
    assert (len(published), len(world.aws("kms").list_keys()["Keys"])) == (before + 1, made + 1)
    refused = operate("rotate-keys", "signing")
    assert (refused.exit_code, "waiting for its time" in refused.output) == (1, True)
    world.clock.advance(minutes=16)
    assert oauth.signing().keys().signing(world.clock()).kid == published[-1].strip()


def nothing_waits(world: World) -> Any:
    """Neither a key under the alias nor one before its time; the key service."""
    from billing.bootstrap import oauth

    world.clock.freeze(max(each.signs_from for each in oauth.signing().keys().keys) + timedelta(minutes=1))
    kms = world.aws("kms")
    for each in kms.list_aliases()["Aliases"]:
        if each["AliasName"] == NEXT:
            kms.delete_alias(AliasName=NEXT)
    return kms


def test_a_run_that_was_cut_off_before_its_grant_names_its_key_and_the_next_one_grants(
    world: World, operate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing.bootstrap import oauth

    kms = nothing_waits(world)
    made = len(kms.list_keys()["Keys"])
    with monkeypatch.context() as killed:
        killed.setattr(kms, "create_grant", _killed)
        assert operate("rotate-keys", "signing").exit_code == 130
    assert operate("rotate-keys", "signing").exit_code == 0
    oauth.signing().forget()
    assert len(kms.list_keys()["Keys"]) == made + 1
    (grant,) = kms.list_grants(KeyId=oauth.signing().keys().keys[-1].key_id)["Grants"]
    assert sorted(grant["Operations"]) == ["GetPublicKey", "Sign"]


def test_a_key_that_is_entered_already_is_not_entered_again(
    world: World, operate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run was cut off after its commit; then its key leaks, and what signs at once has to be another one."""
    from billing.bootstrap import oauth

    kms = nothing_waits(world)
    with monkeypatch.context() as killed:
        killed.setattr(kms, "delete_alias", _killed)
        assert operate("rotate-keys", "signing").exit_code == 130
    oauth.signing().forget()
    leaked = oauth.signing().keys().keys[-1]
    world.clock.advance(minutes=16)
    assert operate("rotate-keys", "signing", "--now").exit_code == 0
    (signs,) = oauth.signing().keys().keys
    assert leaked.kid != signs.kid
    assert leaked.key_id != signs.key_id
    assert NEXT not in str(kms.list_aliases()["Aliases"])


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
