"""Issue 17: recognised and deferred revenue; the worked examples of its definition, on test clocks through the API."""

from datetime import UTC, date, datetime

import pytest

from billing.bootstrap import storage
from billing.domain.reports.span import Span
from billing.services.reports.kept import NothingKept
from billing.services.reports.recognition import RecognitionReport
from billing.services.reports.sources import Asked, TooMuchToRead, sources
from billing.storage.journal import DynamoJournal
from tests.integration.credited import credited
from tests.integration.invoices import do, line, make
from tests.integration.reports.revenue import RECOGNITION, by_month, csv_rows, rows
from tests.integration.steps import advance, flat, subscribed
from tests.integration.world import Json, Tenant, World

YEAR = {"from_": "2027-01-01", "to": "2028-01-01"}
TIERS = [{"upTo": 5, "unitAmount": 12_000_000}, {"upTo": None, "unitAmount": 9_000_000}]
GRADUATED: Json = {"key": "seats", "type": "licensed", "model": "graduated", "tiers": TIERS}


def billed(tenant: Tenant, at: str, *lines: Json, **fields: object) -> tuple[str, Json]:
    """A clock and a final invoice made by hand at its time."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": at}).data["id"]
    customer = tenant.customer(testClockId=clock)
    return clock, make(tenant, *lines, customerId=customer, autoFinalize=True, **fields)


def over(cents: int, start: str, end: str, **fields: object) -> Json:
    return line(cents, period={"start": f"{start}T00:00:00Z", "end": f"{end}T00:00:00Z"}, **fields)


def test_stripe_31_00_a_month_from_15_january_is_17_and_14(world: World, tenant: Tenant) -> None:
    flat(tenant, "monthly", 3_100)
    clock, _ = subscribed(tenant, "monthly", "2027-01-15T00:00:00Z")
    advance(world, tenant, clock, "2027-02-14T23:00:00Z")
    found = by_month(tenant, clock, "recognised", from_="2027-01-01", to="2027-02-01")
    assert found == {"2027-01": 1_700_000}
    assert by_month(tenant, clock, "deferredAtEnd", from_="2027-01-01", to="2027-02-01") == {"2027-01": 1_400_000}
    planned = rows(tenant, RECOGNITION, clock, from_="2027-01-01", to="2027-02-01", rows="waterfall")
    assert [(row["billedIn"], row["earnedIn"], row["recognised"], row["scheduled"]) for row in planned] == [
        ("2027-01", "2027-01", 1_700_000, 0), ("2027-01", "2027-02", 0, 1_400_000),
    ]  # fmt: skip


def test_stripe_365_00_a_year_is_as_long_as_its_months(world: World, tenant: Tenant) -> None:
    flat(tenant, "annual", 36_500, interval="year")
    clock, _ = subscribed(tenant, "annual", "2027-01-01T00:00:00Z")
    advance(world, tenant, clock, "2027-12-31T23:59:59Z")
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30]
    found = list(by_month(tenant, clock, "recognised", **YEAR).values())
    assert found[:11] == [each * 100_000 for each in days]
    assert by_month(tenant, clock, "deferredAtEnd", **YEAR)["2027-11"] == 3_100_000


def test_stripe_120_00_from_noon_to_noon_is_told_by_time(world: World, tenant: Tenant) -> None:
    flat(tenant, "days", 12_000, interval="day", intervalCount=120)
    clock, subscription = subscribed(tenant, "days", "2027-06-15T12:00:00Z")
    tenant.post(f"/v1/subscriptions/{subscription}/cancel", {"atPeriodEnd": True})
    advance(world, tenant, clock, "2027-11-01T00:00:00Z")
    found = by_month(tenant, clock, "recognised", **YEAR)
    assert list(found.values()) == [1_550_000, 3_100_000, 3_100_000, 3_000_000, 1_250_000]


def test_1552_50_for_a_year_from_the_second_of_a_november_day(world: World, tenant: Tenant) -> None:
    """1,200.00 and graduated seats of 870.00, less 25 %: two lines, each of which sums to itself."""
    base = {"key": "base", "type": "flat", "unitAmount": 120_000_000}
    tenant.plan(id="annual", name="Annual", interval="year", components=[base, GRADUATED])
    tenant.post("/v1/coupons", {"code": "LAUNCH26", "percentOff": 25, "duration": "forever"})
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2026-11-29T08:44:42Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId="annual", quantities={"seats": 8}, customerId=customer, couponCode="LAUNCH26")
    tenant.post(f"/v1/subscriptions/{made['id']}/cancel", {"atPeriodEnd": True})
    advance(world, tenant, clock, "2027-12-01T00:00:00Z")
    found = by_month(tenant, clock, "recognised", from_="2026-11-01", to="2027-12-01")
    assert sum(found.values()) == 155_250_000
    wanted = {"2026-11": 695_701, "2026-12": 13_185_616, "2027-01": 13_185_617, "2027-02": 11_909_589}
    assert all(abs(found[each] - micros) <= 1 for each, micros in wanted.items())  # rounded by line
    assert abs(found["2027-11"] - 12_064_573) <= 1
    by_line: dict[str, int] = {}
    for row in rows(tenant, RECOGNITION, clock, from_="2026-11-01", to="2027-12-01", rows="lines"):
        by_line[row["component"]] = by_line.get(row["component"], 0) + row["recognised"]
    assert by_line == {"base": 90_000_000, "seats": 65_250_000}


def test_an_upgrade_in_the_middle_of_january_catches_up_in_february(world: World, tenant: Tenant) -> None:
    """Its service of January is 250.00; -50.00 and +200.00 of that are billed on 1 February."""
    tenant.plan(id="seats", name="Seats", components=[{"key": "seats", "type": "licensed", "unitAmount": 100_000}])
    clock = tenant.post("/v1/test-clocks", {"frozenTime": "2027-01-01T00:00:00Z"}).data["id"]
    customer = tenant.customer(testClockId=clock)
    made = tenant.subscribe(planId="seats", quantities={"seats": 100}, customerId=customer)
    advance(world, tenant, clock, "2027-01-16T12:00:00Z")
    tenant.patch(f"/v1/subscriptions/{made['id']}", {"quantities": {"seats": 400}})
    advance(world, tenant, clock, "2027-02-28T23:59:59Z")
    first = {"from_": "2027-01-01", "to": "2027-02-01"}
    before = tenant.get(f"{RECOGNITION}.csv", testClock=clock, **first).content
    assert by_month(tenant, clock, "recognised", **first) == {"2027-01": 10_000_000}
    advance(world, tenant, clock, "2027-03-01T00:00:01Z")
    both = {"from_": "2027-01-01", "to": "2027-03-01"}
    assert by_month(tenant, clock, "recognised", **both) == {"2027-01": 10_000_000, "2027-02": 55_000_000}
    assert by_month(tenant, clock, "catchUp", **both) == {"2027-01": 0, "2027-02": 15_000_000}
    assert tenant.get(f"{RECOGNITION}.csv", testClock=clock, **first).content == before
    of_plan = csv_rows(tenant, RECOGNITION, clock, by="component", **both)
    assert [(row["planId"], row["component"], row["recognised"]) for row in of_plan] == [
        ("seats", "seats", "100.00"), ("seats", "seats", "550.00"),
    ]  # fmt: skip


def test_a_line_without_a_period_is_earned_when_it_is_final(tenant: Tenant) -> None:
    clock, _ = billed(tenant, "2027-03-10T00:00:00Z", line(5_000))
    found = rows(tenant, RECOGNITION, clock, from_="2027-03-01", to="2027-04-01")
    assert [(row["recognised"], row["catchUp"], row["deferredAtEnd"]) for row in found] == [(5_000_000, 0, 0)]


def test_metered_usage_is_earned_when_it_is_billed_for_its_past_period(world: World, tenant: Tenant) -> None:
    tenant.meter("calls")
    calls = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 100_000}
    tenant.plan(id="usage", name="Usage", components=[calls])
    clock, subscription = subscribed(tenant, "usage", "2027-01-16T00:00:00Z")
    advance(world, tenant, clock, "2027-01-20T00:00:00Z")
    used = {"eventId": "u1", "subscriptionId": subscription, "meter": "calls", "quantity": 31}
    events = [{**used, "timestamp": "2027-01-19T00:00:00Z"}]
    assert tenant.post("/v1/usage/events", {"events": events}).status == 202
    world.count_usage()
    advance(world, tenant, clock, "2027-02-16T01:00:00Z")
    found = rows(tenant, RECOGNITION, clock, from_="2027-01-01", to="2027-03-01")
    assert [(row["month"], row["recognised"], row["catchUp"]) for row in found] == [("2027-02", 3_100_000, 1_600_000)]


def test_a_credit_note_takes_the_rest_of_its_lines_deferral_first_and_then_revenue(
    tenant: Tenant, world: World
) -> None:
    year = over(36_500, "2027-01-01", "2028-01-01")
    clock, invoice = billed(tenant, "2027-01-01T00:00:00Z", year, line(10_000))
    advance(world, tenant, clock, "2027-04-01T00:00:00Z")
    credited(tenant, invoice, lines=[{"lineId": invoice["lines"][0]["id"], "amount": 30_000_000}])
    advance(world, tenant, clock, "2027-05-01T00:00:00Z")
    found = rows(tenant, RECOGNITION, clock, from_="2027-03-01", to="2027-06-01")
    assert [(row["month"], row["recognised"], row["reversed"], row["deferredAtEnd"]) for row in found] == [
        ("2027-03", 3_100_000, 0, 27_500_000), ("2027-04", -2_500_000, -2_500_000, 0),
    ]  # fmt: skip


def test_a_void_reverses_all_on_its_own_date(tenant: Tenant, world: World) -> None:
    clock, invoice = billed(tenant, "2027-01-01T00:00:00Z", over(36_500, "2027-01-01", "2028-01-01"))
    advance(world, tenant, clock, "2027-02-11T00:00:00Z")
    assert do(tenant, "void", invoice).status == 200
    advance(world, tenant, clock, "2027-03-01T00:00:00Z")
    found = rows(tenant, RECOGNITION, clock, **YEAR)
    told = ("month", "billed", "recognised", "reversed", "deferredAtEnd")
    assert [tuple(row[each] for each in told) for row in found] == [
        ("2027-01", 36_500_000, 3_100_000, 0, 33_400_000), ("2027-02", -36_500_000, -3_100_000, -4_100_000, 0),
    ]  # fmt: skip


def test_what_is_uncollectible_is_a_bad_debt_and_no_less_revenue(tenant: Tenant, world: World) -> None:
    clock, invoice = billed(tenant, "2027-01-01T00:00:00Z", over(36_500, "2027-01-01", "2028-01-01"))
    assert do(tenant, "uncollectible", invoice).status == 200
    advance(world, tenant, clock, "2027-03-01T00:00:00Z")
    assert by_month(tenant, clock, "recognised", from_="2027-01-01", to="2027-03-01") == {
        "2027-01": 3_100_000, "2027-02": 2_800_000,
    }  # fmt: skip


def test_a_month_is_the_same_in_april_and_in_december(tenant: Tenant, world: World) -> None:
    clock, invoice = billed(tenant, "2027-01-15T10:00:00Z", over(36_501, "2027-01-15", "2028-01-15"))
    advance(world, tenant, clock, "2027-04-01T00:00:00Z")
    march = {"from_": "2027-03-01", "to": "2027-04-01"}
    forms = [{}, {"by": "customer"}, {"rows": "lines"}]
    in_april = [tenant.get(f"{RECOGNITION}.csv", testClock=clock, **march, **form).content for form in forms]
    assert all(len(each.splitlines()) == 2 for each in in_april)
    advance(world, tenant, clock, "2027-08-01T00:00:00Z")
    credited(tenant, invoice, amount=20_000_000)
    advance(world, tenant, clock, "2027-12-01T00:00:00Z")
    assert [tenant.get(f"{RECOGNITION}.csv", testClock=clock, **march, **form).content for form in forms] == in_april


def test_rows_by_line_are_counted_like_what_is_read(tenant: Tenant) -> None:
    """One invoice of two lines over a year is one record, and 24 rows."""
    year = over(36_500, "2027-01-01", "2028-01-01")
    clock, _ = billed(tenant, "2027-01-01T00:00:00Z", year, year)
    at = datetime(2028, 1, 1, tzinfo=UTC)
    asked = Asked(at, "UTC", Span(date(2027, 1, 1), date(2028, 1, 1), "UTC"), clock, {"rows": "lines"})

    def made(most: int) -> int:
        work = storage.units().begin(tenant.id)
        read = sources(work, DynamoJournal(storage.database(), storage.vault()), NothingKept(), asked, most)
        return len(list(RecognitionReport().table(asked, read).rows))

    assert made(25) == 24
    with pytest.raises(TooMuchToRead):
        made(24)


def test_it_is_about_whole_months(tenant: Tenant) -> None:
    answer = tenant.get(RECOGNITION, from_="2027-01-02", to="2027-02-03")
    assert (answer.status, [(each["field"], each["reason"]) for each in answer.error["details"]]) == (
        400, [("from", "not_first_of_month"), ("to", "not_first_of_month")],
    )  # fmt: skip


def test_lines_are_not_divided_further(tenant: Tenant) -> None:
    answer = tenant.get(RECOGNITION, rows="lines", by="plan")
    assert (answer.status, answer.error["details"][0]["field"]) == (400, "by")


def test_there_is_no_report_of_a_clock_that_nobody_has(tenant: Tenant) -> None:
    assert tenant.get(RECOGNITION, testClock="clk_nobody").status == 404


def test_customers_of_a_clock_are_in_no_other_report(tenant: Tenant, world: World) -> None:
    clock, _ = billed(tenant, "2026-11-10T00:00:00Z", line(5_000))
    make(tenant, line(700), customerId=tenant.customer(), autoFinalize=True)
    world.clock.advance(seconds=1)
    assert [row["recognised"] for row in rows(tenant, RECOGNITION)] == [700_000]
    assert [row["recognised"] for row in rows(tenant, RECOGNITION, clock)] == [5_000_000]
