"""Issue 13: net terms give dueAt, which dunning and lists use; test clocks show it day by day."""

import json
from typing import Any

import pytest

from tests.integration.invoices import carded, clocked, do, line, make, read
from tests.integration.steps import advance, flat
from tests.integration.world import Json, Tenant, World

START, DUE, LATER = "2027-01-01T00:00:00Z", "2027-01-31T00:00:00Z", "2027-02-01T00:00:00Z"


@pytest.fixture
def patient(world: World) -> Tenant:
    """A tenant that gives 30 days."""
    return world.tenant(netTermsDays=30)


def by_transfer(world: World, tenant: Tenant, **fields: Any) -> tuple[str, Json]:
    """A clock, and a subscription of 31.00 a month without a card."""
    clock, customer = clocked(tenant, **fields)
    plan = flat(tenant, "monthly", 3100)
    return clock, tenant.subscribe(None, planId=plan, quantities={}, customerId=customer)


def state_of(tenant: Tenant, subscription: Json) -> str:
    return str(tenant.get(f"/v1/subscriptions/{subscription['id']}").data["state"])


def billed(tenant: Tenant, subscription: Json) -> Json:
    """Its latest invoice."""
    found: Json = tenant.get("/v1/invoices", subscription=subscription["id"]).data[0]
    return found


@pytest.mark.parametrize(
    ("of_tenant", "of_customer", "of_invoice", "due"),
    [
        (30, None, None, "2027-01-31T00:00:00Z"),
        (30, 14, None, "2027-01-15T00:00:00Z"),
        (30, 14, 60, "2027-03-02T00:00:00Z"),
        (30, 0, None, START),
        (30, None, 0, START),
        (0, None, None, START),
    ],
)
def test_the_terms_of_the_invoice_its_customer_or_its_tenant(
    world: World, of_tenant: int, of_customer: int | None, of_invoice: int | None, due: str
) -> None:
    tenant = world.tenant(netTermsDays=of_tenant)
    _, customer = clocked(tenant, netTermsDays=of_customer)
    draft = make(tenant, line(100_00), customerId=customer, netTermsDays=of_invoice)
    assert (draft["dueAt"], draft["status"]) == (None, "draft")
    final = do(tenant, "finalize", draft).data
    assert (final["dueAt"], final["finalizedAt"]) == (due, START)
    assert tenant.get("/v1/invoices").data == [final]


def test_it_is_due_by_calendar_days_of_its_zone(world: World) -> None:
    tenant = world.tenant(netTermsDays=30)
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-03-01T11:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock, timezone="Europe/Berlin")
    assert make(tenant, customerId=customer, autoFinalize=True)["dueAt"] == "2027-03-31T10:00:00Z"


def test_what_is_frozen_does_not_follow_and_a_draft_does(world: World, patient: Tenant) -> None:
    _, customer = clocked(patient)
    draft, final = make(patient, customerId=customer), make(patient, customerId=customer, autoFinalize=True)
    patient.patch(f"/v1/customers/{customer}", {"netTermsDays": 7, "locale": "de-at", "poNumber": "PO-7"})
    unchanged = read(patient, final)
    assert (unchanged["dueAt"], unchanged["locale"], unchanged["poNumber"]) == (DUE, "en", None)
    now = do(patient, "finalize", draft).data
    assert (now["dueAt"], now["netTermsDays"], now["locale"], now["poNumber"]) == (
        "2027-01-08T00:00:00Z",
        7,
        "de-AT",
        "PO-7",
    )


def test_who_has_a_card_is_charged_at_once_whatever_the_terms(world: World, patient: Tenant) -> None:
    """Who pays by a saved method needs no time: charged, and due, on the day of the invoice."""
    customer, _ = carded(patient)
    made = make(patient, line(100_00), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["dueAt"]) == ("paid", made["finalizedAt"])
    by_hand = make(patient, line(100_00), customerId=customer, autoFinalize=True)
    assert by_hand["status"] == "open"
    assert by_hand["dueAt"] > by_hand["finalizedAt"]


