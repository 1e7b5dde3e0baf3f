"""Issue 15, item 3: an access token in place of a key, whoever issued it; verification is another module's."""

from dataclasses import replace
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.access.caller import Caller, user_caller
from billing.domain.access.scopes import granted
from billing.domain.kernel.errors import Unauthenticated
from billing.services.access.callers import Bearer
from tests.integration.world import Answer, Tenant, World, http_event, request


class Tokens:
    """Knows the tokens that a test gives out."""

    def __init__(self) -> None:
        self.known: dict[str, Bearer] = {}

    def verify(self, token: str) -> Bearer:
        """The token's claims."""
        if token not in self.known:
            raise Unauthenticated("The access token is not ours")
        return self.known[token]

    def give(self, tenant: Tenant, user_id: str, scope: str = "admin") -> str:
        """A token of a user of the tenant's."""
        token = f"t-{tenant.id}-{user_id}"
        caller = user_caller(tenant.id, user_id)
        self.known[token] = Bearer(tenant.id, user_id, caller, granted(scope), f"fam_{user_id}", user_id)
        return token


@pytest.fixture
def tokens(world: World, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    from functions.customers.handler import api

    made = Tokens()
    monkeypatch.setattr(api, "_edge", replace(api._edge, bearers=made))
    return made


def get(token: str, **headers: Any) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(http_event("GET", "/v1/customers", headers={"authorization": f"Bearer {token}", **named}))


def test_a_token_is_let_in_counted_and_audited_as_its_user(world: World, tenant: Tenant, tokens: Tokens) -> None:
    world.writes.clear()
    answer = get(tokens.give(tenant, "usr_1"))
    assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "999")
    assert world.writes == [("UpdateItem", ["callers"]), ("PutItem", ["audit"])]
    assert world.rows_of("audit", tenant.id)[-1]["principal"]["S"] == "usr_1"


def test_a_revoked_grant_is_refused_at_the_next_call(world: World, tenant: Tenant, tokens: Tokens) -> None:
    token, other = tokens.give(tenant, "usr_1"), tokens.give(tenant, "usr_2")
    unit = storage.units().begin(tenant.id)
    caller = Caller(user_caller(tenant.id, "usr_1"), tenant.id, "usr_1", unit.now, lasting=False)
    assert get(token).status == 200
    unit.revoke_grant(caller, "fam_usr_1", unit.now)
    unit.commit()
    assert get(token).status == 401
    assert get(other).status == 200


def test_a_key_and_a_token_are_one_too_many(world: World, tenant: Tenant, tokens: Tokens) -> None:
    """Scenario 21; two of one kind come joined by a comma."""
    token = tokens.give(tenant, "usr_1")
    for headers in (
        {"authorization": f"Bearer {token}", "x-api-key": tenant.key},
        {"authorization": f"bearer {token}", "x-api-key": tenant.key},
        {"authorization": f"Bearer {token},Bearer {token}"},
        {"x-api-key": f"{tenant.key},{tenant.key}"},
    ):
        answer = request(http_event("GET", "/v1/customers", headers=headers))
        assert answer.status == 400
        assert list(answer.bad_fields.values()) == ["more_than_one_credential"]
    basic = {"authorization": "Basic bWU6c2VjcmV0", "x-api-key": tenant.key}  # of a .netrc: no credential of ours
    assert request(http_event("GET", "/v1/customers", headers=basic)).status == 200


def test_a_401_says_what_is_wanted(world: World, tenant: Tenant, tokens: Tokens) -> None:
    assert request(http_event("GET", "/v1/customers")).headers["WWW-Authenticate"] == "Bearer"
    assert request(http_event("GET", "/v1/customers", key="llk_x")).headers["WWW-Authenticate"] == "Bearer"
    assert get("nonsense").headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    token = tokens.give(tenant, "usr_1", "read")
    headers = {"authorization": f"Bearer {token}"}
    answer = request(http_event("POST", "/v1/customers", headers=headers, body='{"name": "A"}', idempotency_key="k"))
    assert answer.status == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="billing:write"'
    assert "WWW-Authenticate" not in tenant.get("/v1/customers").headers


def test_x_user_id_names_the_tokens_own_user(world: World, tenant: Tenant, tokens: Tokens) -> None:
    token = tokens.give(tenant, "usr_1")
    assert get(token, x_user_id="usr_1").status == 200
    assert get(token, x_user_id="usr_2").status == 403
    assert get(token, x_tenant_id="ten_other").error["code"] == "auth.tenant_mismatch"


def test_where_no_tokens_are_issued_none_is_accepted(world: World, tenant: Tenant) -> None:
    assert get("anything").status == 401
