"""Tabs of the customer portal that remove the last cards at once, on DynamoDB's own semantics: one card stays."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import timedelta

from tests.faults.payment_flows import charge, done, one_time
from tests.faults.processes import Json
from tests.faults.world import AT, Tenant, World, at_once, post, step

ROUNDS = 8
CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
SWEPT = timedelta(minutes=3)


@dataclass(frozen=True)
class Tab:
    """A browser's tab in the portal, with a form of its own."""

    cookie: str
    csrf: str
    once: str

    def removes(self, method_id: str) -> Json:
        """The form that removes a card, as a step."""
        values = {"csrf": self.csrf, "once": self.once, "method": method_id}
        return step("form", method="POST", path="/portal/cards/remove", cookie=self.cookie, values=values)


def _hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def _tabs(tenant: Tenant, customer: int, count: int) -> list[Tab]:
    """Tabs of one session: each has shown the cards, and has a mark of its own."""
    world, body = tenant.world, {"customerId": tenant.customer_ids[customer]}
    link = done(world, AT, post("customers", "/v1/portal-sessions", tenant.key, f"link-{customer}", body))["url"]
    path = link.removeprefix("https://billing.example")
    (page,) = world.run(AT, step("form", method="GET", path=path)).all()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page["page"]))
    (entered,) = world.run(AT, step("form", method="POST", path="/portal/enter", values=fields)).all()
    cookie = entered["cookies"][0].partition(";")[0]
    shown = world.run(AT, *[step("form", method="GET", path="/portal/cards", cookie=cookie)] * count).all()
    return [Tab(cookie, _hidden(each["page"], "csrf"), _hidden(each["page"], "once")) for each in shown]


def _cards(tenant: Tenant, customer: int) -> list[str]:
    """A customer pays for a subscription, and has three cards."""
    customer_id = tenant.customer_ids[customer]
    done(tenant.world, AT, tenant.subscribe(f"sub-{customer}", customer, planId="thirty"))
    for card in CARDS[1:]:
        body = one_time(tenant, paymentMethodId=card) | {"customerId": customer_id}
        done(tenant.world, AT, charge(tenant, f"{card}-{customer}", **body))
    books = tenant.books(AT)
    return [each["id"] for each in books.bodies("payment_methods") if each["customer_id"] == customer_id]


def test_tabs_that_remove_all_cards_at_once_leave_one_in_every_round(own_world: World) -> None:
    """The winners' cards are gone at Stripe, the others' never were; and the default is one that is there."""
    tenant = own_world.new_tenant(AT, customers=ROUNDS, plans=("thirty",))
    for n in range(ROUNDS):
        cards = _cards(tenant, n)
        jobs = [[tab.removes(card)] for tab, card in zip(_tabs(tenant, n, len(cards)), cards, strict=True)]
        answers = [answer.last()["status"] for answer in at_once(own_world, AT, jobs)]
        assert sorted(answers) == [303] * 2 + [409], (n, answers)
        stays = cards[answers.index(409)]
        books = tenant.check(AT, methods=True)
        own = [each for each in books.bodies("payment_methods") if each["id"] in cards]
        assert [each["id"] for each in own if each["detached_at"] is None] == [stays], n
    own_world.run(AT + SWEPT, step("sweep"), step("drain")).all()
    books = tenant.check(AT + SWEPT, methods=True)
    assert not [each for each in books.bodies("payment_methods") if each["due"] or each["detaching"]]