def test_a_subscription_without_a_card_begins_and_is_dunned_from_the_due_date_on(world: World, patient: Tenant) -> None:
    """Nothing is past due before the invoice is; then dunning's day 0 is the due date."""
    clock, made = by_transfer(world, patient)
    assert made["state"] == "active"
    first = billed(patient, made)
    assert (first["status"], first["dueAt"], first["nextAttemptAt"]) == ("open", DUE, DUE)
    assert (first["paymentError"], first["attemptCount"]) == (None, 0)
    advance(world, patient, clock, "2027-01-30T23:59:59Z")
    assert (state_of(patient, made), read(patient, first)["nextAttemptAt"]) == ("active", DUE)
    advance(world, patient, clock, DUE)
    late = read(patient, first)
    assert (state_of(patient, made), late["status"]) == ("past_due", "open")
    assert late["paymentError"]["code"] == "validation.payment_method.invalid"
    assert late["nextAttemptAt"] == LATER  # day 1 of the schedule
    advance(world, patient, clock, "2027-02-07T00:00:00Z")
    assert state_of(patient, made) == "canceled"


def test_what_is_paid_in_time_is_never_past_due(world: World, patient: Tenant) -> None:
    clock, made = by_transfer(world, patient)
    first = billed(patient, made)
    advance(world, patient, clock, "2027-01-20T00:00:00Z")
    paid = patient.post(f"/v1/invoices/{first['id']}/pay", {"paymentMethodId": "pm_card_visa"}).data
    assert paid["status"] == "paid"
    advance(world, patient, clock, "2027-02-20T00:00:00Z")
    assert state_of(patient, made) == "active"
    second = billed(patient, made)  # by now there is a card: charged on its day
    assert (second["status"], second["dueAt"]) == ("paid", LATER)


def test_a_try_that_fails_before_the_due_date_makes_nobody_past_due(world: World, patient: Tenant) -> None:
    """The payer has time to try again; the due date stays the day on which it is collected."""
    clock, made = by_transfer(world, patient)
    first = billed(patient, made)
    method = "pm_card_chargeCustomerFail"
    answer = patient.post(f"/v1/invoices/{first['id']}/pay", {"paymentMethodId": method})
    assert (answer.status, answer.error["code"]) == (502, "payment.declined")
    tried = read(patient, first)
    assert (tried["attemptCount"], tried["nextAttemptAt"], state_of(patient, made)) == (1, DUE, "active")
    assert tried["paymentError"]["code"] == "payment.declined"
    advance(world, patient, clock, DUE)
    assert (read(patient, first)["attemptCount"], state_of(patient, made)) == (2, "past_due")


def test_a_form_that_is_open_on_the_due_date_is_taken_back_before_a_card_is_charged(
    world: World, patient: Tenant
) -> None:
    """Else the form and the card would both pay."""
    clock, made = by_transfer(world, patient)
    first = billed(patient, made)
    form = patient.post("/v1/payments/intents", {"invoiceId": first["id"]}).data
    assert patient.patch(f"/v1/subscriptions/{made['id']}", {"paymentMethodId": "pm_card_visa"}).status == 200
    advance(world, patient, clock, DUE)
    paid = read(patient, first)
    assert (paid["status"], paid["amountPaid"]) == ("paid", 3_100_000)
    assert world.stripe.v1.payment_intents.retrieve(form["paymentIntentId"]).status == "canceled"
    assert len(world.charges(patient)) == 1


def test_a_one_off_invoice_without_a_card_waits_until_it_is_due(world: World, patient: Tenant) -> None:
    clock, customer = clocked(patient)
    made = make(patient, line(50_00), customerId=customer, autoFinalize=True, autoCharge=True)
    assert (made["status"], made["nextAttemptAt"], made["paymentError"]) == ("open", DUE, None)
    advance(world, patient, clock, DUE)
    assert read(patient, made)["paymentError"]["code"] == "validation.payment_method.invalid"
    assert read(patient, made)["nextAttemptAt"] == LATER


def test_without_terms_a_subscription_without_a_card_is_incomplete_as_ever(world: World, tenant: Tenant) -> None:
    _, made = by_transfer(world, tenant)
    assert made["state"] == "incomplete"


