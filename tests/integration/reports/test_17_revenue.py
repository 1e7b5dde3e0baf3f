"""Issue 17: net billings and collections through the API, as the ledger of the same days has them."""

from tests.integration.credited import VAT, credited
from tests.integration.invoices import BERLIN, carded, do, line, make
from tests.integration.payer import sale
from tests.integration.payments.test_disputes import billed, close, dispute
from tests.integration.reports.revenue import REVENUE, csv_rows, rows, trial_balance
from tests.integration.steps import advance
from tests.integration.world import Json, Tenant, World

JANUARY = {"from_": "2027-01-01", "to": "2027-02-01"}
FIRST_HALF = {"from_": "2027-01-01", "to": "2027-07-01"}


def clocked(tenant: Tenant, at: str = "2027-01-10T00:00:00Z", **customer: object) -> tuple[str, str]:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": at}).data["id"]
    return clock, tenant.customer(testClockId=clock, **customer)


def seated(tenant: Tenant, plan_id: str = "team", **fields: object) -> tuple[str, str]:
    """A clock at 10 January, and a subscription of one seat: 49.99 and 5.00."""
    clock, customer = clocked(tenant)
    made = tenant.subscribe(planId=plan_id, quantities={"seats": 1}, customerId=customer, **fields)
    assert made["state"] == "active", made
    return clock, made["id"]


