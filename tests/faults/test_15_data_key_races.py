"""Issue 15, item 8: a data key is rotated while others rotate it, change settings and write customers."""

from __future__ import annotations

from tests.faults.world import AT, Tenant, World, at_once, get, patch, post


def _rotate(tenant: Tenant, idem: str) -> dict[str, object]:
    return post("tenants", f"/v1/tenants/{tenant.id}/data-key/rotate", tenant.key, idem)


def test_15_rotations_and_changes_at_once_lose_no_key_and_no_customer(own_world: World) -> None:
    """Each rotation that was answered has a number of its own, without a gap; whoever lost a race got a 409.

    Had a change of the settings stored the tenant without a key, customers under that key would be a 500.
    """
    tenant = own_world.new_tenant(AT)
    person = {"name": "Ada", "email": "ada@example.com"}
    jobs = [[_rotate(tenant, f"rotate-{n}")] for n in range(3)]
    jobs += [[patch("tenants", f"/v1/tenants/{tenant.id}", tenant.key, "patch", {"legalName": "Acme GmbH"})]]
    # Each of these workers sees the tenant anew after its rotation, or has the keys of before.
    jobs += [
        [_rotate(tenant, f"before-{n}"), post("customers", "/v1/customers", tenant.key, f"made-{n}", person)]
        for n in range(3)
    ]
    answers = [answer.all()[1:] for answer in at_once(own_world, AT, jobs)]  # without the wait for each other
    rotated = [each[0] for n, each in enumerate(answers) if n != 3]
    assert {each["status"] for each in rotated} <= {201, 409}
    numbers = sorted(each["body"]["data"]["number"] for each in rotated if each["status"] == 201)
    assert numbers == list(range(2, 2 + len(numbers)))
    assert numbers
    made = [each[1]["body"]["data"]["id"] for each in answers[4:]]
    after = own_world.run(
        AT,
        get("customers", "/v1/customers?email=ada@example.com", tenant.key),
        *(get("customers", f"/v1/customers/{each}", tenant.key) for each in made),
        _rotate(tenant, "last"),
        get("tenants", f"/v1/tenants/{tenant.id}", tenant.key),
    ).all()
    assert {each["id"] for each in after[0]["body"]["data"]} >= set(made)
    assert [each["body"]["data"]["email"] for each in after[1:-2]] == ["ada@example.com"] * 3
    assert after[-2]["body"]["data"]["number"] == len(numbers) + 2
    assert after[-1]["status"] == 200


def test_15_eight_rotations_under_one_key_are_one(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    answers = [answer.last() for answer in at_once(own_world, AT, [[_rotate(tenant, "same")] for _ in range(8)])]
    assert [each["status"] for each in answers] == [201] * 8
    assert {each["body"]["data"]["number"] for each in answers} == {2}
