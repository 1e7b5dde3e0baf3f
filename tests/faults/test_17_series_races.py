"""Issue 17, item 6: the tenant's own numbers have no gap while a test clock's customers are billed beside them."""

from datetime import timedelta

from tests.faults.world import AT, World, at_once, post

FOUR = range(4)


def test_17_four_real_subscriptions_and_four_on_a_clock_at_once_take_one_to_four_each(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=4, clock=True)
    people = [post("customers", "/v1/customers", tenant.key, f"real-{n}", {"name": f"Real {n}"}) for n in FOUR]
    tenant.customer_ids.extend(answer["body"]["data"]["id"] for answer in own_world.run(AT, *people).all())
    jobs = [[tenant.subscribe(f"key-{n}", n)] for n in range(8)]
    answers = [answer.last() for answer in at_once(own_world, AT + timedelta(seconds=1), jobs)]
    assert [answer["status"] for answer in answers] == [201] * 8, answers
    numbers = [each["number"] for each in tenant.check(AT).bodies("invoices")]
    own = sorted(each for each in numbers if "." not in each)
    theirs = sorted(each for each in numbers if "." in each)
    assert [each[-6:] for each in own] == [each[-6:] for each in theirs] == [f"{n:06d}" for n in range(1, 5)]
    assert len({each.rpartition("-")[0] for each in theirs}) == 1
