"""Issue 15: users: invited, changed, disabled; passwords and links."""

import json
from typing import Any

from billing.domain.access.user import Role
from tests.integration.access.browser import PASSWORD, Browser, answer_of, link_in
from tests.integration.access.oauth import app, ok, refused
from tests.integration.world import Tenant, World


def invited(tenant: Tenant, email: str = "ada@example.com", role: str = "admin") -> Any:
    answer = tenant.post("/v1/users", {"email": email, "role": role, "name": "Ada"})
    assert answer.status == 201, answer.json
    return answer.data


def joined(world: World, tenant: Tenant, email: str = "ada@example.com", role: str = "admin") -> str:
    """A user who has accepted an invitation."""
    made = invited(tenant, email, role)
    world.clock.advance(minutes=1)
    browser = Browser()
    browser.get(link_in(world))
    assert browser.submit("/oauth2/password", password=PASSWORD).status == 200
    return str(made["id"])


def test_15_an_invitation_becomes_a_user_once(world: World) -> None:
    """Scenario 20: looked at, accepted, accepted again."""
    acme = world.tenant()
    made = invited(acme)
    assert (made["status"], made["role"]) == ("invited", "admin")
    assert world.outbox.mails[-1].to == "ada@example.com"
    browser, link = Browser(), link_in(world)
    assert browser.get(link).status == browser.get(link).status == 200  # a scanner of mails follows links, too
    assert browser.submit("/oauth2/password", password="short").status == 200
    assert "at least 12" in browser.text
    assert browser.submit("/oauth2/password", password=PASSWORD).status == 200
    assert acme.get(f"/v1/users/{made['id']}").data["status"] == "active"
    assert browser.get(link).status == 400
    twice = acme.post("/v1/users", {"email": "ADA@example.com", "role": "support"})
    assert (twice.status, twice.error["code"]) == (409, "resource.already_exists")


def test_15_an_invitation_ends_after_7_days_and_with_the_next(world: World) -> None:
    acme = world.tenant()
    made = invited(acme)
    first = link_in(world)
    assert acme.post(f"/v1/users/{made['id']}/send-link").status == 200
    second = link_in(world)
    assert Browser().get(first).status == 400
    assert Browser().get(second).status == 200
    world.clock.advance(days=7, seconds=1)
    assert Browser().get(second).status == 400


def test_15_the_last_admin_stays(world: World) -> None:
    """Scenario 20: 409; with another admin it is allowed."""
    acme = world.tenant()
    ada = joined(world, acme)
    for changes in ({"status": "disabled"}, {"role": "support"}):
        answer = acme.patch(f"/v1/users/{ada}", changes)
        assert (answer.status, answer.error["code"]) == (409, "user.invalid_state")
    bob = joined(world, acme, "bob@example.com")
    assert acme.patch(f"/v1/users/{ada}", {"role": "support"}).data["scopes"] == [
        "billing:read",
        "subscriptions:manage",
    ]
    assert acme.patch(f"/v1/users/{bob}", {"status": "disabled"}).status == 409


def test_15_a_link_resets_a_password_and_ends_what_was_signed_in(world: World) -> None:
    acme = world.tenant()
    ada = joined(world, acme)
    client, browser = app(acme), Browser()
    assert browser.sign_in(client).status == 303
    query, verifier = client.asking()
    browser.get("/oauth2/authorize?" + "&".join(f"{n}={v}" for n, v in query.items()).replace(" ", "%20"))
    issued = ok(client.redeem(answer_of(browser.submit("/oauth2/authorize", decision="allow"))["code"], verifier))
    assert len(acme.get(f"/v1/users/{ada}/sessions").data) == 1
    Browser().get(f"/oauth2/forgot?client_id={client.id}")
    asking = Browser()
    asking.get(f"/oauth2/forgot?client_id={client.id}")
    known = asking.submit("/oauth2/forgot", email="Ada@example.com").content
    asking.get(f"/oauth2/forgot?client_id={client.id}")
    mails = len(world.outbox.mails)
    assert asking.submit("/oauth2/forgot", email="nobody@example.com").content == known
    assert len(world.outbox.mails) == mails
    world.clock.advance(seconds=1)
    asking.get(link_in(world))
    assert asking.submit("/oauth2/password", password="another good one").status == 200
    assert client.bearer(issued["access_token"]).get("/v1/customers").status == 401
    refused(client.refresh(issued["refresh_token"]), "invalid_grant")
    assert acme.get(f"/v1/users/{ada}/sessions").data == []
    world.clock.advance(minutes=1)
    assert Browser().sign_in(client).status == 403
    assert Browser().sign_in(client, password="another good one").status == 303


