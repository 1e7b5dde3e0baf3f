"""A walk through every function: every route once, a declined charge, webhooks, renewals, usage."""

from typing import Any

from tests.integration.access.walk_access import walk_access
from tests.integration.payer import declined_renewal, tried_again_at_stripe
from tests.integration.refunds import begin_refund
from tests.integration.world import Json, Tenant, World


def walk(world: World) -> None:
    """Every route once, a declined charge, a webhook, a renewal."""
    tenant = world.tenant()
    tenant.get(f"/v1/tenants/{tenant.id}")
    walk_settings(tenant)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data
    customer = tenant.customer(testClockId=clock["id"])
    tenant.patch(f"/v1/customers/{customer}", {"name": "New Name", "externalId": "crm-1"})
    subscription = tenant.subscribe(customerId=customer)
    world.deliver_all(tenant)
    for path, body in (("/v1/invoices/{}/pay", {}), ("/v1/payments", {"invoiceId": "{}"})):
        refused = tenant.subscribe("pm_card_chargeCustomerFail", customerId=customer)
        method = refused["paymentMethodId"]
        named = {name: value.format(refused["latestInvoiceId"]) for name, value in body.items()}
        tenant.post(path.format(refused["latestInvoiceId"]), named)
        tenant.post(path.format(refused["latestInvoiceId"]), {**named, "paymentMethodId": method})
        paid = tenant.post(path.format(refused["latestInvoiceId"]), {**named, "paymentMethodId": "pm_card_visa"})
        assert paid.status in (200, 201), paid.json
        unpaid = tenant.subscribe(None, customerId=tenant.customer())
        named = {name: value.format(unpaid["latestInvoiceId"]) for name, value in body.items()}
        tenant.post(path.format(unpaid["latestInvoiceId"]), {**named, "paymentMethodId": "pm_card_visa"})
    world.sandbox.post("faults", kind="drop_after", method="POST", path="^/v1/payment_intents$", times=2)
    tenant.subscribe(customerId=customer)
    world.deliver_all(tenant)
    tenant.post(f"/v1/test-clocks/{clock['id']}/advance", {"frozenTime": "2027-03-01T00:00:00Z"})
    world.drain()
    world.deliver_all(tenant)
    invoice = tenant.get("/v1/invoices", subscription=subscription["id"]).data[0]
    for path in (
        "/v1/customers",
        f"/v1/customers/{customer}",
        "/v1/plans",
        "/v1/plans/business-monthly",
        "/v1/subscriptions",
        f"/v1/subscriptions/{subscription['id']}",
        f"/v1/tenants/{tenant.id}/subscriptions",
        "/v1/invoices",
        f"/v1/invoices/{invoice['id']}",
        f"/v1/invoices/{invoice['id']}/pdf",
        f"/v1/invoices/{invoice['id']}/xml",
        "/v1/payments",
        f"/v1/payments/{invoice['latestPaymentId']}",
        "/v1/payment-methods",
        "/v1/test-clocks",
        f"/v1/test-clocks/{clock['id']}",
        "/v1/nothing",
    ):
        tenant.get(path)
    tenant.get("/v1/customers", email="zoe@example.com")
    tenant.get("/v1/tax/calculate", currency="EUR", country="EE", amount=1_000)
    tenant.get("/v1/tax/jurisdictions")
    rate = {"country": "EE", "category": "standard", "name": "VAT", "percent": "24", "validFrom": "2025-07-01"}
    applied = world.deliver_tax({"id": "evt_iam", "type": "tax_rates.updated", "data": {"rates": [rate]}})
    assert applied["statusCode"] == 200
    for path in ("/v1/invoices", "/v1/payments", "/v1/subscriptions"):
        tenant.get(path, customer=customer)
    assert tenant.post("/v1/invoices/preview", {"subscriptionId": subscription["id"]}).status == 200
    tenant.post(f"/v1/subscriptions/{subscription['id']}/cancel", {"atPeriodEnd": False})
    walk_coupons(tenant, customer)
    walk_invoices(tenant, customer)
    walk_changes(world, tenant)
    tenant.delete(f"/v1/test-clocks/{clock['id']}")
    walk_refunds(world, tenant)
    walk_credit_notes(world, tenant)
    walk_intents(world, tenant)
    walk_paid_back(world, tenant)
    walk_methods(world, tenant)
    walk_disputes(world, tenant)
    walk_refused_refunds(world, tenant)
    walk_usage(world, tenant)