def told(row: Json) -> dict[str, int]:
    """What of a row is not zero, in minor units."""
    return {name: cell // 1_000 for name, cell in row.items() if isinstance(cell, int) and cell}


def test_a_month_of_a_subscription_with_a_coupon(world: World, tenant: Tenant) -> None:
    tenant.post("/v1/coupons", {"code": "TENTH", "percentOff": "10", "duration": "forever"})
    tenant.plan(id="team", name="Team")
    clock, _ = seated(tenant, couponCode="TENTH")
    (row,) = rows(tenant, REVENUE, clock, **JANUARY)
    assert (row["month"], row["currency"]) == ("2027-01", "USD")
    assert told(row) == {
        "gross": 5_499, "discounts": 550, "net": 4_949, "netAfterCredits": 4_949, "revenue": 4_949,
        "collected": 4_949, "fees": row["fees"] // 1_000,
    }  # fmt: skip
    assert row["fees"] == -trial_balance(tenant, "processing_fees", clock, asOf="2027-02-01T00:00:00Z")["USD"]
    by_part = rows(tenant, REVENUE, clock, by="component", **JANUARY)
    assert [(each["planId"], each["component"], each["net"], each["collected"]) for each in by_part] == [
        ("team", "base", 4_499_000, None), ("team", "seats", 450_000, None),
    ]  # fmt: skip


def test_a_change_of_plan_leaves_the_months_before_as_they_were(world: World, tenant: Tenant) -> None:
    for plan in ("team", "pro"):
        tenant.plan(id=plan, name=plan)
    clock, subscription = seated(tenant)
    advance(world, tenant, clock, "2027-03-01T00:00:00Z")
    before = rows(tenant, REVENUE, clock, by="plan", from_="2027-01-01", to="2027-03-01")
    changed = tenant.patch(f"/v1/subscriptions/{subscription}", {"planId": "pro", "prorationBehavior": "invoice_now"})
    assert changed.status == 200, changed.json
    advance(world, tenant, clock, "2027-05-01T00:00:00Z")
    assert rows(tenant, REVENUE, clock, by="plan", from_="2027-01-01", to="2027-03-01") == before
    assert {each["planId"] for each in before} == {"team"}
    dearer = [{"key": "base", "type": "flat", "unitAmount": 9_999_000}]
    assert tenant.patch("/v1/plans/team", {"components": dearer}).status == 200
    assert rows(tenant, REVENUE, clock, by="plan", from_="2027-01-01", to="2027-03-01") == before
    march = rows(tenant, REVENUE, clock, by="plan", from_="2027-03-01", to="2027-04-01")
    assert [(each["planId"], each["net"] < 0) for each in march] == [("pro", False), ("team", True)]


def test_credit_notes_voids_and_bad_debts_are_of_their_own_month(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant)
    one, other, third = (
        make(tenant, line(10_000, taxes=VAT), customerId=customer, autoFinalize=True, autoCharge=False)
        for _ in range(3)
    )
    advance(world, tenant, clock, "2027-02-10T00:00:00Z")
    credited(tenant, one, amount=1_200_000)
    assert do(tenant, "void", other).status == 200
    advance(world, tenant, clock, "2027-03-10T00:00:00Z")
    assert do(tenant, "uncollectible", third).status == 200
    found = rows(tenant, REVENUE, clock, **FIRST_HALF)
    assert [(each["month"], told(each)) for each in found] == [
        ("2027-01", {"gross": 30_000, "net": 30_000, "tax": 6_000, "netAfterCredits": 30_000, "revenue": 30_000}),
        ("2027-02", {
            "creditNotes": 1_000, "creditNotesTax": 200, "voided": 10_000, "voidedTax": 2_000,
            "netAfterCredits": -11_000, "revenue": -11_000,
        }),
        ("2027-03", {"writtenOff": 12_000}),
    ]  # fmt: skip
    assert (
        sum(each["revenue"] for each in found)
        == trial_balance(tenant, "revenue", clock, asOf="2027-07-01T00:00:00Z")["USD"]
    )


def test_sales_refunds_and_disputes(world: World, tenant: Tenant) -> None:
    sold = sale(tenant)
    assert tenant.post(f"/v1/payments/{sold['id']}/refund", {"amount": 1_000_000}).status == 201
    payment = billed(tenant)
    stripe_id = dispute(world, payment)
    world.deliver_all(tenant)
    world.clock.advance(seconds=1)
    (row,) = rows(tenant, REVENUE)
    assert (row["sales"], row["net"], row["revenue"]) == (4_999_000, 4_999_000, 9_998_000)
    assert (row["collected"], row["refunded"], row["refundsWithoutCreditNote"]) == (9_998_000, 1_000_000, 1_000_000)
    assert (row["disputed"], row["disputesWonBack"], row["disputesLost"]) == (4_999_000, 0, 0)
    close(world, stripe_id, "lost")
    world.deliver_all(tenant)
    world.clock.advance(seconds=1)
    (row,) = rows(tenant, REVENUE)
    assert (row["disputed"], row["disputesWonBack"], row["disputesLost"], row["writtenOff"]) == (
        4_999_000,
        0,
        4_999_000,
        0,
    )


def test_by_country_and_by_customer(tenant: Tenant) -> None:
    clock, german = clocked(tenant, address=BERLIN)
    nowhere = tenant.customer(testClockId=clock)
    for customer, cents in ((german, 5_000), (nowhere, 700)):
        make(tenant, line(cents), customerId=customer, autoFinalize=True, autoCharge=False)
    by_country = rows(tenant, REVENUE, clock, by="country", **JANUARY)
    assert [(each["country"], each["net"], each["collected"]) for each in by_country] == [
        (None, 700_000, None), ("DE", 5_000_000, None),
    ]  # fmt: skip
    by_customer = rows(tenant, REVENUE, clock, by="customer", **JANUARY)
    assert {each["customerId"]: (each["net"], each["collected"]) for each in by_customer} == {
        german: (5_000_000, 0), nowhere: (700_000, 0),
    }  # fmt: skip


def test_by_day_in_the_tenants_zone_and_as_csv(world: World) -> None:
    tenant = world.tenant(timezone="America/Los_Angeles", currency="KWD")
    clock, customer = clocked(tenant, "2027-01-01T07:59:59Z", currency="KWD")
    make(tenant, line(10_500), customerId=customer, autoFinalize=True, autoCharge=False, currency="KWD")
    advance(world, tenant, clock, "2027-01-01T08:00:00Z")
    make(tenant, line(20_000), customerId=customer, autoFinalize=True, autoCharge=False, currency="KWD")
    found = csv_rows(tenant, REVENUE, clock, per="day", from_="2026-12-31", to="2027-01-02")
    assert [(each["day"], each["currency"], each["gross"]) for each in found] == [
        ("2026-12-31", "KWD", "10.500"), ("2027-01-01", "KWD", "20.000"),
    ]  # fmt: skip
    only = csv_rows(tenant, REVENUE, clock, per="day", by="country", from_="2026-12-31", to="2027-01-01")
    assert [(each["gross"], each["collected"]) for each in only] == [("10.500", "")]


def test_a_coupon_of_100_per_cent_is_billed_and_given(tenant: Tenant) -> None:
    tenant.post("/v1/coupons", {"code": "FREE", "percentOff": "100", "duration": "once"})
    tenant.plan(id="team", name="Team")
    clock, _ = seated(tenant, couponCode="FREE")
    (row,) = rows(tenant, REVENUE, clock, **JANUARY)
    assert told(row) == {"gross": 5_499, "discounts": 5_499}


def test_a_payment_for_a_customer_is_collected_from_it(tenant: Tenant, world: World) -> None:
    customer, _ = carded(tenant)
    make(tenant, line(5_000), customerId=customer, autoFinalize=True, autoCharge=True)
    world.clock.advance(seconds=1)
    found = rows(tenant, REVENUE, by="customer")
    assert [(each["customerId"], each["net"], each["collected"], each["fees"]) for each in found] == [
        (customer, 5_000_000, 5_000_000, None),
    ]  # fmt: skip


def test_without_days_it_is_about_the_clocks_month_so_far(world: World, tenant: Tenant) -> None:
    clock, customer = clocked(tenant, "2027-01-31T23:00:00Z")
    for cents in (100, 200, 300):
        make(tenant, line(cents), customerId=customer, autoFinalize=True, autoCharge=False)
        advance(world, tenant, clock, f"2027-02-0{cents // 100}T00:00:00Z")
    assert [(each["month"], each["net"]) for each in rows(tenant, REVENUE, clock)] == [("2027-02", 500_000)]
    since = rows(tenant, REVENUE, clock, from_="2027-01-01")
    assert [(each["month"], each["net"]) for each in since] == [("2027-01", 100_000), ("2027-02", 500_000)]
    until = rows(tenant, REVENUE, clock, to="2027-02-01")
    assert [(each["month"], each["net"]) for each in until] == [("2027-01", 100_000)]
    answer = tenant.get(REVENUE, testClock=clock).data
    assert (answer["from"], answer["to"], answer["asOf"]) == ("2027-02-01", "2027-02-04", "2027-02-03T00:00:00.000001Z")


def test_what_it_does_not_know_is_refused_by_name(tenant: Tenant) -> None:
    answer = tenant.get(REVENUE, by="colour", per="week")
    assert (answer.status, {each["field"] for each in answer.error["details"]}) == (400, {"by", "per"})