def test_15_sessions_are_listed_and_ended(world: World) -> None:
    acme = world.tenant()
    ada, client = joined(world, acme), app(acme)
    browser = Browser()
    browser.sign_in(client)
    (session,) = acme.get(f"/v1/users/{ada}/sessions").data
    assert acme.delete(f"/v1/users/usr_other/sessions/{session['id']}").status == 404
    assert world.tenant().delete(f"/v1/users/{ada}/sessions/{session['id']}").status == 404
    assert acme.delete(f"/v1/users/{ada}/sessions/{session['id']}").status == 200
    assert acme.get(f"/v1/users/{ada}/sessions").data == []
    query = client.asking()[0]
    browser.get("/oauth2/authorize?" + "&".join(f"{n}={v}" for n, v in query.items()).replace(" ", "%20"))
    assert "Sign in" in browser.text


def test_15_a_disabled_user_is_out_and_comes_back_without_old_grants(world: World) -> None:
    acme = world.tenant()
    joined(world, acme, "root@example.com")
    world.clock.advance(minutes=1)
    ada, client = joined(world, acme, role="finance"), app(acme)
    browser = Browser()
    browser.sign_in(client)
    assert acme.patch(f"/v1/users/{ada}", {"status": "disabled"}).data["scopes"] == []
    assert acme.get(f"/v1/users/{ada}/sessions").data == []
    world.clock.advance(minutes=1)
    assert Browser().sign_in(client).status == 403
    assert acme.post(f"/v1/users/{ada}/send-link").status == 409
    assert acme.patch(f"/v1/users/{ada}", {"status": "active"}).data["status"] == "active"
    assert acme.get(f"/v1/users/{ada}/sessions").data == []
    assert Browser().sign_in(client).status == 303


def test_15_only_admins_manage_users_and_no_secret_is_shown_or_stored(world: World) -> None:
    acme = world.tenant()
    ada = joined(world, acme)
    world.clock.advance(minutes=1)
    joined(world, acme, "bob@example.com", "finance")
    client, browser = app(acme), Browser()
    browser.sign_in(client, "bob@example.com")
    query, verifier = client.asking()
    browser.get("/oauth2/authorize?" + "&".join(f"{n}={v}" for n, v in query.items()).replace(" ", "%20"))
    issued = ok(client.redeem(answer_of(browser.submit("/oauth2/authorize", decision="allow"))["code"], verifier))
    bob = client.bearer(issued["access_token"])
    assert bob.get("/v1/users").status == 403
    assert bob.get(f"/v1/users/{ada}").status == 403
    shown = json.dumps(acme.get("/v1/users").data)
    everything = world.everything_of(acme.id)
    for secret in (PASSWORD, "$argon2id", "secretSha256"):
        assert secret not in shown
        assert secret not in everything
        assert secret not in world.logs.text
    for personal in ("ada@example.com", "bob@example.com"):
        assert personal not in everything
        assert personal not in world.logs.text
    assert Role.ADMIN.value in shown


def test_15_a_password_manager_learns_whose_password_it_is(world: World) -> None:
    """The address is a field of the form, which nobody can change and the server does not read."""
    made = invited(world.tenant(), "o'hara+ada@example.com")
    browser = Browser()
    browser.get(link_in(world))
    assert 'autocomplete="username" value="o&#x27;hara+ada@example.com" readonly>' in browser.text
    assert browser.submit("/oauth2/password", password=PASSWORD, email="bob@example.com").status == 200
    assert made["email"] == "o'hara+ada@example.com"
