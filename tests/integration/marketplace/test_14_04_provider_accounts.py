"""Issue 14, 4: a tenant becomes a provider: account, onboarding, schedule, another account."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.access.api_key import ApiKey
from billing.domain.kernel.due import Due, is_payout_shard
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import ProviderBalance, account_id, opened
from billing.services.kernel.work import Ref
from tests.integration.marketplace.connect import PATH, VISIT, become, deliver, deliver_all, events, onboard
from tests.integration.world import Json, Tenant, World

CREATE = "/v1/accounts$"


def at_stripe(world: World, tenant: Tenant) -> list[Json]:
    """The tenant's accounts there."""
    found = [each.to_dict() for each in world.stripe.v1.accounts.list({"limit": 100}).auto_paging_iter()]
    return [each for each in found if each["metadata"].get("tenant_id") == tenant.id]


def given_balance(world: World, tenant: Tenant, **fields: Any) -> ProviderBalance:
    """The tenant has an account with a marketplace, as the first release would make it."""
    unit = storage.units().begin(tenant.id)
    head = unit.save(replace(opened(tenant.id, "ten_shop", "USD", world.clock()), **fields))
    unit.commit()
    return head


def balance(tenant: Tenant) -> ProviderBalance:
    unit = storage.units().begin(tenant.id)
    ref = Ref(ProviderBalance, tenant.id, account_id("ten_shop", "USD"))
    return unit.load(ref).require(ref)


def test_a_tenant_becomes_a_provider_and_goes_through_onboarding(world: World, tenant: Tenant) -> None:
    assert tenant.get(PATH).status == 404
    made = become(tenant, email="ada@provider.example", **VISIT)
    assert made["onboarding"]["url"].startswith("https://connect.stripe.com/")
    assert (made["ready"], made["account"]["detailsSubmitted"]) == (False, False)
    assert "external_account" in made["account"]["currentlyDue"]
    assert made["schedule"] == {"interval": "weekly", "weekday": 1, "monthDay": None}
    onboard(world, tenant)
    seen = tenant.get(PATH).data
    assert (seen["ready"], seen["account"]["currentlyDue"], seen["onboarding"]) == (True, [], None)
    assert seen["account"]["banks"] == [
        {"currency": "USD", "last4": "6789", "bankName": "STRIPE TEST BANK", "errored": False}
    ]
    types = [row["type"]["S"] for row in world.rows_of("events", tenant.id)]
    assert "provider_account.updated" in types


def test_what_is_due_and_why_it_is_held_back_are_told(world: World, tenant: Tenant) -> None:
    become(tenant)
    onboard(world, tenant)
    account = tenant.get(PATH).data["account"]["id"]
    world.sandbox.post(f"accounts/{account}/require", currently_due=["business_profile.url"], past_due=True)
    deliver_all(world, account)
    seen = tenant.get(PATH).data
    assert (seen["ready"], seen["account"]["disabledReason"]) == (False, "requirements.past_due")
    assert seen["account"]["currentlyDue"] == ["business_profile.url"]


def test_a_crash_before_the_commit_finds_the_same_account_again(world: World, tenant: Tenant) -> None:
    """Stripe made it and nobody heard: another request, under another key, gets the same one."""
    world.sandbox.post("faults", kind="status_after", method="POST", path=CREATE, status=500, times=2)
    assert tenant.post(PATH, {"country": "US"}).status == 503
    assert tenant.get(PATH).status == 404
    made = become(tenant)
    assert [each["id"] for each in at_stripe(world, tenant)] == [made["account"]["id"]]


def test_the_same_request_again_gets_the_same_answer_and_another_one_a_conflict(world: World, tenant: Tenant) -> None:
    first = tenant.post(PATH, {"country": "US"}, idempotency_key="once")
    again = tenant.post(PATH, {"country": "US"}, idempotency_key="once")
    assert again.json == first.json
    assert tenant.post(PATH, {"country": "US"}).error["code"] == "resource.already_exists"
    assert len(at_stripe(world, tenant)) == 1


