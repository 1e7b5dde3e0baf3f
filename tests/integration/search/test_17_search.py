"""Issue 17, item 5: one text finds what it may mean, of the caller's tenant alone."""

from typing import Any

import pytest

from billing.bootstrap import storage
from billing.storage.database import table_name
from billing.storage.search import hashed
from billing.storage.tables import SearchItem
from tests.integration.customers.test_15_erasure import erase
from tests.integration.kernel.test_17_pages import calls
from tests.integration.world import Json, Tenant, World

ITEM = {"sku": "a", "description": "A", "quantity": 1, "unitAmount": 1_000_000, "commissionBps": 0}


@pytest.fixture(scope="module")
def shop(world: World) -> Tenant:
    """A customer of whom everything there is to find exists, and another one beside."""
    world.clock.reset()
    tenant = world.tenant()
    world.made.clear()  # shared by the module's tests
    ada = tenant.customer(name="Ada Lovelace-King", email="ada@engines.example", externalId="crm 4711")
    tenant.customer(name="Adam Smith", email="adam@engines.example")
    subscription = tenant.subscribe(customerId=ada, externalId="ws/1")
    invoice = tenant.only_invoice(customer=ada)
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"}).data
    payment = tenant.only_payment(customer=ada)
    refund = tenant.post(f"/v1/payments/{payment['id']}/refund", {"amount": 1_000_000, "reason": "a"}).data
    order = tenant.post("/v1/commerce/orders", {"customerId": ada, "currency": "USD", "items": [ITEM]}).data
    assert tenant.post("/v1/coupons", {"code": "LAUNCH", "percentOff": "10", "duration": "once"}).status == 201
    tenant.data |= {"customer": ada, "subscription": subscription["id"], "invoice": invoice["id"], "payment": payment,
                    "credit_note": note["id"], "refund": refund["id"], "order": order["id"]}  # fmt: skip
    return tenant


def found(tenant: Tenant, text: str, **query: Any) -> list[tuple[str, str, str]]:
    """(type, id, matched) of each that is found."""
    answer = tenant.get("/v1/search", q=text, **query)
    assert answer.status == 200, answer.json
    page = answer.json["meta"]["pagination"]
    assert page == {"next_cursor": None, "has_more": False, "limit": query.get("limit", 20)}
    return [(each["type"], each["id"], each["matched"]) for each in answer.data]


@pytest.mark.parametrize("kind", ["customer", "subscription", "invoice", "credit_note", "refund", "order"])
def test_17_by_id_however_it_is_typed_and_by_its_beginning(shop: Tenant, kind: str) -> None:
    wanted = shop.data[kind]
    for text in (wanted, wanted.lower(), f" {wanted.upper()} "):
        assert (kind, wanted, "id") in found(shop, text)
    assert (kind, wanted, "id_prefix") in found(shop, wanted[:-4])
    assert found(shop, f"{wanted.partition('_')[0]}_0000000000") == []


def test_17_a_hit_says_what_it_is(shop: Tenant) -> None:
    (hit,) = shop.get("/v1/search", q=shop.data["invoice"]).data
    invoice = shop.get(f"/v1/invoices/{shop.data['invoice']}").data
    assert hit == {
        "type": "invoice",
        "id": invoice["id"],
        "title": invoice["number"],
        "matched": "id",
        "customerId": shop.data["customer"],
        "createdAt": invoice["createdAt"],
    }
    (hit,) = shop.get("/v1/search", q=shop.data["customer"]).data
    assert (hit["title"], hit["customerId"]) == ("Ada Lovelace-King", shop.data["customer"])


def test_17_by_number(shop: Tenant) -> None:
    invoice, note = ("invoice", shop.data["invoice"], "number"), ("credit_note", shop.data["credit_note"], "number")
    assert found(shop, "ACME-000001") == found(shop, "acme-000001") == [invoice]
    assert found(shop, "ACME-CN-000001") == [note]
    assert found(shop, "1x") == []
    assert set(found(shop, "01")) == set(found(shop, "000001")) == {invoice, note}  # the digits of the tenant's series
    assert found(shop, "ACME-000099") == []


