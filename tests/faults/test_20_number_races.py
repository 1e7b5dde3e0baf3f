"""Issue 20: numbers of one tenant under many clients, and after workers that died between a claim and its commit."""

from datetime import timedelta

from billing.storage.numbers import LOOK_EVERY_S
from tests.faults.processes import Json
from tests.faults.world import AT, World, at_once, step

CLIENTS = range(48)


def _numbers(invoices: list[Json]) -> list[int]:
    return sorted(int(each["number"].rpartition("-")[2]) for each in invoices if each["number"])


def test_20_forty_eight_clients_of_one_tenant_take_forty_eight_numbers_and_no_conflict(own_world: World) -> None:
    """Nobody is refused for somebody else's number; a machine that is busy with 48 processes may say 503, once."""
    tenant = own_world.new_tenant(AT, customers=len(CLIENTS))
    answers = [each.last() for each in at_once(own_world, AT, [[tenant.subscribe(f"key-{n}", n)] for n in CLIENTS])]
    busy = [n for n, answer in enumerate(answers) if answer["status"] == 503]
    assert {each["status"] for each in answers} <= {201, 503}, answers
    later = AT + timedelta(seconds=20)
    again = [own_world.run(later, tenant.subscribe(f"key-{n}", n)).last() for n in busy]
    assert [each["status"] for each in again] == [201] * len(busy), again
    books = tenant.check(later)
    assert _numbers(books.bodies("invoices")) == list(range(1, len(CLIENTS) + 1))
    assert len(own_world.charges()) == len(CLIENTS)


def test_20_what_a_client_left_that_never_came_back_is_the_next_ones(own_world: World) -> None:
    """It died between its claim and its commit. Meanwhile others go on; in a while its number is given out first."""
    tenant = own_world.new_tenant(AT, customers=5)
    for n in range(2):
        *_, answer, calls = own_world.run_apart(AT, step("fault"), tenant.subscribe(f"key-{n}", n), step("calls")).all()
        assert answer["status"] == 201, answer
    commit = calls.index("TransactWriteItems") + 1
    assert calls[commit - 2] == "UpdateItem", calls  # the claim is right before it
    assert own_world.run_apart(AT, step("fault", mode="kill", call=commit), tenant.subscribe("key-2", 2)).died
    own_world.run(AT, tenant.subscribe("key-3", 3)).all()
    assert _numbers(tenant.books(AT).bodies("invoices")) == [1, 2, 4]
    later = AT + 2 * timedelta(seconds=LOOK_EVERY_S)
    own_world.run(later - timedelta(seconds=LOOK_EVERY_S), tenant.subscribe("key-4", 4)).all()
    own_world.run(later, tenant.subscribe("key-5", 0)).all()
    books = tenant.check(later)
    assert _numbers(books.bodies("invoices")) == [1, 2, 3, 4, 5]


def test_20_a_request_that_fails_gives_its_number_back_at_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=2)
    refused = step("fault", mode="deny", call=1, operations=["TransactWriteItems"], error="500", times=50)
    failed = own_world.run_apart(AT, refused, tenant.subscribe("key-0", 0)).last()
    assert failed["status"] == 503, failed
    own_world.run(AT, tenant.subscribe("key-1", 1)).all()
    assert _numbers(tenant.check(AT).bodies("invoices")) == [1]