def walk_usage(world: World, tenant: Tenant) -> None:
    """Usage of every kind of meter, on a test clock; a correction; what cannot be counted; and all of it read."""
    world.usage_messages()  # what tests of other modules left in the queue is of tenants that are gone
    kinds = {"w-sum": "sum", "w-max": "max", "w-last": "last", "w-users": "unique"}
    for key, kind in kinds.items():
        more = {"property": "user"} if kind == "unique" else {"dimensions": ["region"]} if kind == "sum" else {}
        assert tenant.post("/v1/meters", {"key": key, "aggregation": kind, **more}).status == 201
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    subscription = tenant.subscribe(customerId=tenant.customer(testClockId=clock))["id"]
    fields = {"subscriptionId": subscription, "timestamp": "2027-01-31T00:00:00Z", "properties": {"user": "ann"}}
    events = [{**fields, "eventId": f"{key}-{n}", "meter": key, "quantity": n} for key in kinds for n in (1, 2)]
    events.append({**fields, "eventId": "lost", "meter": "w-none"})
    assert tenant.post("/v1/usage/events", {"events": events}).status == 202
    assert world.count_usage() == {"batchItemFailures": []}
    takes_back = {**fields, "eventId": "back", "meter": "w-sum", "quantity": -1, "corrects": "w-sum-2"}
    assert tenant.post("/v1/usage/events", {"events": [takes_back]}).status == 202
    assert world.count_usage() == {"batchItemFailures": []}
    assert tenant.get("/v1/usage/events/w-sum-2").data["remaining"] == "1"
    assert len(tenant.get("/v1/usage", subscription=subscription).data) == 4
    hours = {"meter": "w-sum", "granularity": "hour", "from_": "2027-01-31T00:00:00Z", "to": "2027-02-01T00:00:00Z"}
    assert len(tenant.get("/v1/usage", subscription=subscription, **hours).data) == 1
    assert len(tenant.get("/v1/usage/rejections").data) == 1
    walk_metered_plans(world, tenant)


def walk_metered_plans(world: World, tenant: Tenant) -> None:
    """Usage closed by a change, a renewal and an end, late ones of the end, an invoice of usage made void."""
    for plan_id, price in (("w-small", 1000), ("w-large", 2000)):
        tenant.plan(id=plan_id, components=[{"key": "c", "type": "metered", "meter": "w-last", "unitAmount": price}])
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    subscription = tenant.subscribe(
        planId="w-small", quantities={}, customerId=tenant.customer(testClockId=clock), paymentMethodId=None
    )
    path = f"/v1/subscriptions/{subscription['id']}"

    def use(event_id: str, at: str, quantity: int) -> None:
        event = {"eventId": event_id, "subscriptionId": subscription["id"], "meter": "w-last", "quantity": quantity}
        assert tenant.post("/v1/usage/events", {"events": [event | {"timestamp": at}]}).status == 202
        assert world.count_usage() == {"batchItemFailures": []}

    def advance(to: str) -> None:
        assert tenant.post(f"/v1/test-clocks/{clock}/advance", {"frozenTime": to}).status == 202
        world.drain()

    advance("2027-01-10T00:00:00Z")
    use("jan", "2027-01-09T00:00:00Z", 900)
    assert tenant.post(f"{path}/preview", {"planId": "w-large"}).data["total"] == 900_000
    assert tenant.patch(path, {"planId": "w-large"}).status == 200
    advance("2027-02-01T00:00:00Z")
    use("late", "2027-01-31T00:00:00Z", 1200)
    assert tenant.post("/v1/invoices/preview", {"subscriptionId": subscription["id"]}).status == 200
    (unpaid,) = tenant.get("/v1/invoices", subscription=subscription["id"]).data
    assert tenant.post(f"/v1/invoices/{unpaid['id']}/void").status == 200
    assert tenant.post(f"{path}/cancel", {"atPeriodEnd": False}).status == 200
    use("after", "2027-01-31T12:00:00Z", 1500)
    advance("2027-03-15T00:00:00Z")
    subscription = tenant.subscribe(planId="w-small", quantities={}, customerId=tenant.customer(testClockId=clock))
    use("paid", "2027-03-15T00:00:00Z", 900)
    advance("2027-04-16T00:00:00Z")
    payment = tenant.only_payment(invoice=tenant.only_invoice(subscription=subscription["id"])["id"])
    assert tenant.post(f"/v1/payments/{payment['id']}/refund", {"amount": 500_000}).data["creditNoteId"]


