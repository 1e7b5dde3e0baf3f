"""Issue 15: access tokens, users and clients in the first beat; what a unit of work changes of callers."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pynamodb.expressions.update import Update

from billing.domain.access.caller import Caller, Limits, client_caller, user_caller
from billing.domain.access.scopes import Scope, granted, narrowed
from billing.domain.kernel.errors import Forbidden, RateLimited, Unauthenticated
from billing.services.access.callers import Bearer, RateState, RouteLimit
from billing.storage.caller_items import CallerWrites
from billing.storage.callers import Callers, caller_id
from tests.unit.storage.test_callers import QUERIES, START, Clock, FakeDynamo

MINUTE = int(START.timestamp()) // 60
STANDARD = Limits(1000, 333)
READ = frozenset({Scope.BILLING_READ})
USER = Bearer("ten_1", "usr_1", user_caller("ten_1", "usr_1"), READ, "fam_1", user_id="usr_1")
CLIENT = Bearer("ten_1", "cli_1", client_caller("cli_1"), READ, "fam_2")


@pytest.fixture
def dynamo() -> FakeDynamo:
    made = FakeDynamo()
    made.items[CLIENT.caller_id] = {"tenant_id": {"S": "ten_1"}, "status": {"S": "active"}}
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def callers(dynamo: FakeDynamo, clock: Clock) -> Callers:
    database: Any = SimpleNamespace(client=dynamo, call=lambda operation: operation())
    return Callers(database, clock)


def test_a_token_counts_on_its_user_against_the_tiers_limits(callers: Callers, dynamo: FakeDynamo) -> None:
    identity = callers.identify_bearer(USER, STANDARD)
    assert (identity.principal, identity.user_id, identity.scopes) == ("usr_1", "usr_1", READ)
    assert identity.rate == RateState(1000, 999, (MINUTE + 1) * 60)
    assert dynamo.items[USER.caller_id][f"m{MINUTE}"] == {"N": "1"}


def test_a_users_route_limit_is_one_whichever_credential_names_the_user(callers: Callers, dynamo: FakeDynamo) -> None:
    """30 intents a minute hold for a user, half of them by key and x-user-id, half by the user's own token."""
    intents = RouteLimit("i", 30)
    dynamo.items[caller_id("k")] = {
        "tenant_id": {"S": "ten_1"}, "key_id": {"S": "key_1"}, "scope": {"S": "admin"}, "status": {"S": "active"},
        "minute_limit": {"N": "1000"}, "slot_limit": {"N": "333"},
    }  # fmt: skip
    callers.identify("k", intents, "usr_1")
    assert callers.identify_bearer(USER, STANDARD, intents).rate.remaining == 28
    callers.identify_bearer(CLIENT, STANDARD, intents, "usr_1")
    assert dynamo.items[USER.caller_id][f"i{MINUTE}"] == {"N": "3"}


@pytest.mark.parametrize(
    ("bearer", "item"),
    [
        (USER, {"rfam_1": {"N": "1"}}),
        (USER, {"status": {"S": "disabled"}}),
        (CLIENT, {"status": {"S": "active"}, "rfam_2": {"N": "1"}}),
        (CLIENT, {"status": {"S": "revoked"}}),
        (CLIENT, {}),
    ],
)
def test_a_revoked_grant_or_a_disabled_caller_is_refused_by_the_same_update(
    callers: Callers, dynamo: FakeDynamo, bearer: Bearer, item: dict[str, Any]
) -> None:
    dynamo.items[bearer.caller_id] = item
    dynamo.refuses = True
    with pytest.raises(Unauthenticated, match="revoked"):
        callers.identify_bearer(bearer, STANDARD)


def test_another_grants_revocation_is_nothing_to_it(callers: Callers, dynamo: FakeDynamo) -> None:
    dynamo.items[USER.caller_id] = {"rfam_9": {"N": "1"}, f"m{MINUTE}": {"N": "1000"}}
    dynamo.refuses = True
    with pytest.raises(RateLimited) as refused:
        callers.identify_bearer(USER, STANDARD)
    assert refused.value.caller == ("ten_1", "usr_1", READ)