def test_17_by_external_id_as_it_was_given(shop: Tenant) -> None:
    assert found(shop, "crm 4711") == [("customer", shop.data["customer"], "external_id")]
    assert found(shop, "ws/1") == [("subscription", shop.data["subscription"], "external_id")]
    assert found(shop, "CRM 4711") == []


def test_17_by_ids_of_stripes(shop: Tenant, world: World) -> None:
    payment = shop.data["payment"]
    customer = ("customer", shop.data["customer"], "stripe_id")
    assert found(shop, payment["paymentIntentId"]) == [("payment", payment["id"], "stripe_id")]
    assert found(shop, payment["paymentMethodId"]) == [customer]
    assert [hit for each in world.stripe_customers(shop) for hit in found(shop, each)] == [customer]
    for nobodys in ("pi_nobody", "cus_nobody", "pm_nobody"):
        assert found(shop, nobodys) == []


def test_17_by_address_and_by_its_domain(shop: Tenant) -> None:
    assert found(shop, "ADA@engines.example") == [("customer", shop.data["customer"], "email")]
    for text in ("engines.example", "@Engines.Example"):
        assert [each[2] for each in found(shop, text)] == ["email_domain"] * 2
    assert found(shop, "nobody@engines.example") == found(shop, "gines.example") == []


@pytest.mark.parametrize(
    "text", ["lovelace", "LOVE", "lov", "Lovelac", "king", "ada lovel", "lovelace, ADA", "Ádà kin"]
)
def test_17_by_words_of_a_name_and_their_beginnings(shop: Tenant, text: str) -> None:
    assert found(shop, text) == [("customer", shop.data["customer"], "name")]


def test_17_by_a_word_of_several_names_the_newest_first(shop: Tenant) -> None:
    assert [each[1] == shop.data["customer"] for each in found(shop, "ada")] == [False, True]
    assert len(found(shop, "ada", limit=1)) == 1
    for text in ("lace", "ada jones", "lo", "xyz"):
        assert found(shop, text) == []


def test_17_the_likeliest_is_first(shop: Tenant) -> None:
    """A customer whose external id is another one's name."""
    named = shop.customer(name="Nobody", externalId="adam", email="x@y.example")
    assert [(each[1] == named, each[2]) for each in found(shop, "adam")] == [(True, "external_id"), (False, "name")]


def test_17_by_a_plans_id_and_a_coupons_code(shop: Tenant) -> None:
    assert [each[0] for each in found(shop, "business-monthly")] == ["plan"]
    assert [each[0] for each in found(shop, "launch")] == ["coupon"]


def test_17_nothing_of_another_tenant(shop: Tenant, world: World) -> None:
    other = world.tenant()
    payment = shop.data["payment"]
    for text in ("ada", "lovelace", "ada@engines.example", "engines.example", "crm 4711", "ACME-000001", "LAUNCH",
                 payment["paymentIntentId"], payment["paymentMethodId"], payment["id"], shop.data["customer"],
                 shop.data["customer"][:-4]):  # fmt: skip
        assert found(other, text) == []


def test_17_only_who_may_read(shop: Tenant) -> None:
    made = shop.post("/v1/api-keys", {"name": "charges", "scope": "write", "scopes": ["payments:process"]}).data
    narrow = Tenant(shop.world, shop.id, made["key"], {})
    answer = narrow.get("/v1/search", q="ada")
    assert (answer.status, answer.json["error"]["code"]) == (403, "auth.forbidden")


@pytest.mark.parametrize(
    ("query", "field"),
    [({}, "q"), ({"q": "a"}, "q"), ({"q": " a "}, "q"), ({"q": "x" * 201}, "q"), ({"q": "a\x00b"}, "q"),
     ({"q": "ada", "limit": 101}, "limit"), ({"q": "ada", "cursor": "x"}, "cursor")],
)  # fmt: skip
def test_17_what_cannot_be_asked(shop: Tenant, query: Json, field: str) -> None:
    answer = shop.get("/v1/search", **query)
    assert (answer.status, list(answer.bad_fields)) == (400, [field])