def walk_credit_notes(world: World, tenant: Tenant) -> None:
    """Credit notes to the balance and to the card; one refund the bank sends back, one Stripe refuses to the sweep.

    And one over the rest of a first invoice that was credited in part, of a subscription that is canceled unpaid.
    """
    unpaid = tenant.subscribe(None, customerId=tenant.customer())
    tenant.post(f"/v1/invoices/{unpaid['latestInvoiceId']}/credit-notes", {"amount": 1_000_000})
    assert tenant.post(f"/v1/subscriptions/{unpaid['id']}/cancel").data["state"] == "canceled"
    invoice = tenant.get(f"/v1/invoices/{tenant.subscribe()['latestInvoiceId']}").data
    intent = tenant.get(f"/v1/payments/{invoice['latestPaymentId']}").data["paymentIntentId"]
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    assert tenant.post(path, {"amount": 1_000_000}).data["toBalance"] == 1_000_000
    note = tenant.post(path, {"amount": 2_000_000, "refund": True}).data
    assert note["refund"]["status"] == "succeeded"
    for each in (f"/v1/credit-notes/{note['id']}", f"/v1/credit-notes/{note['id']}/pdf", path):
        assert tenant.get(each).status == 200
    assert tenant.get(f"/v1/credit-notes/{note['id']}/xml").status == 422
    (refund,) = world.stripe.v1.refunds.list({"payment_intent": intent}).data
    world.sandbox.post(f"refunds/{refund.id}/finish", succeed=False)
    world.deliver_all(tenant)
    assert tenant.get(f"/v1/credit-notes/{note['id']}").data["toBalance"] == 2_000_000
    world.stripe_fails("drop_before", "/v1/refunds$", method="POST")
    silent = tenant.post(path, {"amount": 3_000_000, "refund": True}).data
    assert silent["refund"]["status"] == "pending"
    world.stripe_works()
    # Somebody was faster, in Stripe's dashboard, and left 2.00.
    paid = world.stripe.v1.payment_intents.retrieve(intent).amount_received
    world.stripe.v1.refunds.create({"payment_intent": intent, "amount": paid - 200})
    world.clock.advance(seconds=61)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/credit-notes/{silent['id']}").data["toBalance"] == 200_000


_PRICE = {"amount": 5_000_000, "currency": "USD"}


