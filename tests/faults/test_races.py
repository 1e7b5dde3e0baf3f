"""Processes that work on the same thing at the same time, on DynamoDB's own semantics."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.overtaking import overtaking_webhooks
from tests.faults.processes import Answer, Driver, Json
from tests.faults.stack import Stack
from tests.faults.world import AT, Tenant, World, at_once, post, step

EIGHT = range(8)


def _charged_without_an_answer(world: World) -> tuple[Tenant, Json]:
    """A tenant whose charge succeeded silently, and the delivery that tells of it, as a step."""
    tenant = world.new_tenant(AT)
    world.control("faults", kind="drop_after", method="POST", path="payment_intents$", times=50)
    world.run(AT, tenant.subscribe()).all()
    world.clear_faults()
    return tenant, world.delivery(world.event_of(tenant.charges()[0]["payment_intent"]))


def _final(answers: list[Answer]) -> list[Json]:
    return [answer.last() for answer in answers]


def _statuses(answers: list[Answer]) -> list[int]:
    return sorted(answer["status"] for answer in _final(answers))


def test_eight_clients_with_one_key_make_one_subscription_and_get_eight_equal_answers(
    own_world: World,
) -> None:
    tenant = own_world.new_tenant(AT)
    answers = at_once(own_world, AT, [[tenant.subscribe()] for _ in EIGHT])
    assert _statuses(answers) == [201] * 8, [a["body"] for a in _final(answers) if a["status"] != 201]
    bodies = [answer["body"] for answer in _final(answers)]
    assert bodies == [bodies[0]] * 8
    books = tenant.check(AT)
    assert [s["state"] for s in books.bodies("subscriptions")] == ["active"]
    assert len(books.bodies("invoices")) == len(own_world.charges()) == 1
    assert len(own_world.stripe("customers")["data"]) == 1


def test_eight_equal_answers_also_where_stripe_is_slow(own_world: World) -> None:
    """The first one holds Stripe's key for a while, and the others meet a 409 there."""
    tenant = own_world.new_tenant(AT)
    own_world.control("faults", kind="slow", method="POST", path="/v1/", ms=250, times=3)
    answers = at_once(own_world, AT, [[tenant.subscribe()] for _ in EIGHT])
    assert _statuses(answers) == [201] * 8, [a["body"] for a in _final(answers) if a["status"] != 201]
    tenant.check(AT)
    assert len(own_world.charges()) == 1


def test_eight_subscriptions_at_once_in_one_tenant_take_eight_numbers_without_a_gap(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=8)
    answers = at_once(own_world, AT, [[tenant.subscribe(f"key-{n}", n)] for n in EIGHT])
    assert _statuses(answers) == [201] * 8, [a["body"] for a in _final(answers) if a["status"] != 201]
    books = tenant.check(AT)
    assert [s["state"] for s in books.bodies("subscriptions")] == ["active"] * 8
    assert len(own_world.charges()) == 8