def test_17_any_text_is_answered(shop: Tenant) -> None:
    for text in ("%%", "🤷🤷", "a@000001", "#" * 200, "version#x", "x@y@z", "ー" * 3, "cus_", "in_%%%%", "é" * 200):
        assert found(shop, text) == []


def test_17_a_search_is_a_bounded_number_of_calls(shop: Tenant) -> None:
    with calls() as counted:
        found(shop, "ada lovelace king smith and many more")
    assert counted["BatchGetItem"] <= 4
    assert counted["Query"] <= 8


# The index


def rows(world: World, tenant: Tenant, customer: str) -> list[Json]:
    mine = [each for each in world.rows("search") if each["term_key"]["S"].startswith(f"{tenant.id}#")]
    return [each for each in mine if each["id"]["S"] == customer]


def test_17_the_index_says_no_word_and_has_25_rows_at_most(world: World, tenant: Tenant) -> None:
    customer = tenant.customer(name=" ".join(f"{n}orte{n}lang" for n in "abcdefghijkl"), email="a@b.example")
    found_rows = rows(world, tenant, customer)
    assert len(found_rows) == 25
    assert all("ort" not in each["term_key"]["S"].partition("#")[2] for each in found_rows)
    assert all(set(each) == {"term_key", "id"} for each in found_rows)


def test_17_who_is_renamed_is_found_by_the_new_name_alone(world: World, tenant: Tenant) -> None:
    customer = tenant.customer(name="Grace Hopper")
    tenant.patch(f"/v1/customers/{customer}", {"name": "Grace Murray", "email": None})
    assert found(tenant, "hopper") == found(tenant, "example.com") == []
    assert [each[1] for each in found(tenant, "grace")] == [each[1] for each in found(tenant, "murray")] == [customer]
    gone = [each for each in rows(world, tenant, customer) if "expires_at" in each]
    assert len(gone) == 4  # hop, hoppe, hopper; @example.com
    tenant.patch(f"/v1/customers/{customer}", {"name": "Grace Hopper"})
    assert [each[1] for each in found(tenant, "hoppe")] == [customer]


def test_17_what_does_not_change_a_name_writes_no_row(tenant: Tenant) -> None:
    customer = tenant.customer(name="Grace Hopper")
    written: list[str] = []
    events = storage.database().client.meta.events

    def note(params: Json, **_: Any) -> None:
        written.extend(str(each) for each in params.get("TransactItems", []) if "term_key" in str(each))

    events.register("provide-client-params.dynamodb.*", note)
    try:
        tenant.patch(f"/v1/customers/{customer}", {"metadata": {"a": "b"}})
        tenant.subscribe(customerId=customer)
    finally:
        events.unregister("provide-client-params.dynamodb.*", note)
    assert written == []


def test_17_who_is_erased_is_found_by_nothing_and_its_rows_are_let_go(world: World, tenant: Tenant) -> None:
    customer = tenant.customer(name="Anneliese Zwickelbauer", email="az@private.example", externalId="az-1")
    assert found(tenant, "zwickel") != []
    erase(world, tenant, customer)
    for text in ("zwickel", "anneliese", "az@private.example", "private.example", "az-1"):
        assert found(tenant, text) == []
    assert all("expires_at" in each for each in rows(world, tenant, customer))
    assert [each[:2] for each in found(tenant, customer)] == [("customer", customer)]  # the books name its id


def test_17_who_was_let_go_hides_nobody_who_is_older(world: World, tenant: Tenant) -> None:
    """A page is counted before it is filtered: 110 newer rows of erased ones fill the 100 that are asked for."""
    kept = tenant.customer(name="Olga Older", email="olga@crowd.example")
    term = next(
        each["term_key"]["S"]
        for each in rows(world, tenant, kept)
        if each["term_key"]["S"].endswith(storage.vault().blind(tenant.id, hashed("@crowd.example")))
    )
    put = storage.database().client.put_item
    for n in range(110):
        item = {"term_key": {"S": term}, "id": {"S": f"cus_{'Z' * 23}{n:03}"}, "expires_at": {"N": "1"}}
        put(TableName=table_name(SearchItem), Item=item)
    assert found(tenant, "@crowd.example") == [("customer", kept, "email_domain")]
