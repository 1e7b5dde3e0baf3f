"""Issue 17, item 1: several creators of one external id at once; one wins, on DynamoDB's own semantics."""

from datetime import timedelta

from tests.faults.books import Books
from tests.faults.world import AT, World, at_once, get, patch, post

EIGHT = range(8)
PATH = "/v1/customers"


def _claims(books: Books) -> list[str]:
    """Whose the external ids are."""
    return sorted(each["owner_id"] for each in books.bodies("sequences") if each.get("owner_id"))


def test_17_of_eight_customers_with_one_external_id_one_is_made(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    person = {"name": "Ada", "externalId": "crm-1"}
    jobs = [[post("customers", PATH, tenant.key, f"c{n}", person)] for n in EIGHT]
    answers = [answer.last() for answer in at_once(own_world, AT, jobs)]
    assert sorted(answer["status"] for answer in answers) == [201] + [409] * 7, answers
    (winner,) = [answer["body"]["data"]["id"] for answer in answers if answer["status"] == 201]
    losers = [answer["body"]["error"] for answer in answers if answer["status"] == 409]
    assert {each["code"] for each in losers} == {"resource.already_exists"}
    listed = own_world.run(AT, get("customers", f"{PATH}?externalId=crm-1", tenant.key)).last()["body"]["data"]
    assert [each["id"] for each in listed] == [winner]
    books = tenant.books(AT)
    assert _claims(books) == [winner]
    assert [each["id"] for each in books.bodies("customers") if each.get("external_id")] == [winner]


def test_17_eight_customers_that_exchange_theirs_at_once_never_share_one(own_world: World) -> None:
    """Each wants its neighbour's, while that one gives it up: whoever comes too early is refused, and keeps its own."""
    tenant = own_world.new_tenant(AT, customers=0, plans=())
    steps = [post("customers", PATH, tenant.key, f"c{n}", {"name": "A", "externalId": f"x{n}"}) for n in EIGHT]
    ids = [answer["body"]["data"]["id"] for answer in own_world.run(AT, *steps).all()]
    wanted = ["free", *(f"x{n}" for n in EIGHT[:-1])]
    jobs = [
        [patch("customers", f"{PATH}/{each}", tenant.key, f"p{n}", {"externalId": wanted[n]})]
        for n, each in enumerate(ids)
    ]
    answers = [answer.last() for answer in at_once(own_world, AT + timedelta(seconds=1), jobs)]
    assert {answer["status"] for answer in answers} <= {200, 409}
    assert answers[0]["status"] == 200
    books = tenant.books(AT + timedelta(seconds=2))
    held = {each["id"]: each["external_id"] for each in books.bodies("customers") if each.get("external_id")}
    assert held == {
        each: wanted[n] if answers[n]["status"] == 200 else f"x{n}" for n, each in enumerate(ids)
    }  # what was answered is what is so
    assert len(set(held.values())) == len(ids)
    assert _claims(books) == sorted(ids)


def test_17_of_eight_subscriptions_with_one_external_id_one_is_made_and_charged(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    jobs = [[tenant.subscribe(f"key-{n}", externalId="workspace")] for n in EIGHT]
    answers = [answer.last() for answer in at_once(own_world, AT, jobs)]
    assert sorted(answer["status"] for answer in answers) == [201] + [409] * 7, answers
    books = tenant.books(AT)
    (made,) = books.bodies("subscriptions")
    assert _claims(books) == [made["id"]]
    assert len(own_world.charges()) == 1
    # Who was refused at the commit had a number, perhaps below the winner's: what follows gets that before any new one.
    own_world.run(AT, *(tenant.subscribe(f"later-{n}") for n in EIGHT[1:])).all()
    assert len(tenant.check(AT).bodies("invoices")) == 8