def test_eight_subscriptions_at_once_of_one_customer_share_one_stripe_customer(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    answers = at_once(own_world, AT, [[tenant.subscribe(f"key-{n}")] for n in EIGHT])
    assert set(_statuses(answers)) <= {201, 409}, _statuses(answers)
    retried = [own_world.run(AT + timedelta(seconds=20), tenant.subscribe(f"key-{n}")).last() for n in EIGHT]
    assert [answer["status"] for answer in retried] == [201] * 8, [answer["body"] for answer in retried]
    assert len(own_world.stripe("customers")["data"]) == 1
    tenant.check(AT + timedelta(seconds=20))


def test_a_webhook_that_overtakes_the_answer_settles_once(stack: Stack, beside: Driver) -> None:
    """Stripe delivers before it answers the request that charged: both settle the same payment."""
    with overtaking_webhooks(stack, beside) as (tenant, delivered):
        answer = tenant.world.run(AT, tenant.subscribe()).last()
    assert answer["status"] == 201, answer
    assert answer["body"]["data"]["state"] == "active"
    assert "applied" in [each["body"]["outcome"] for each in delivered], delivered
    assert {each["status"] for each in delivered} == {200}
    books = tenant.check(AT)
    assert [p["settled_by"] for p in books.bodies("payments")] == ["webhook"]


def test_a_webhook_and_the_sweep_and_a_retry_at_once_settle_once(own_world: World) -> None:
    tenant, delivery = _charged_without_an_answer(own_world)
    later = AT + timedelta(seconds=90)
    jobs = [
        [delivery],
        [delivery],
        [step("turn", shard="00")],
        [step("turn", shard="00")],
        [tenant.subscribe()],
    ]
    for answer in at_once(own_world, later, jobs):
        answer.all()
    books = tenant.check(later)
    assert [s["state"] for s in books.bodies("subscriptions")] == ["active"]
    assert len(own_world.charges()) == 1


def test_a_due_subscription_worked_by_four_workers_at_once_is_billed_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    own_world.run(AT, tenant.subscribe()).all()
    later = AT + timedelta(days=32)
    for answer in at_once(own_world, later, [[step("turn", shard="00")] for _ in range(4)]):
        assert answer.last()["batchItemFailures"] == []
    end = later + timedelta(minutes=30)
    own_world.run(end, step("turn", shard="00")).all()
    books = tenant.check(end)
    assert [i["status"] for i in books.bodies("invoices")] == ["paid", "paid"]
    assert len(own_world.charges()) == 2


def test_a_message_that_comes_three_times_bills_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    own_world.run(AT, tenant.subscribe()).all()
    later = AT + timedelta(days=32)
    own_world.run(later, *[step("turn", shard="00") for _ in range(3)]).all()
    books = tenant.check(later)
    assert [i["status"] for i in books.bodies("invoices")] == ["paid", "paid"]
    assert len(own_world.charges()) == 2


def test_eight_payers_with_different_keys_charge_an_invoice_once(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    unpaid, _ = own_world.run(AT, tenant.subscribe("one", paymentMethodId=None), tenant.subscribe("two")).all()
    path = f"/v1/invoices/{unpaid['body']['data']['latestInvoiceId']}/pay"
    answers = at_once(own_world, AT, [[post("invoices", path, tenant.key, f"pay-{n}", {})] for n in EIGHT])
    assert _statuses(answers) == [200] + [409] * 7, _statuses(answers)
    books = tenant.check(AT)
    assert [i["status"] for i in books.bodies("invoices")] == ["paid", "paid"]
    assert len(own_world.charges()) == 2


def test_the_same_webhook_delivered_by_four_at_once_is_applied_once(own_world: World) -> None:
    tenant, delivery = _charged_without_an_answer(own_world)
    answers = at_once(own_world, AT + timedelta(seconds=5), [[delivery] for _ in range(4)])
    outcomes = sorted(answer["body"]["outcome"] for answer in _final(answers))
    assert outcomes == ["applied", "duplicate", "duplicate", "duplicate"]
    tenant.check(AT + timedelta(seconds=5))


def test_two_creations_of_a_tenant_with_one_id_make_one(own_world: World) -> None:
    body = {"id": "acme", "name": "Acme", "mode": "test", "currency": "USD"}
    jobs = [[post("tenants", "/v1/tenants", own_world.platform_key, f"key-{n}", body)] for n in range(4)]
    assert _statuses(at_once(own_world, AT, jobs)) == [201, 409, 409, 409]


def _make_coupon(tenant: Tenant, idem: str = "coupon", **limits: int) -> Json:
    terms = {"code": "Last2026", "percentOff": 25, "duration": "once", **limits}
    return post("coupons", "/v1/coupons", tenant.key, idem, terms)


def _redeem(tenant: Tenant, idem: str, customer: int) -> Json:
    body = {"code": "last2026", "customerId": tenant.customer_ids[customer]}
    return post("coupons", "/v1/commerce/coupons/redeem", tenant.key, idem, body)


def test_the_last_redemption_of_a_coupon_goes_to_exactly_one_of_eight_customers(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=9)
    before = own_world.run(AT, _make_coupon(tenant, maxRedemptions=2), _redeem(tenant, "first", 8)).all()
    assert [answer["status"] for answer in before] == [201, 200]
    answers = at_once(own_world, AT, [[_redeem(tenant, f"key-{n}", n)] for n in EIGHT])
    assert _statuses(answers) == [200] + [422] * 7, _statuses(answers)
    refused = [answer["body"]["error"]["code"] for answer in _final(answers) if answer["status"] == 422]
    assert refused == ["billing.coupon.exhausted"] * 7
    books = tenant.check(AT)
    assert [coupon["redeemed"] for coupon in books.bodies("coupons")] == [2]
    (winner,) = [a["body"]["data"]["customerId"] for a in _final(answers) if a["status"] == 200]
    counts = {each["customer_id"]: each["count"] for each in books.bodies("redemptions")}
    assert counts == {tenant.customer_ids[8]: 1, winner: 1}
    assert books.event_types()["coupon.redeemed"] == 2


def test_a_customers_last_redemption_is_one_of_eight_also_where_the_coupon_has_no_limit(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    own_world.run(AT, _make_coupon(tenant, maxRedemptionsPerCustomer=1)).all()
    answers = at_once(own_world, AT, [[_redeem(tenant, f"key-{n}", 0)] for n in EIGHT])
    assert _statuses(answers) == [200] + [422] * 7, _statuses(answers)
    refused = [answer["body"]["error"]["code"] for answer in _final(answers) if answer["status"] == 422]
    assert refused == ["billing.coupon.exhausted"] * 7
    books = tenant.check(AT)
    assert [each["count"] for each in books.bodies("redemptions")] == [1]
    assert books.event_types()["coupon.redeemed"] == 1


def test_customers_of_an_unlimited_coupon_do_not_meet(own_world: World) -> None:
    tenant = own_world.new_tenant(AT, customers=8)
    own_world.run(AT, _make_coupon(tenant)).all()
    # One write each, and none of them lost: nobody runs again.
    jobs = [[_redeem(tenant, f"key-{n}", n), step("calls")] for n in EIGHT]
    for answer in at_once(own_world, AT, jobs):
        redeemed, calls = answer.all()[-2:]
        assert redeemed["status"] == 200
        assert calls.count("TransactWriteItems") == 1
    books = tenant.check(AT)
    assert [(coupon["redeemed"], coupon["version"]) for coupon in books.bodies("coupons")] == [(0, 1)]
    assert [each["count"] for each in books.bodies("redemptions")] == [1] * 8


def test_eight_redemptions_under_one_key_are_one(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    own_world.run(AT, _make_coupon(tenant, maxRedemptions=8)).all()
    answers = at_once(own_world, AT, [[_redeem(tenant, "same", 0)] for _ in EIGHT])
    bodies = [answer["body"] for answer in _final(answers)]
    assert _statuses(answers) == [200] * 8, bodies
    assert bodies == [bodies[0]] * 8
    assert [coupon["redeemed"] for coupon in tenant.check(AT).bodies("coupons")] == [1]


def test_eight_creations_of_one_code_in_any_case_make_one_coupon(own_world: World) -> None:
    tenant = own_world.new_tenant(AT)
    terms = {"percentOff": 25, "duration": "once"}
    jobs = [
        [post("coupons", "/v1/coupons", tenant.key, f"key-{n}", terms | {"code": "sale" if n % 2 else "SALE"})]
        for n in EIGHT
    ]
    assert _statuses(at_once(own_world, AT, jobs)) == [201] + [409] * 7
    assert [coupon["id"] for coupon in tenant.check(AT).bodies("coupons")] == ["SALE"]
