"""Issue 15: a user's own page shows all that is good, and says what was done."""

import pytest

from tests.integration.access.browser import Browser
from tests.integration.access.oauth import app, user
from tests.integration.access.test_15_own_account import person_of
from tests.integration.world import Tenant, World


def test_15_what_is_good_is_shown_behind_any_number_of_what_has_ended(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that asks each hour makes a hundred grants in four days; the one before them still acts."""
    person, client, often = person_of(world, tenant), app(tenant), app(tenant)
    client.tokens(person)
    (first,) = [each["id"] for each in tenant.get(f"/v1/users/{person.id}/grants").data]
    for _ in range(3):
        world.clock.advance(seconds=1)
        often.tokens(person)
        (newest, *_) = tenant.get(f"/v1/users/{person.id}/grants").data
        assert tenant.delete(f"/v1/users/{person.id}/grants/{newest['id']}").status == 200
    monkeypatch.setattr("billing.services.access.users._PAGE", 1)
    assert [each["id"] for each in tenant.get(f"/v1/users/{person.id}/grants").data] == [first]
    browser = Browser()
    browser.sign_in(client)
    assert first in browser.get("/oauth2/account").content.decode()
    world.clock.advance(seconds=1)
    for _ in range(2):
        Browser().sign_in(client)
    assert len(tenant.get(f"/v1/users/{person.id}/sessions").data) == 3


def test_15_the_page_says_done_of_nothing_that_was_not_done(world: World, tenant: Tenant) -> None:
    """Another user's grant and session, one that there is not, and nothing at all: whoever is told so stops looking."""
    person_of(world, tenant)
    client = app(tenant)
    other = user(world, tenant, email="b@example.com")
    issued = client.tokens(other)
    (theirs,) = [each["id"] for each in tenant.get(f"/v1/users/{other.id}/grants").data]
    browser = Browser()
    browser.sign_in(client)
    for named in ({"grant": theirs}, {"grant": "grt_x"}, {"session": "ses_x"}, {"session": theirs}, {}):
        browser.get("/oauth2/account")
        csrf = browser.text.split('name="csrf" value="')[1].split('"')[0]
        answer = browser.post("/oauth2/account", {"csrf": csrf, **named})
        assert answer.status == 404, named
        assert "ended" not in answer.content.decode()
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 200
