"""Issue 15, item 8: documents that are issued about the past of somebody who was erased."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.integration.customers.test_15_erasure import erase, lived, work
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _now(world: World) -> Iterator[None]:
    world.clock.reset()
    yield
    world.clock.reset()


def test_15_a_credit_note_of_after_the_erasure_is_kept_as_long_as_any_with_its_invoice(world: World) -> None:
    """Issued a year later, it has to say the buyer for a year longer than the invoices; those without one go before."""
    tenant = world.tenant()
    customer = lived(world, tenant)
    shown = erase(world, tenant, customer)
    world.clock.advance(days=400)
    invoice = tenant.get("/v1/invoices", customer=customer).data[0]
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"})
    assert note.status == 201, note.json
    _go_to(world, shown["documentsKeptUntil"])
    kept = tenant.get(f"/v1/credit-notes/{note.data['id']}").data
    assert kept["buyer"]["name"] == "Anneliese Zwickelbauer"
    longer = tenant.get(f"/v1/customers/{customer}").data["documentsKeptUntil"]
    assert int(longer[:4]) == int(note.data["createdAt"][:4]) + 11
    _go_to(world, longer)
    gone = tenant.get(f"/v1/credit-notes/{note.data['id']}").data
    assert (gone["buyer"]["name"], gone["total"]) == ("", note.data["total"])
    assert {each["buyer"]["name"] for each in tenant.get("/v1/invoices", customer=customer).data} == {""}


def _go_to(world: World, day: str) -> None:
    world.clock.advance(seconds=(datetime.fromisoformat(day) - world.clock()).total_seconds() + 1)
    work(world)
