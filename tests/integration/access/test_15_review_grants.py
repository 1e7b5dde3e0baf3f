"""Issue 15: a grant says what its user allowed, and ends with what it came of."""

from urllib.parse import urlencode

import pytest

from billing.bootstrap import storage
from billing.domain.access.user import Role, User
from billing.integrations.passwords import Argon2Passwords
from billing.services.kernel.work import Ref
from tests.integration.access.browser import Browser, answer_of
from tests.integration.access.oauth import App, app, changed, ok, refused
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


def allowed(client: App, browser: Browser, scope: str | None = None) -> tuple[str, str]:
    """A code that the user of a browser allowed on the page, and its verifier."""
    query, verifier = client.asking(scope)
    browser.get("/oauth2/authorize?" + urlencode(query))
    return answer_of(browser.submit("/oauth2/authorize", decision="allow"))["code"], verifier


def member(world: World, tenant: Tenant, role: Role) -> User:
    """A user who has accepted an invitation, beside an admin."""
    world.outbox.mails.clear()
    made = joined(world, tenant, role=role.value)
    world.clock.advance(minutes=1)
    ref = Ref(User, tenant.id, made)
    return storage.units().begin(tenant.id).load(ref).require(ref)


def test_15_a_raised_role_gives_a_client_nothing_that_the_page_did_not_show(world: World) -> None:
    """A reader allows an application to read; made an admin later, the same application still only reads."""
    acme = world.tenant()
    ada, client, browser = member(world, acme, Role.READ_ONLY), app(acme), Browser()
    browser.sign_in(client)
    issued = ok(client.redeem(*allowed(client, browser, "billing:read billing:write")))
    assert issued["scope"] == "billing:read"
    changed(acme, ada, role=Role.ADMIN)
    assert ok(client.refresh(issued["refresh_token"]))["scope"] == "billing:read"


def test_15_who_may_do_nothing_of_what_is_asked_allows_nothing(world: World) -> None:
    acme = world.tenant()
    member(world, acme, Role.READ_ONLY)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    browser.get("/oauth2/authorize?" + urlencode(client.asking("billing:write")[0]))
    assert answer_of(browser.submit("/oauth2/authorize", decision="allow"))["error"] == "invalid_scope"


def test_15_a_code_ends_when_its_user_is_signed_out_everywhere(world: World) -> None:
    """Whoever had the browser, and took a code along, gets 30 days of access for it no more."""
    acme = world.tenant()
    ada, client, browser = member(world, acme, Role.FINANCE), app(acme), Browser()
    browser.sign_in(client)
    code, verifier = allowed(client, browser)
    world.clock.advance(seconds=5)
    assert acme.post(f"/v1/users/{ada.id}/sign-out").status == 200
    world.clock.advance(seconds=5)
    refused(client.redeem(code, verifier), "invalid_grant")


def test_15_a_password_set_during_a_sign_in_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old password was right when it was read, and is not any more when the session would begin."""
    acme = world.tenant()
    ada, client = member(world, acme, Role.FINANCE), app(acme)
    once, fits = [True], Argon2Passwords.fits

    def slow(self: Argon2Passwords, kept: str | None, password: str) -> bool:
        right = fits(self, kept, password)
        if once and once.pop():
            changed(acme, ada, password_hash=self.hashed("another good one"))
        return right

    monkeypatch.setattr(Argon2Passwords, "fits", slow)
    assert Browser().sign_in(client).status == 403
    assert acme.get(f"/v1/users/{ada.id}/sessions").data == []