def walk_intents(world: World, tenant: Tenant) -> None:
    """Forms: of a plain amount, on a test clock, of an invoice (twice: paid before the second is asked for); one that
    nobody pays; and a method that is charged while its payer is there."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    on_clock = {"customerId": tenant.customer(testClockId=clock)}
    unpaid = tenant.subscribe("pm_card_chargeCustomerFail", customerId=tenant.customer())["latestInvoiceId"]

    def intent(**body: Any) -> Json:
        made = tenant.post("/v1/payments/intents", body)
        assert made.status == 201, made.json
        return dict(made.data)

    def pay(made: Json) -> None:
        world.sandbox.post(f"payment_intents/{made['paymentIntentId']}/pay", payment_method="pm_card_visa")

    pay(intent(**_PRICE, **on_clock, orderId="ord_1", savePaymentMethod=True))
    world.deliver_all(tenant)
    intent(invoiceId=unpaid)
    pay(intent(invoiceId=unpaid))
    assert intent(invoiceId=unpaid)["status"] == "succeeded"
    assert tenant.get(f"/v1/invoices/{unpaid}").data["status"] == "paid"
    assert intent(**_PRICE, paymentMethodId="pm_card_visa")["status"] == "succeeded"
    abandoned = intent(**_PRICE)
    assert tenant.get(f"/v1/payments/{abandoned['paymentIntentId']}").status == 200
    world.clock.advance(hours=25)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    assert tenant.get(f"/v1/payments/{abandoned['paymentId']}").data["status"] == "canceled"


def walk_paid_back(world: World, tenant: Tenant) -> None:
    """Refunds on demand: of a sale, of an invoice's payment, by somebody at Stripe, and one the bank sends back."""
    sale = tenant.post("/v1/payments", {**_PRICE, "paymentMethodId": "pm_card_visa"}).data
    billed = tenant.subscribe()["latestInvoiceId"]
    payment = tenant.get(f"/v1/invoices/{billed}").data["latestPaymentId"]
    for each in (sale["id"], sale["paymentIntentId"], payment):
        assert tenant.post(f"/v1/payments/{each}/refund", {"amount": 1_000_000}).data["status"] == "succeeded"
        assert tenant.get(f"/v1/payments/{each}/refunds").status == 200
    first = world.stripe_events(tenant, "refund.created")[-3]["data"]["object"]["id"]
    world.sandbox.post(f"refunds/{first}/finish", succeed=False)
    world.sandbox.post(f"payment_intents/{sale['paymentIntentId']}/refund", amount=100)
    world.deliver_all(tenant)
    statuses = {each["status"] for each in tenant.get(f"/v1/payments/{sale['id']}/refunds").data}
    assert statuses == {"failed", "succeeded"}


def walk_methods(world: World, tenant: Tenant) -> None:
    """Methods that come by a form and by a charge, change, and go: here, in the dashboard, and with their customer."""
    customer = tenant.customer()
    setup = tenant.post("/v1/payment-methods/setup", {"customerId": customer}).data
    world.sandbox.post(f"setup_intents/{setup['setupIntentId']}/complete", payment_method="pm_card_visa")
    world.deliver_all(tenant)
    tenant.subscribe("pm_card_mastercard", customerId=customer)
    old, new = tenant.get("/v1/payment-methods", customer=customer).data
    world.sandbox.post(f"payment_methods/{old['id']}/renew", exp_month=1, exp_year=2039)
    world.deliver_all(tenant)
    for method in (old, new):
        assert tenant.post(f"/v1/payment-methods/{method['id']}/set-default").status == 200
    subscribed = tenant.get("/v1/subscriptions", customer=customer).data[0]["paymentMethodId"]
    assert tenant.delete(f"/v1/payment-methods/{subscribed}").status == 200
    left = tenant.get("/v1/payment-methods", customer=customer).data[0]["id"]
    tenant.subscribe(left, customerId=customer)
    world.sandbox.post(f"payment_methods/{left}/detach")
    world.deliver_all(tenant)
    tenant.subscribe("pm_card_amex", customerId=customer)
    world.stripe.v1.customers.delete(world.intents(tenant)[0]["customer"])
    world.deliver_all(tenant)
    assert tenant.get("/v1/payment-methods", customer=customer).data == []


