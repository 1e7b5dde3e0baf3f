"""Issue 15: limits of strangers that nobody dodges, and that are turned on nobody."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from billing.domain.access.networks import counted_as
from tests.integration.access.browser import PASSWORD, Browser, link_in
from tests.integration.access.oauth import FORM, app, form, ok, user
from tests.integration.access.test_15_users import joined
from tests.integration.world import World, http_event, request

pytestmark = pytest.mark.limits


@pytest.fixture(autouse=True)
def _within_a_minute(world: World) -> None:
    """The clock stands at the start of one, so that no test begins in one and ends in the next."""
    world.clock.freeze(datetime(2026, 12, 1, 9, tzinfo=UTC))


def test_15_one_address_uses_up_no_public_clients_limit(world: World) -> None:
    """A public client has an id that everybody knows, and 600 calls a minute for all its users."""
    acme = world.tenant()
    client = app(acme, type="public")
    ada = user(world, acme)
    issued = client.tokens(ada)
    world.clock.advance(minutes=1)
    garbage = urlencode({**client.who, "grant_type": "refresh_token", "refresh_token": "rt_x.1.y"})
    statuses = {called("POST", "/oauth2/token", "203.0.113.9", garbage) for _ in range(601)}
    assert statuses == {400, 429}
    ok(client.refresh(issued["refresh_token"]))


def called(method: str, path: str, address: str, body: str | None = None) -> int:
    """The status of a stranger's call from an address."""
    event = http_event(method, path, body=body, headers={"content-type": FORM})
    event["requestContext"]["http"]["sourceIp"] = address
    return request(event).status


def test_15_a_whole_ipv6_network_is_one_stranger(world: World) -> None:
    """Whoever has one IPv6 address has 2^64 of them; an IPv4 address is the same one mapped."""
    statuses = [called("GET", "/oauth2/jwks", f"2001:db8::{n:x}") for n in range(1, 62)]
    assert (statuses[-2], statuses[-1]) == (200, 429)
    assert called("GET", "/oauth2/jwks", "2001:db8:0:1::1") == 200
    assert [counted_as(each) for each in ("::ffff:10.0.0.1", "10.0.0.1", "2001:db8::1", None, "?")] == [
        "10.0.0.1", "10.0.0.1", "2001:db8::/64", "", "?",
    ]  # fmt: skip


def test_15_every_page_is_counted_on_the_address(world: World) -> None:
    """Also those that nothing comes of: each call costs reads and an audit row."""
    client = app(world.tenant())
    consent = urlencode({"request": urlencode(client.asking()[0])})
    pages = [("POST", "/oauth2/authorize", consent), ("POST", "/oauth2/logout", ""), ("GET", "/oauth2/codes", None)]
    for n, (method, path, body) in enumerate(pages):
        statuses = [called(method, path, f"203.0.113.{n}", body) for _ in range(61)]
        assert 429 not in statuses[:60], path
        assert statuses[60] == 429, path


def links(world: World) -> int:
    """How many mails with a link were sent; others tell of a password that was changed."""
    return len([each for each in world.outbox.mails if "https://" in each.text])


def test_15_whoever_asks_for_links_in_somebodys_name_takes_none_away(world: World) -> None:
    """Five times a minute, for ever: one mail in five minutes, and the link in it works."""
    acme = world.tenant()
    client = app(acme)
    joined(world, acme)
    world.outbox.mails.clear()
    for _ in range(4):
        for _ in range(5):
            assert form("/oauth2/forgot", {"client_id": client.id, "email": "ada@example.com"}).status == 200
        world.clock.advance(minutes=1)
    assert links(world) == 1
    browser = Browser()
    browser.get(link_in(world))
    assert browser.submit("/oauth2/password", password=PASSWORD + "!").status == 200
    world.clock.advance(minutes=1)
    form("/oauth2/forgot", {"client_id": client.id, "email": "ada@example.com"})
    assert links(world) == 2
    world.clock.advance(minutes=6)
    form("/oauth2/forgot", {"client_id": client.id, "email": "ada@example.com"})
    assert links(world) == 3