def test_a_country_that_stripe_does_not_serve(tenant: Tenant) -> None:
    answer = tenant.post(PATH, {"country": "KP", "email": "ada@provider.example"})
    assert (answer.status, answer.error["code"]) == (422, "provider_account.refused")
    assert answer.bad_fields == {"account": "country_unsupported"}


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "country", "missing_required_field"),
        ({"country": "US", "accountId": "acct_1x"}, "country", "not_with_account_id"),
        ({"country": "US", "returnUrl": "https://p.example"}, "refreshUrl", "missing_required_field"),
        ({"country": "US", "schedule": {"interval": "daily", "weekday": 2}}, "schedule.weekday", "only_for_weekly"),
        ({"country": "US", "schedule": {"interval": "daily", "monthDay": 2}}, "schedule.monthDay", "only_for_monthly"),
    ],
)
def test_what_makes_no_sense_is_named(tenant: Tenant, body: Json, field: str, reason: str) -> None:
    answer = tenant.post(PATH, body)
    assert (answer.status, answer.bad_fields) == (400, {field: reason})


def test_c26_an_account_whose_losses_stripe_bears_is_refused(world: World, tenant: Tenant) -> None:
    params: Any = {"type": "standard", "country": "US", "metadata": {"tenant_id": tenant.id}}
    theirs = world.stripe.v1.accounts.create(params).id
    answer = tenant.post(PATH, {"accountId": theirs})
    assert (answer.status, answer.bad_fields) == (422, {"account": "losses_borne_by_stripe"})


def test_another_tenants_account_cannot_be_taken_over(world: World, tenant: Tenant) -> None:
    other = world.tenant()
    theirs = become(other)["account"]["id"]
    answer = tenant.post(PATH, {"accountId": theirs})
    assert (answer.status, answer.bad_fields) == (422, {"account": "account_invalid"})
    assert tenant.get(PATH).status == 404


def test_links(world: World, tenant: Tenant) -> None:
    assert tenant.post(f"{PATH}/link", VISIT).status == 404
    become(tenant)
    link = tenant.post(f"{PATH}/link", VISIT)
    assert link.status == 201
    assert set(link.data) == {"url", "expiresAt"}
    refused = tenant.post(f"{PATH}/login-link")
    assert (refused.status, refused.error["code"]) == (409, "provider_account.invalid_state")
    onboard(world, tenant)
    assert tenant.post(f"{PATH}/login-link").data["url"].startswith("https://connect.stripe.com/express/")
    assert tenant.post(f"{PATH}/link", {"returnUrl": "ftp://x", "refreshUrl": "https://x.example"}).status == 400


# When it is paid


OWED = Money(5_000_000, "USD")


def test_another_schedule_has_every_balance_looked_at_anew(world: World, tenant: Tenant) -> None:
    """The payout worker then finds out when it is due; what owes nothing needs no look."""
    become(tenant)
    later = world.clock() + timedelta(days=5)
    given_balance(world, tenant, balance=OWED, due=Due("p00", later), next_payout_at=later)
    changed = tenant.patch(PATH, {"schedule": {"interval": "monthly", "monthDay": 31}, "minimums": {"USD": 25_000_000}})
    assert (changed.status, changed.data["minimums"]) == (200, {"USD": 25_000_000})
    assert changed.data["schedule"] == {"interval": "monthly", "weekday": None, "monthDay": 31}
    head = balance(tenant)
    assert head.due is not None
    assert head.due.at <= world.clock()
    assert is_payout_shard(head.due.shard)
    assert head.next_payout_at is None


def test_a_balance_with_nothing_to_pay_is_due_no_more(world: World, tenant: Tenant) -> None:
    become(tenant)
    given_balance(world, tenant, due=Due("p00", world.clock()))
    tenant.patch(PATH, {"schedule": {"interval": "manual"}})
    assert balance(tenant).due is None


def test_a_test_clock_has_the_schedule_run_in_its_time(world: World, tenant: Tenant, clock: str) -> None:
    become(tenant)
    given_balance(world, tenant, balance=OWED)
    assert tenant.patch(PATH, {"testClockId": clock}).data["testClockId"] == clock
    assert balance(tenant).due is not None
    assert tenant.patch(PATH, {"testClockId": "clk_none"}).status == 404
    assert tenant.patch(PATH, {"testClockId": None}).data["testClockId"] is None