def test_more_than_a_card_can_be_charged_begins_with_terms_and_is_refused_without(
    world: World, patient: Tenant
) -> None:
    plan = flat(patient, "huge", 1_200_000_00)
    _, customer = clocked(patient)
    made = patient.subscribe(None, planId=plan, quantities={}, customerId=customer)
    assert made["state"] == "active"
    invoice = billed(patient, made)
    assert (invoice["status"], invoice["dueAt"], invoice["nextAttemptAt"]) == ("open", DUE, None)
    _, at_once = clocked(patient, netTermsDays=0)
    body = {"planId": plan, "quantities": {}, "customerId": at_once}
    assert patient.post("/v1/subscriptions", body).status == 400


def test_a_credit_before_the_due_date_leaves_the_day_as_it_is(world: World, patient: Tenant) -> None:
    _, made = by_transfer(world, patient)
    first = billed(patient, made)
    patient.post(f"/v1/invoices/{first['id']}/credit-notes", {"amount": 1_000_000})
    after = read(patient, first)
    assert (after["amountDue"], after["nextAttemptAt"], after["dueAt"]) == (2_100_000, DUE, DUE)


def test_lists_by_due_date_and_what_is_overdue(world: World, tenant: Tenant) -> None:
    customer = tenant.customer()
    _, clocked_customer = clocked(tenant)
    numbers = {}
    for days in (0, 10, 20):
        made = make(tenant, line(100), customerId=clocked_customer, autoFinalize=True, netTermsDays=days)
        numbers[days] = made["number"]
    make(tenant, line(100), customerId=clocked_customer)  # a draft is never due

    def listed(**query: Any) -> list[str]:
        return sorted(each["number"] for each in tenant.get("/v1/invoices", **query).data)

    assert listed(dueFrom="2027-01-11T00:00:00Z") == [numbers[10], numbers[20]]
    assert listed(dueTo="2027-01-11T00:00:00Z") == [numbers[0]]
    assert listed(dueFrom="2027-01-02T00:00:00Z", dueTo="2027-01-12T00:00:00Z") == [numbers[10]]
    assert listed(dueFrom="2027-01-02T00:00:00Z", customer=clocked_customer, status="open") == [
        numbers[10],
        numbers[20],
    ]
    assert listed(dueTo="2027-01-02T00:00:00Z", customer=customer) == []
    wall = [make(tenant, line(100), customerId=customer, autoFinalize=True, netTermsDays=n) for n in (0, 5)]
    world.clock.advance(days=1)
    assert listed(overdue="true", customer=customer) == [wall[0]["number"]]
    world.clock.advance(days=5)
    page = tenant.get("/v1/invoices", overdue="true", customer=customer, limit="1")
    assert [each["number"] for each in page.data] == [wall[1]["number"]]
    world.clock.advance(hours=1)  # "now" is another one, and the cursor goes on
    cursor = page.json["meta"]["pagination"]["next_cursor"]
    assert listed(overdue="true", customer=customer, limit="1", cursor=cursor) == [wall[0]["number"]]
    assert tenant.get(f"/v1/tenants/{tenant.id}/invoices", overdue="true", customer=customer).status == 200


def test_what_was_finalized_before_there_were_due_dates_is_overdue_too(world: World, tenant: Tenant) -> None:
    """An item written before has neither the attribute nor the field; it was due when it was finalized."""
    made = make(tenant, line(100), customerId=tenant.customer(), autoFinalize=True)
    draft = make(tenant, line(100), customerId=tenant.customer())
    for each in (made, draft):
        (row,) = (row for row in world.rows_of("invoices", tenant.id) if row["id"]["S"] == each["id"])
        body = {k: v for k, v in json.loads(row["body"]["S"]).items() if k not in ("due_at", "terms")}
        old = {k: v for k, v in row.items() if k != "payable_by"} | {"body": {"S": json.dumps(body)}}
        world.aws("dynamodb").put_item(TableName=world.tables["invoices"], Item=old)
    world.clock.advance(hours=1)
    (found,) = tenant.get("/v1/invoices", overdue="true").data
    assert (found["id"], found["dueAt"], found["locale"]) == (made["id"], made["finalizedAt"], "en")
    assert tenant.get("/v1/invoices", dueTo="2099-01-01T00:00:00Z").data == [found]
    assert tenant.post(f"/v1/invoices/{made['id']}/pay", {"paymentMethodId": "pm_card_visa"}).data["status"] == "paid"
    assert do(tenant, "finalize", draft).data["dueAt"] is not None


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ({"overdue": "false"}, {"overdue": "must_be_true"}),
        ({"overdue": "yes"}, {"overdue": "must_be_a_boolean"}),
        ({"overdue": "true", "status": "paid"}, {"status": "not_with_overdue"}),
        ({"dueFrom": "soon"}, {"dueFrom": "must_be_a_time"}),
    ],
)
def test_a_filter_that_means_nothing_is_refused(tenant: Tenant, query: dict[str, str], bad: dict[str, str]) -> None:
    answer = tenant.get("/v1/invoices", **query)
    assert (answer.status, answer.bad_fields) == (400, bad)


