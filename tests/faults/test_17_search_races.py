"""Issue 17, item 5: the index of names is of one transaction with the name, on DynamoDB's own semantics."""

from datetime import timedelta
from typing import Any

from tests.faults.world import AT, Tenant, World, at_once, get, patch, post

EIGHT = range(8)


def _found(tenant: Tenant, *texts: str) -> list[list[str]]:
    steps: list[Any] = [get("search", f"/v1/search?q={text}", tenant.key) for text in texts]
    answers = tenant.world.run(AT + timedelta(seconds=5), *steps).all()
    return [[each["id"] for each in answer["body"]["data"]] for answer in answers]


def test_17_of_eight_names_at_once_the_last_one_alone_is_found(own_world: World) -> None:
    """Each rename takes the terms of the name before away; a lost race does it again, from the name that won."""
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    first = own_world.run(AT, post("customers", "/v1/customers", tenant.key, "c", {"name": "Former"})).last()
    customer = first["body"]["data"]["id"]
    path = f"/v1/customers/{customer}"
    names = [f"{letter}vonne{letter}" for letter in "abcdefgh"]
    jobs = [[patch("customers", path, tenant.key, f"p-{each}", {"name": each})] for each in names]
    answers = [answer.last() for answer in at_once(own_world, AT + timedelta(seconds=1), jobs)]
    assert {answer["status"] for answer in answers} <= {200, 409}
    last = own_world.run(AT + timedelta(seconds=4), get("customers", path, tenant.key)).last()["body"]["data"]["name"]
    assert last in names
    assert _found(tenant, "former", *names) == [[], *([customer] if each == last else [] for each in names)]
    rows = [each for each in tenant.books(AT).rows["search"] if each["id"] == customer]
    assert len([each for each in rows if not each.get("expires_at")]) == 3  # xvo, xvonn, xvonnex


def test_17_eight_customers_of_one_name_made_at_once_are_all_found(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    jobs = [[post("customers", "/v1/customers", tenant.key, f"c{n}", {"name": "Ada Lovelace"})] for n in EIGHT]
    made = [answer.last()["body"]["data"]["id"] for answer in at_once(own_world, AT, jobs)]
    assert _found(tenant, "lovelace") == [sorted(made, reverse=True)]