def test_a_live_tenant_has_no_test_clock(world: World) -> None:
    live = world.tenant(mode="live")
    answer = live.post(PATH, {"country": "US", "testClockId": "clk_1"})
    assert (answer.status, answer.error["code"]) == (403, "test_clock.live_tenant")


def test_a_change_of_minimums_alone_leaves_what_is_due(world: World, tenant: Tenant) -> None:
    become(tenant)
    at = Due("p00", world.clock())
    given_balance(world, tenant, due=at)
    tenant.patch(PATH, {"minimums": {"USD": 1_000_000}})
    assert balance(tenant).due == at


def test_nothing_changed_is_nothing_written(world: World, tenant: Tenant) -> None:
    become(tenant)
    version = tenant.get(PATH).data["version"]
    assert tenant.patch(PATH, {"schedule": {"interval": "weekly"}}).data["version"] == version


# Another account


def test_c16_an_account_that_a_payout_is_on_its_way_to_is_not_replaced(world: World, tenant: Tenant) -> None:
    become(tenant)
    given_balance(world, tenant, open_payout_id="po_1")
    answer = tenant.patch(PATH, {"replacement": {"country": "DE"}})
    assert (answer.status, answer.error["code"]) == (409, "provider_account.invalid_state")
    assert len(at_stripe(world, tenant)) == 1


def test_an_account_is_replaced_and_the_old_one_remembered(world: World, tenant: Tenant) -> None:
    old = become(tenant)["account"]["id"]
    before = given_balance(world, tenant)
    answer = tenant.patch(PATH, {"replacement": {"country": "DE"}})
    assert answer.status == 200
    new = answer.data["account"]
    assert new["id"] != old
    assert (answer.data["country"], new["defaultCurrency"], answer.data["retiredAccounts"]) == ("DE", "EUR", [old])
    # A payout that was being begun to the old one has lost the race: the balance's version has moved.
    assert balance(tenant).version == before.version + 1
    again = tenant.patch(PATH, {"replacement": {"accountId": old}})
    assert (again.data["account"]["id"], again.data["retiredAccounts"]) == (old, [new["id"]])


def test_c32_after_it_was_taken_away_another_one_is_opened(world: World, tenant: Tenant) -> None:
    old = become(tenant)["account"]["id"]
    onboard(world, tenant)
    last = events(world, old, "account.updated")[-1]
    world.sandbox.post(f"accounts/{old}/deauthorize")
    gone = last | {"id": "evt_deauthorized", "type": "account.application.deauthorized"}
    assert deliver(world, gone) == (200, "applied")
    seen = tenant.get(PATH).data
    assert (seen["account"], seen["ready"], seen["retiredAccounts"]) == (None, False, [old])
    refused = tenant.post(f"{PATH}/link", VISIT)
    assert (refused.status, refused.error["code"]) == (409, "provider_account.invalid_state")
    new = become(tenant)
    assert new["account"]["id"] != old
    assert new["retiredAccounts"] == [old]


# Who may, and what is said


def test_a_key_that_writes_does_not_say_where_money_goes(world: World, tenant: Tenant) -> None:
    writer = replace(tenant, key=_writers_key(tenant))
    for answer in (
        writer.post(PATH, {"country": "US"}),
        writer.patch(PATH, {"schedule": {"interval": "daily"}}),
        writer.post(f"{PATH}/link", VISIT),
        writer.post(f"{PATH}/login-link"),
    ):
        assert (answer.status, answer.error["code"]) == (403, "auth.forbidden")
    assert writer.get(PATH).status == 404


def _writers_key(tenant: Tenant) -> str:
    unit = storage.units().begin(tenant.id)
    digest = sha256(b"a writer of " + tenant.id.encode()).hexdigest()
    key = f"llk_{digest[:43]}"
    unit.save(
        ApiKey(
            unit.fresh_id("key"), tenant.id, sha256(key.encode()).hexdigest(), "writer", "write", 1000, 333, unit.now
        )
    )
    unit.commit()
    return key


def test_nothing_personal_is_logged_or_stored_in_the_clear(world: World, tenant: Tenant) -> None:
    become(tenant, email="ada@provider.example")
    onboard(world, tenant)
    assert "ada@" not in world.logs.text
    assert "ada@" not in world.everything_of(tenant.id)