def walk_disputes(world: World, tenant: Tenant) -> None:
    """A dispute of a sale that is won, one of an invoice's payment that is lost."""
    sale = tenant.post("/v1/payments", {**_PRICE, "paymentMethodId": "pm_card_visa"}).data
    invoice = tenant.subscribe()["latestInvoiceId"]
    billed = tenant.only_payment(invoice=invoice)
    for payment, status in ((sale, "won"), (billed, "lost")):
        made = world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute")
        world.deliver_all(tenant)
        world.sandbox.post(f"disputes/{made['id']}/close", status=status)
        world.deliver_all(tenant)
    disputes = tenant.get("/v1/disputes").data
    assert {each["status"] for each in disputes} == {"won", "lost"}
    for query in ({"customer": sale["customerId"]}, {"payment": sale["id"]}):
        assert tenant.get("/v1/disputes", **query).status == 200
    assert tenant.get(f"/v1/disputes/{disputes[0]['id']}").status == 200


def walk_refused_refunds(world: World, tenant: Tenant) -> None:
    """Refunds of what the payer has disputed, which nobody was told of: whoever asks Stripe writes the dispute."""

    def disputed(payment: Json) -> str:
        world.sandbox.post(f"charges/{payment['paymentIntentId']}/dispute", amount=1_000)
        return str(payment["id"])

    by_route = disputed(tenant.post("/v1/payments", {**_PRICE, "paymentMethodId": "pm_card_visa"}).data)
    assert tenant.post(f"/v1/payments/{by_route}/refund").data["status"] == "failed"
    invoice = tenant.subscribe()["latestInvoiceId"]
    by_note = disputed(tenant.only_payment(invoice=invoice))
    note = tenant.post(f"/v1/invoices/{invoice}/credit-notes", {"amount": 9_000_000, "refund": True}).data
    assert note["refund"]["status"] == "failed"
    by_sweep = tenant.post("/v1/payments", {**_PRICE, "paymentMethodId": "pm_card_visa"}).data
    world.stripe_fails("drop_before", "/v1/refunds$", method="POST")
    assert tenant.post(f"/v1/payments/{by_sweep['id']}/refund").data["status"] == "pending"
    world.stripe_works()
    disputed(by_sweep)
    world.clock.advance(seconds=61)
    world.work(*(f"{shard:02d}" for shard in range(16)))
    found = {each["paymentId"] for each in tenant.get("/v1/disputes").data}
    assert {by_route, by_note, by_sweep["id"]} <= found
    world.deliver_all(tenant)


def walk_refunds(world: World, tenant: Tenant) -> None:
    """Two refunds whose requests died: of one the webhook tells, of the other, which Stripe never got, the sweep."""
    begin_refund(tenant, send=True)
    world.deliver_all(tenant)
    due = begin_refund(tenant, send=False).due
    assert due is not None
    world.clock.advance(seconds=61)
    world.work(due.shard)


def walk_settings(tenant: Tenant) -> None:
    """A tenant's settings and keys, meters, and a plan's versions."""
    walk_access(tenant)
    for body in ({"invoicePrefix": "WALK"}, {"name": "Walker"}):
        assert tenant.patch(f"/v1/tenants/{tenant.id}", body).status == 200
    calls = {"key": "calls", "type": "metered", "meter": tenant.meter(), "unitAmount": 250}
    assert tenant.patch("/v1/meters/api_calls", {"shards": 8}).status == 200
    assert tenant.get("/v1/meters/api_calls").status == 200
    assert tenant.get("/v1/meters", catalog="platform").status == 200
    tenant.plan(id="walked", components=[calls])
    changed = {"components": [calls | {"unitAmount": 500}]}
    assert tenant.patch("/v1/plans/walked", changed).data["version"] == 2
    assert tenant.get("/v1/plans/walked", version=1).status == 200
    assert tenant.post("/v1/plans/walked/archive").status == 200
    assert tenant.get("/v1/plans", catalog="platform", active="true").status == 200


