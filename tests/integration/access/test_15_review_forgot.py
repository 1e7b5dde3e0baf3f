"""Issue 15: whoever asks for links in somebody's name is in nobody's way."""

import pytest

from tests.integration.access.browser import Browser
from tests.integration.access.oauth import app, form
from tests.integration.access.test_15_users import joined
from tests.integration.world import Tenant, World


@pytest.mark.limits
def test_15_whoever_asks_for_links_in_somebodys_name_locks_no_known_browser_out(world: World, tenant: Tenant) -> None:
    """Whoever knows an address uses five asks a minute up; a browser in which the user has signed in has its own."""
    client = app(tenant)
    joined(world, tenant)
    known = Browser()
    known.sign_in(client)
    world.clock.advance(minutes=6)
    world.outbox.mails.clear()
    stranger = {"client_id": client.id, "email": "nobody@example.com"}
    asked = {"client_id": client.id, "email": "ada@example.com"}
    world.clock.freeze(world.clock().replace(second=0))
    assert [form("/oauth2/forgot", asked).status for _ in range(6)] == [200] * 5 + [429]
    assert form("/oauth2/forgot", stranger).status == 200
    known.get(f"/oauth2/forgot?client_id={client.id}")
    assert known.submit("/oauth2/forgot", email="ada@example.com").status == 200