def test_a_revocation_stays_until_no_token_can_be_good_and_goes_then(
    callers: Callers, dynamo: FakeDynamo, clock: Clock
) -> None:
    """An hour and the leeway: until then no clean-up of old counters takes it along."""
    until = int(START.timestamp()) + 3_660
    dynamo.items[USER.caller_id] = {"rfam_9": {"N": str(until)}, "m100": {"N": "3"}}
    for _ in range(3):
        callers.identify_bearer(USER, STANDARD)
    assert "rfam_9" in dynamo.items[USER.caller_id]
    assert "m100" not in dynamo.items[USER.caller_id]
    clock.now = START + timedelta(seconds=3_661)
    callers.identify_bearer(USER, STANDARD)
    callers.identify_bearer(USER, STANDARD)
    assert "rfam_9" not in dynamo.items[USER.caller_id]


def test_a_token_of_a_grant_whose_revocation_is_about_to_go_is_refused_still(
    callers: Callers, dynamo: FakeDynamo
) -> None:
    """One update cannot ask for an attribute's absence and remove it: DynamoDB would take it, and the call with it."""
    dynamo.items[USER.caller_id] = {"rfam_1": {"N": "1"}}
    callers._stale[USER.caller_id] = ["rfam_1"]
    callers.identify_bearer(USER, STANDARD)
    assert dynamo.removed[-1] == []


def test_a_disabled_user_is_not_let_in_by_a_keys_x_user_id(callers: Callers, dynamo: FakeDynamo) -> None:
    dynamo.items[USER.caller_id] = {"status": {"S": "disabled"}}
    dynamo.refuses = True
    with pytest.raises(Forbidden, match="disabled"):
        callers._count_user(USER.caller_id, START, QUERIES, RateState(1, 1, 1), ("ten_1", "key_1", READ))


def test_a_narrower_key_has_what_its_word_and_its_list_both_grant() -> None:
    assert narrowed("write", "billing:read billing:admin") == READ
    assert narrowed("read", None) == granted("read")
    assert narrowed("admin", "") == frozenset()


# What a unit of work writes


def user(status: str = "active") -> Caller:
    return Caller(USER.caller_id, "ten_1", "usr_1", START, status=status, lasting=False)


def key(**fields: Any) -> Caller:
    return Caller("key#1", "ten_1", "key_1", START, scope="admin", limits=STANDARD, **fields)


def update_of(writes: CallerWrites) -> str:
    """The one update: names and values in their places."""
    ((_, actions, _),) = writes.updates(datetime(2026, 12, 1, tzinfo=UTC))
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    text = Update(*actions).serialize(names, values) or ""
    by_placeholder = {placeholder: name for name, placeholder in names.items()}
    text = re.sub(r"#\d+", lambda m: by_placeholder[m[0]], text)
    return re.sub(r":\d+", lambda m: next(iter(values[m[0]].values())), text)


def test_a_key_is_put_once_and_then_updated_in_place() -> None:
    writes = CallerWrites()
    writes.state(key(), is_new=True)
    assert len(writes.puts()) == 1
    assert writes.updates(START) == []
    writes = CallerWrites()
    writes.state(key(status="revoked"), is_new=False)
    assert writes.puts() == []
    assert "status = revoked" in update_of(writes)


def test_a_disabled_users_item_stays_and_an_active_ones_may_expire() -> None:
    writes = CallerWrites()
    writes.state(user("disabled"), is_new=False)
    assert update_of(writes) == "SET status = disabled REMOVE expires_at"
    writes = CallerWrites()
    writes.state(user(), is_new=False)
    assert "REMOVE status" in update_of(writes)
    assert "SET expires_at" in update_of(writes)


@pytest.mark.parametrize(("status", "kept"), [("active", 1), ("disabled", 0)])
def test_what_is_stated_and_what_is_revoked_of_a_caller_is_one_update(status: str, kept: int) -> None:
    """A transaction may touch an item once; and an item that revokes outlives the tokens, whatever it was."""
    for also_stated in (True, False):
        writes = CallerWrites()
        if also_stated:
            writes.state(user(status), is_new=False)
        writes.revoke_grant(user(status), "fam_1", START)
        writes.revoke_grant(user(status), "fam_2", START)
        text = update_of(writes)
        assert text.count("rfam_1 = ") == text.count("rfam_2 = ") == 1
        assert text.count("expires_at = ") == kept
