"""Issue 11, number 25: search, in Stripe's query language (docs.stripe.com/search)."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from local.stripe_sandbox.testing import merged

Json = dict[str, Any]
CARD_ONLY: Json = {"allowed_payment_method_types": ["card"]}


def sale(api: stripe.StripeClient, amount: int, card: str = "pm_card_visa", **params: Any) -> stripe.PaymentIntent:
    body = {"amount": amount, "currency": "usd", "confirm": True, "payment_method": card}
    return api.v1.payment_intents.create(merged(body, CARD_ONLY, params))


@pytest.fixture
def people(api: stripe.StripeClient) -> dict[str, str]:
    """Names by id."""
    made = {
        "Amy Rocket": {"email": "amy@rocketrides.io", "metadata": {"tier": "gold", "don't": 'a "b"'}},
        "Sally Rocket Ship": {"email": "sally@rocketrides.io", "metadata": {"tier": "silver"}},
        "Bob": {"email": "xamyx@example.com", "phone": "+19999999999"},
    }
    return {api.v1.customers.create(merged(row, name=name)).id: name for name, row in made.items()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email:'sally@rocketrides.io'", {"Sally Rocket Ship"}),
        ('email:"SALLY@rocketrides.io"', {"Sally Rocket Ship"}),
        ('email~"amy"', {"Amy Rocket", "Bob"}),
        ('name:"rocket"', {"Amy Rocket", "Sally Rocket Ship"}),
        ('name:"sally rocket"', {"Sally Rocket Ship"}),
        ('name:"rocket sally"', set()),
        ('-email~"rocketrides"', {"Bob"}),
        ('metadata["tier"]:"gold"', {"Amy Rocket"}),
        ("metadata['tier']:'Gold'", {"Amy Rocket"}),
        ("""metadata["don't"]:"a \\"b\\"" """, {"Amy Rocket"}),
        ('-metadata["tier"]:null', {"Amy Rocket", "Sally Rocket Ship"}),
        ('metadata["tier"]:NULL', {"Bob"}),
        ('-metadata["tier"]:"gold"', {"Sally Rocket Ship", "Bob"}),
        ("phone:null", {"Amy Rocket", "Sally Rocket Ship"}),
        ('email~"rocket" metadata["tier"]:"silver"', {"Sally Rocket Ship"}),
        ('email~"rocket" and metadata["tier"]:"silver"', {"Sally Rocket Ship"}),
        ('metadata["tier"]:"silver" OR phone:"+19999999999"', {"Sally Rocket Ship", "Bob"}),
        ("created>1620310503", {"Amy Rocket", "Sally Rocket Ship", "Bob"}),
        ("created<=1620310503", set()),
    ],
)
def test_customers_are_found(api: stripe.StripeClient, people: dict[str, str], query: str, found: set[str]) -> None:
    assert {people[customer.id] for customer in api.v1.customers.search({"query": query})} == found


def test_charges_and_intents_are_found_by_what_is_particular_to_them(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create().id
    plain = sale(api, 1000, customer=customer, metadata={"order": "A-1"})
    euro = sale(api, 2000, "pm_card_mastercard", currency="eur")
    disputed = sale(api, 3000, "pm_card_createDispute")
    with pytest.raises(stripe.CardError):
        sale(api, 4000, "pm_card_chargeDeclined")
    for intent, amount in ((plain, 400), (euro, 2000)):
        api.v1.refunds.create({"payment_intent": intent.id, "amount": amount})

    def charges(query: str) -> list[int]:
        return [charge.amount for charge in api.v1.charges.search({"query": query})]

    assert charges('status:"failed"') == [4000]
    assert charges("amount>=2000 amount<4000") == [3000, 2000]
    assert charges('amount>="2000" -status:"failed"') == [3000, 2000]
    assert charges('-currency:"usd"') == [2000]
    assert charges(f'customer:"{customer}" metadata["order"]:"a-1"') == [1000]
    assert charges("payment_method_details.card.last4:4444") == [2000]
    assert charges('payment_method_details.card.brand:"MasterCard"') == [2000]
    assert charges('disputed:"true"') == [3000]
    assert charges('refunded:"true"') == [2000]
    assert charges('refunded:"false"') == [1000]
    assert charges("refunded:null") == [4000, 3000]
    found = api.v1.payment_intents.search({"query": 'status:"requires_payment_method" OR currency:"eur"'})
    assert [intent.amount for intent in found] == [4000, 2000]
    assert disputed.id in [intent.id for intent in api.v1.payment_intents.search({"query": "amount:3000"})]


def test_pages_follow_each_other_without_gap_or_repetition(api: stripe.StripeClient) -> None:
    """Whatever is made in between does not move what is still to come."""
    made = [sale(api, 100 + n, metadata={"batch": "one"}).id for n in range(7)]
    asked: Any = {"query": 'metadata["batch"]:"one"', "limit": 3, "expand": ["total_count", "data.latest_charge"]}
    page = api.v1.payment_intents.search(asked)
    seen = [intent.id for intent in page.data]
    assert (page.has_more, getattr(page, "total_count", None)) == (True, 7)
    assert all(isinstance(intent.latest_charge, stripe.Charge) for intent in page.data)
    sale(api, 999, metadata={"batch": "one"})
    while page.has_more:
        page = api.v1.payment_intents.search(merged(asked, page=page.next_page))
        seen += [intent.id for intent in page.data]
    assert seen == made[::-1]
    assert page.next_page is None
    through = api.v1.payment_intents.search({"query": asked["query"], "limit": 2}).auto_paging_iter()
    assert [intent.id for intent in through][1:] == made[::-1]


def test_another_account_and_what_was_deleted_are_not_found(api: stripe.StripeClient, people: dict[str, str]) -> None:
    gone = next(iter(people))
    api.v1.customers.delete(gone)
    assert gone not in [customer.id for customer in api.v1.customers.search({"query": "created>0"})]
    other = stripe.StripeClient("sk_test_sandbox02", base_addresses={"api": api._requestor.base_addresses["api"]})
    assert other.v1.customers.search({"query": "created>0"}).data == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "amy",
        'email:"amy',
        "email:amy",
        'email:"amy"name:"bob"',
        'email:"a" AND name:"b" OR phone:"c"',
        'email:"a" OR name:"b" phone:"c"',
        'email:"a" AND',
        'address.city:"Paris"',
        'metadata:"gold"',
        'metadata["tier"]~"gol"',
        'metadata["tier"]>3',
        'email>"a"',
        'email~"am"',
        "email~null",
        'created:"yesterday"',
        'created~"162"',
        " ".join(f"created>{n}" for n in range(11)),
    ],
)
def test_what_is_no_query_is_refused(api: stripe.StripeClient, query: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.search({"query": query})
    assert (caught.value.http_status, caught.value.param) == (400, "query")


def test_a_query_is_required_and_a_page_is_of_its_query(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.charges.search({})  # type: ignore[typeddict-item]
    assert caught.value.param == "query"
    for _ in range(2):
        api.v1.customers.create()
    page = api.v1.customers.search({"query": "created>0", "limit": 1})
    for query, cursor in (("created>1", page.next_page), ("created>0", "nonsense"), ("created>0", "WzEsMl0=")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.customers.search(merged({"query": query}, page=cursor))
        assert caught.value.param == "page"
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.search({"query": "created>0", "limit": 101})
