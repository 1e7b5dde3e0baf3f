"""Issue 15: lines of docs/security.md that no other test shows."""

import re
from urllib.parse import urlencode

import pyotp

from tests.integration.access.browser import Browser, answer_of, link_in
from tests.integration.access.oauth import app, refused
from tests.integration.access.test_15_users import joined
from tests.integration.world import World


def test_15_there_is_no_implicit_and_no_password_grant(world: World) -> None:
    """RFC 9700 2.1.2 and 2.4: whatever a client is registered for."""
    client = app(world.tenant())
    for response_type in ("token", "code token", "id_token"):
        answer = Browser().get("/oauth2/authorize?" + urlencode(client.asking(response_type=response_type)[0]))
        assert "access_token" not in answer.headers.get("Location", "")
        assert answer.status == 400 or answer_of(answer)["error"] == "unsupported_response_type"
    refused(client.token(grant_type="password", username="ada@example.com", password="x"), "unsupported_grant_type")


def test_15_a_reset_goes_round_no_second_factor(world: World) -> None:
    """ASVS 6.4.3: the authenticator is asked for after it as before."""
    acme = world.tenant()
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert found is not None
    browser.submit("/oauth2/codes", code=pyotp.TOTP(found[1]).at(world.clock()))
    world.clock.advance(minutes=1)
    asking = Browser()
    asking.get(f"/oauth2/forgot?client_id={client.id}")
    asking.submit("/oauth2/forgot", email="ada@example.com")
    asking.get(link_in(world))
    assert asking.submit("/oauth2/password", password="another good one").status == 200
    world.clock.advance(minutes=1)
    assert Browser().sign_in(client, password="another good one").status == 403
    code = pyotp.TOTP(found[1]).at(world.clock())
    assert Browser().sign_in(client, password="another good one", code=code).status == 303


def test_15_a_set_authenticator_is_not_replaced_in_a_session(world: World) -> None:
    """ASVS 7.5.1: who has a session alone puts no authenticator of their own in the place of the user's."""
    acme = world.tenant()
    joined(world, acme)
    client, browser = app(acme), Browser()
    browser.sign_in(client)
    browser.get("/oauth2/codes")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", browser.text)
    assert found is not None
    browser.submit("/oauth2/codes", code=pyotp.TOTP(found[1]).at(world.clock()))
    browser.get("/oauth2/codes")
    assert not re.search(r"<code>[A-Z2-7]{32}</code>", browser.text)


def test_15_password_fields_are_masked_and_known_to_password_managers(world: World) -> None:
    """ASVS 6.2.6, 6.2.7."""
    client, browser = app(world.tenant()), Browser()
    browser.get("/oauth2/authorize?" + urlencode(client.asking()[0]))
    assert re.search(
        r'<input id="password" name="password" type="password" autocomplete="current-password"', browser.text
    )
    assert "onpaste" not in browser.text