def test_own_terms_of_a_draft_are_changed_and_taken_back(world: World, patient: Tenant) -> None:
    customer = patient.customer(poNumber="PO-1", customFields=[{"name": "Cost center", "value": "1"}], netTermsDays=14)
    own = {"netTermsDays": 60, "poNumber": "PO-2", "customFields": []}
    draft = make(patient, customerId=customer, **own)
    assert {name: draft[name] for name in own} == own
    changed = patient.patch(f"/v1/invoices/{draft['id']}", {"poNumber": "PO-3", "netTermsDays": None}).data
    assert (changed["poNumber"], changed["netTermsDays"], changed["customFields"]) == ("PO-3", 14, [])
    back = patient.patch(f"/v1/invoices/{draft['id']}", {"poNumber": None, "customFields": None}).data
    assert (back["poNumber"], back["customFields"]) == ("PO-1", [{"name": "Cost center", "value": "1"}])


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"netTermsDays": -1}, {"netTermsDays": "too_small"}),
        ({"netTermsDays": 366}, {"netTermsDays": "too_large"}),
        ({"netTermsDays": 1.5}, {"netTermsDays": "must_be_an_integer"}),
        ({"poNumber": ""}, {"poNumber": "too_short"}),
        ({"poNumber": "P" * 101}, {"poNumber": "too_long"}),
        ({"customFields": [{"name": "a", "value": "b"}] * 5}, {"customFields": "too_long"}),
        ({"customFields": [{"name": "", "value": "b"}]}, {"customFields.0.name": "too_short"}),
        ({"customFields": [{"name": "a"}]}, {"customFields.0.value": "missing_required_field"}),
    ],
)
def test_a_bad_field_is_named(tenant: Tenant, fields: Json, bad: dict[str, str]) -> None:
    body = {"lines": [line(100)], **fields}
    for path, sent in (("/v1/invoices", body), ("/v1/customers", {"name": "Ada", **fields})):
        answer = tenant.post(path, sent)
        assert (answer.status, answer.bad_fields) == (400, bad)
    customer = tenant.customer()
    assert tenant.patch(f"/v1/customers/{customer}", fields).bad_fields == bad


@pytest.mark.parametrize("locale", ["", "german", "de_DE", "x", "de-DE-1996"])
def test_a_locale_that_is_no_tag_is_refused(world: World, tenant: Tenant, locale: str) -> None:
    assert tenant.post("/v1/customers", {"name": "Ada", "locale": locale}).bad_fields == {"locale": "invalid_format"}
    assert tenant.patch(f"/v1/tenants/{tenant.id}", {"locale": locale}).bad_fields == {"locale": "invalid_format"}


def test_a_customer_keeps_what_its_documents_are_to_say(tenant: Tenant) -> None:
    fields: Json = {
        "locale": "fr-CA",
        "netTermsDays": 45,
        "poNumber": "PO-1",
        "customFields": [{"name": "Kostenstelle", "value": "4711"}],
    }
    customer = tenant.customer(**fields)
    shown = tenant.get(f"/v1/customers/{customer}").data
    assert {name: shown[name] for name in fields} == fields
    cleared = {"locale": None, "netTermsDays": None, "poNumber": None, "customFields": []}
    shown = tenant.patch(f"/v1/customers/{customer}", cleared).data
    assert {name: shown[name] for name in cleared} == cleared
