"""Who needs a card keeps one: whatever two tabs do at once, and whoever dies while a card is removed."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.bootstrap import payments as payments_bootstrap
from billing.bootstrap import storage
from billing.services.portal import acts, overview
from tests.integration.payer import saved_method
from tests.integration.portal.visitor import Visitor, visit
from tests.integration.webhooks.cuts import MODES, Died, cut, every_cut
from tests.integration.world import Json, Tenant, World

REMOVE = "/portal/cards/remove"


def saved(tenant: Tenant, customer: str) -> list[str]:
    """The ids of a customer's cards here, in the order in which they were saved."""
    found = tenant.get("/v1/payment-methods", customer=customer).data
    return [str(each["id"]) for each in sorted(found, key=lambda each: each["createdAt"])]


def attached(world: World, *cards: str) -> list[str]:
    """Those of some cards that a customer has at Stripe."""
    return [each for each in cards if world.stripe.v1.payment_methods.retrieve(each).customer is not None]


def tab(tenant: Tenant, customer: str) -> tuple[Visitor, dict[str, str]]:
    """A tab that shows a customer's cards, and the form by which it removes one."""
    visitor = visit(tenant, customer)
    visitor.get("/portal/cards")
    form = visitor.fields("/portal/cards/add")
    return visitor, {name: form[name] for name in ("csrf", "once")}


def removes(tenant: Tenant, customer: str, method: str) -> Callable[[], int]:
    """A tab that is about to remove a card; called, it says what came of that."""
    visitor, form = tab(tenant, customer)
    return lambda: visitor.post(REMOVE, form | {"method": method}).status


@pytest.fixture
def two(tenant: Tenant, customer: str, subscription: Json) -> list[str]:
    """The cards of a customer who will be charged."""
    tenant.patch(f"/v1/subscriptions/{subscription['id']}", {"paymentMethodId": "pm_card_mastercard"})
    both = saved(tenant, customer)
    assert len(both) == 2
    return both


def _meanwhile(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, other: Callable[[], int], said: list[int]
) -> None:
    """Something happens right after a first look at something."""
    looks = getattr(where, name)

    def looked(*arguments: Any) -> Any:
        found = looks(*arguments)
        monkeypatch.setattr(where, name, looks)
        said.append(other())
        return found

    monkeypatch.setattr(where, name, looked)


@pytest.mark.parametrize("when", ["it looks for others", "Stripe is asked"])
def test_of_two_tabs_that_remove_the_last_two_cards_one_is_refused(
    world: World, tenant: Tenant, customer: str, two: list[str], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Whichever is refused, nothing of its card is detached at Stripe."""
    one, other = (removes(tenant, customer, each) for each in two)
    said: list[int] = []
    if when == "it looks for others":
        _meanwhile(monkeypatch, overview, "cards", other, said)
        assert (one(), said) == (409, [303])
        left = two[:1]
    else:
        _meanwhile(monkeypatch, payments_bootstrap.stripe_gateway(), "detach", other, said)
        assert (one(), said) == (303, [409])
        left = two[1:]
    assert saved(tenant, customer) == left
    assert attached(world, *two) == left
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == left[0]
    world.deliver_all(tenant)
    assert saved(tenant, customer) == left


def test_the_last_card_stays_where_a_subscription_that_was_to_end_is_kept_in_another_tab(
    world: World, tenant: Tenant, customer: str, subscription: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/subscriptions/{subscription['id']}"
    tenant.post(f"{path}/cancel", {"atPeriodEnd": True})
    (card,) = saved(tenant, customer)
    remove = removes(tenant, customer, card)
    said: list[int] = []
    _meanwhile(monkeypatch, acts, "_not_ended", lambda: tenant.post(f"{path}/resume").status, said)
    assert (remove(), said) == (409, [200])
    assert saved(tenant, customer) == [card]
    assert attached(world, card) == [card]


def test_a_card_that_is_chosen_while_it_is_removed_is_not_there_to_be_chosen(
    tenant: Tenant, customer: str, two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, going = two
    remove, said = removes(tenant, customer, going), list[int]()
    visitor, form = tab(tenant, customer)
    _meanwhile(monkeypatch, acts, "_own_card", remove, said)
    assert (visitor.post("/portal/cards/choose", form | {"method": going}).status, said) == (400, [303])
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == two[0]


def test_who_has_more_subscriptions_than_a_page_shows_keeps_the_card(
    tenant: Tenant, customer: str, subscription: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that goes on is older than a page of those that have ended."""
    ended = tenant.subscribe(customerId=customer)
    tenant.post(f"/v1/subscriptions/{ended['id']}/cancel", {"atPeriodEnd": False})
    monkeypatch.setattr(acts, "_PAGE", 1)
    for each in saved(tenant, customer)[1:]:
        assert tenant.delete(f"/v1/payment-methods/{each}").status == 200
    (last,) = saved(tenant, customer)
    assert removes(tenant, customer, last)() == 409


# Whoever dies


@pytest.fixture
def no_pauses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.database(), "_pause", lambda _: None)


def _removed_once(world: World, tenant: Tenant, customer: str, gone: str, left: str) -> None:
    """However it was cut off: the form again says that it is done, and the alarm clock tells Stripe."""
    world.clock.advance(seconds=61)
    for row in world.rows_of("payment_methods", tenant.id):
        if "due_shard" in row:
            world.work(row["due_shard"]["S"])
    assert saved(tenant, customer) == [left]
    assert attached(world, gone, left) == [left]
    assert not [row for row in world.rows_of("payment_methods", tenant.id) if "due_at" in row]
    world.deliver_all(tenant)
    assert saved(tenant, customer) == [left]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("mode", MODES)
def test_a_card_is_removed_once_wherever_it_is_cut_off(world: World, mode: str) -> None:
    world.clock.reset()
    tenant = world.tenant()

    def once(n: int) -> list[str]:
        customer = tenant.customer()
        tenant.subscribe(customerId=customer)
        saved_method(tenant, "pm_card_mastercard", customerId=customer)
        going, left = saved(tenant, customer)
        visitor, form = tab(tenant, customer)
        with cut(mode, n) as calls:
            visitor.post(REMOVE, form | {"method": going})
        world.clock.advance(seconds=11)  # so long a request is somebody's
        assert visitor.post(REMOVE, form | {"method": going}).status == 303, (n, calls)
        _removed_once(world, tenant, customer, going, left)
        return calls

    assert every_cut(mode, once) >= 5


@pytest.fixture(params=["before", "after"])
def dies_at_stripe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whoever detaches a card dies, before Stripe hears of it or after; once."""
    gateway = payments_bootstrap.stripe_gateway()
    detach, died = gateway.detach, list[str]()

    def dies(method: str, key: str) -> None:
        if not died and request.param == "before":
            died.append(method)
            raise Died
        detach(method, key)
        if not died:
            died.append(method)
            raise Died

    monkeypatch.setattr(gateway, "detach", dies)
    return died


def test_who_dies_while_stripe_is_asked_has_removed_the_card(
    world: World, tenant: Tenant, customer: str, two: list[str], dies_at_stripe: list[str]
) -> None:
    world.clock.reset()
    going, left = two
    visitor, form = tab(tenant, customer)
    with pytest.raises(Died):
        visitor.post(REMOVE, form | {"method": going})
    assert dies_at_stripe == [going]
    assert saved(tenant, customer) == [left]
    assert removes(tenant, customer, left)() == 409  # nobody counts on a card that goes
    assert visitor.post(REMOVE, form | {"method": going}).status == 303
    _removed_once(world, tenant, customer, going, left)