def walk_invoices(tenant: Tenant, customer: str) -> None:
    """Invoices made by hand: with a coupon, against the balance, changed, finalized, void, given up."""
    terms = {"code": "BY-HAND", "percentOff": 10, "duration": "once", "maxRedemptions": 5}
    assert tenant.post("/v1/coupons", terms).status == 201
    sold = {"customerId": customer, "lines": [{"description": "Setup", "amount": 5_000_000}]}
    given = {"customerId": customer, "lines": [{"description": "Goodwill", "amount": -1_000_000}]}
    assert tenant.post("/v1/invoices/preview", {**sold, "couponCode": "BY-HAND"}).status == 200
    assert tenant.post("/v1/invoices", {**given, "autoFinalize": True}).status == 201
    assert tenant.get(f"/v1/customers/{customer}/balance").data["amount"] > 0
    for action in ("void", "uncollectible"):
        made = tenant.post("/v1/invoices", {**sold, "couponCode": "BY-HAND"}).data
        assert tenant.patch(f"/v1/invoices/{made['id']}", {"addLines": sold["lines"]}).status == 200
        assert tenant.post(f"/v1/invoices/{made['id']}/finalize").status == 200
        assert tenant.post(f"/v1/invoices/{made['id']}/{action}").status == 200
    charged = tenant.post("/v1/invoices", {**sold, "autoFinalize": True, "autoCharge": True})
    assert charged.data["status"] == "paid"


def walk_changes(world: World, tenant: Tenant) -> None:
    """Changes that charge, changes that give back, a pause, a declined renewal, and one that was paid twice."""
    assert tenant.post("/v1/coupons", {"code": "CHANGE", "percentOff": 10, "duration": "once", "maxRedemptions": 9})
    tenant.plan(id="yearly", interval="year")
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-31T00:00:00Z"}).data["id"]
    made = tenant.subscribe(customerId=tenant.customer(testClockId=clock), couponCode="CHANGE")
    path = f"/v1/subscriptions/{made['id']}"
    for body in (
        {"quantities": {"seats": 120}, "prorationBehavior": "invoice_now", "couponCode": "CHANGE"},
        {"planId": "yearly", "paymentMethodId": "pm_card_mastercard"},
        {"planId": "business-monthly", "quantities": {"seats": 1}},
        {"paused": True},
        {"paused": False},
    ):
        assert tenant.post(f"{path}/preview", body).status == 200
        assert tenant.patch(path, body).status == 200
    advance = f"/v1/test-clocks/{clock}/advance"
    assert tenant.post(advance, {"frozenTime": "2027-03-02T00:00:00Z"}).status == 202
    world.drain()
    customer = tenant.customer()
    unpaid, declined = declined_renewal(world, tenant, customer)
    assert tenant.post(f"/v1/invoices/{unpaid['id']}/pay").data["status"] == "paid"
    tried_again_at_stripe(world, tenant, declined)
    assert tenant.get(f"/v1/customers/{customer}/balance").data["amount"] == unpaid["total"]
    assert tenant.post(f"/v1/payments/{declined['id']}/refund").data["fromBalance"] is True
    assert tenant.post(f"{path}/cancel", {"prorationBehavior": "create_prorations"}).status == 200


def walk_coupons(tenant: Tenant, customer: str) -> None:
    """A coupon's life."""
    terms = {"code": "WALK", "percentOff": 10, "duration": "once", "maxRedemptions": 5, "planIds": ["business-monthly"]}
    assert tenant.post("/v1/coupons", terms).status == 201
    redeemed = tenant.post(
        "/v1/commerce/coupons/redeem", {"code": "walk", "customerId": customer, "planId": "business-monthly"}
    )
    assert redeemed.status == 200, redeemed.json
    tenant.get("/v1/coupons")
    tenant.delete("/v1/coupons/WALK")
