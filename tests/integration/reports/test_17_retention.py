"""Issue 17, retention and cohorts: how many stay, and how much of what they pay; definitions in docs/decisions/0054."""

import pytest

from tests.integration.reports.shop import Shop, base, opened
from tests.integration.world import Json, Tenant, World


@pytest.fixture
def shop(world: World, tenant: Tenant) -> Shop:
    shop = opened(world, tenant)
    for name, cents in (("hundred", 10_000), ("fifty", 5_000), ("thirty", 3_000)):
        shop.plan(name, base(cents))
    return shop


def by_month(rows: list[Json]) -> dict[str, Json]:
    return {row["from"]: row for row in rows}


def test_churn_rate_is_of_those_who_were_there_at_the_start(shop: Shop) -> None:
    """Four at the start, one of them churns; so does one who came and went in the month, and is in no rate."""
    made = [shop.subscribe("hundred", f"customer {n}") for n in range(4)]
    shop.until("2026-02-01")
    shop.post(made[0], "cancel", atPeriodEnd=False)
    passing = shop.subscribe("fifty", "passing")
    shop.post(passing, "cancel", atPeriodEnd=False)
    rows = by_month(shop.report("retention"))
    assert (rows["2026-01-01"]["churnRate"], rows["2026-01-01"]["netRetention"]) == (None, None)  # of nobody
    february = rows["2026-02-01"]
    assert (february["customersStart"], february["customersChurned"], february["churnRate"]) == (4, 1, "0.25")
    assert (february["start"], february["grossRetention"], february["netRetention"]) == (40_000_000, "0.75", "0.75")
    assert shop.row("2026-02-01", "2026-03-01")["customersChurned"] == 2


def test_gross_and_net_retention(shop: Shop) -> None:
    """Of 100 + 50 + 30: a contraction of 50, a pause of 30, and an expansion of 50; new ones are in neither."""
    down, up, paused = (shop.subscribe(plan, plan) for plan in ("hundred", "fifty", "thirty"))
    shop.until("2026-02-01")
    shop.patch(down, planId="fifty")
    shop.patch(up, planId="hundred")
    shop.patch(paused, paused=True)
    shop.subscribe("hundred", "somebody new")
    row = by_month(shop.report("retention"))["2026-02-01"]
    assert (row["start"], row["lost"], row["grown"]) == (18_000_000, 8_000_000, -3_000_000)
    assert (row["grossRetention"], row["netRetention"]) == ("0.555556", "0.833333")
    assert (row["customersChurned"], row["churnRate"]) == (0, "0")


def test_nobody_loses_more_than_it_had(shop: Shop) -> None:
    """Baremetrics had rates over 100 %: 50 becomes 100 and then nothing, and the loss is of 50."""
    made = shop.subscribe("fifty")
    shop.until("2026-02-01")
    shop.patch(made, planId="hundred")
    shop.post(made, "cancel", atPeriodEnd=False)
    row = by_month(shop.report("retention"))["2026-02-01"]
    assert (row["lost"], row["grossRetention"], row["netRetention"], row["churnRate"]) == (5_000_000, "0", "0", "1")


def test_over_a_year_it_is_of_those_of_twelve_months_ago(shop: Shop) -> None:
    made = shop.subscribe("hundred")
    shop.until("2026-02-10")
    shop.subscribe("fifty", "later")
    shop.until("2026-06-10")
    shop.patch(made, planId="thirty")
    shop.until("2027-02-01")
    rows = shop.report("retention", "2027-01-01", "2027-02-01", over="year")
    assert [(row["from"], row["to"], row["customersStart"]) for row in rows] == [("2026-02-01", "2027-02-01", 1)]
    assert (rows[0]["start"], rows[0]["netRetention"], rows[0]["churnRate"]) == (10_000_000, "0.3", "0")


def test_a_report_of_part_of_a_month_is_of_the_whole_one(shop: Shop) -> None:
    shop.subscribe("hundred")
    shop.until("2026-02-20")
    (row,) = shop.report("retention", "2026-02-10", "2026-02-12")
    assert (row["from"], row["to"], row["customersStart"]) == ("2026-02-01", "2026-03-01", 1)


def test_cohorts(shop: Shop) -> None:
    """Two begin in January, one in February; one of January's leaves in February, the other pays half in March."""
    leaving, staying = shop.subscribe("hundred", "leaving"), shop.subscribe("hundred", "staying")
    shop.until("2026-02-10")
    shop.subscribe("fifty", "later")
    shop.post(leaving, "cancel", atPeriodEnd=False)
    shop.until("2026-03-05")
    shop.patch(staying, planId="fifty")
    shop.until("2026-04-01")
    rows = shop.report("cohorts", to="2026-04-01")
    assert [
        (row["cohort"], row["month"], row["customers"], row["mrr"], row["customersShare"], row["mrrShare"])
        for row in rows
    ] == [
        ("2026-01", 0, 2, 20_000_000, "1", "1"),
        ("2026-01", 1, 1, 10_000_000, "0.5", "0.5"),
        ("2026-01", 2, 1, 5_000_000, "0.5", "0.25"),
        ("2026-02", 0, 1, 5_000_000, "1", "1"),
        ("2026-02", 1, 1, 5_000_000, "1", "1"),
    ]
    months = {row["from"]: row["end"] for row in shop.report(to="2026-04-01")}
    assert months["2026-03-01"] == 5_000_000 + 5_000_000  # the cohorts of a month are all there is


def test_who_comes_back_is_of_the_cohort_in_which_it_first_was(shop: Shop) -> None:
    made = shop.subscribe("hundred")
    shop.post(made, "cancel", atPeriodEnd=False)
    shop.until("2026-02-10")
    shop.subscribe("fifty")
    rows = shop.report("cohorts")
    assert [(row["cohort"], row["month"], row["mrr"], row["mrrShare"]) for row in rows] == [
        ("2026-01", 0, 0, None),
        ("2026-01", 1, 5_000_000, None),
    ]


def test_the_log_says_what_each_movement_was_for_its_customer(shop: Shop) -> None:
    first = shop.subscribe("hundred", "ada")
    shop.subscribe("fifty", "ada")
    shop.subscribe("thirty", "bob")
    shop.post(first, "cancel", atPeriodEnd=False)
    rows = shop.report("mrr-movements")
    assert [(row["cause"], row["kind"], row["amount"], row["customerMrr"]) for row in rows] == [
        ("started", "new", 10_000_000, 10_000_000),
        ("started", "expansion", 5_000_000, 15_000_000),
        ("started", "new", 3_000_000, 3_000_000),
        ("ended_voluntarily", "contraction", -10_000_000, 5_000_000),
    ]
    (bobs,) = shop.report("mrr-movements", customer=shop.made["bob"])
    assert (bobs["customerId"], bobs["planId"], bobs["subscriptionMrr"]) == (shop.made["bob"], "thirty", 3_000_000)


def test_in_a_zone_west_of_utc_a_month_begins_when_it_does_there(world: World) -> None:
    """29 February 2028, 20:00 in Los Angeles, is 1 March in UTC."""
    tenant = world.tenant(timezone="America/Los_Angeles")
    shop = opened(world, tenant, "2028-03-01T04:00:00Z")
    shop.plan("hundred", base(10_000))
    shop.subscribe("hundred")
    shop.until("2028-03-02T00:00:00Z")
    rows = shop.report(first="2028-02-01", to="2028-04-01")
    assert [(row["from"], row["new"], row["end"]) for row in rows] == [
        ("2028-02-01", 10_000_000, 10_000_000),
        ("2028-03-01", 0, 10_000_000),
    ]
    assert shop.days("2028-02-28", "2028-03-02", "new") == [10_000_000, 0]  # there is no row before there was anybody
    (cohort, *_) = shop.report("cohorts", "2028-02-01", "2028-04-01")
    assert cohort["cohort"] == "2028-02"


def test_every_unfit_parameter_is_named(tenant: Tenant) -> None:
    answer = tenant.get("/v1/reports/mrr", **{"from": "2026-13-01", "interval": "week", "testClock": ""})
    assert answer.status == 400
    assert {each["field"] for each in answer.error["details"]} == {"from", "interval", "testClock"}
    answer = tenant.get("/v1/reports/retention", **{"from": "2026-02-01", "to": "2026-01-01"})
    assert answer.error["details"] == [{"field": "to", "reason": "before_from"}]
