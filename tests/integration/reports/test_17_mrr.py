"""Issue 17, MRR: every case of its definition (docs/decisions/0054), by name, on a test clock."""

from typing import Any

import pytest

from tests.integration.reports.shop import Shop, base, moved, opened
from tests.integration.steps import behave
from tests.integration.world import Json, Tenant, World

GRADUATED = {
    "key": "seats",
    "type": "licensed",
    "model": "graduated",
    "tiers": [{"upTo": 5, "unitAmount": 12_000_000}, {"upTo": None, "unitAmount": 9_000_000}],
}


@pytest.fixture
def shop(world: World, tenant: Tenant) -> Shop:
    return opened(world, tenant)


# --- what a subscription counts for


def test_monthly(shop: Shop) -> None:
    shop.subscribe("business-monthly", quantities={"seats": 100})
    row = shop.row()
    assert (row["currency"], row["start"], row["end"], moved(row)) == ("USD", 0, 54_999_000, {"new": 54_999_000})
    assert (row["customersStart"], row["customersNew"], row["customersEnd"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("cents", "interval", "count", "wanted"),
    [
        (9900, "month", 3, 3_300_000),
        (1000, "week", 1, 4_333_333),
        (100, "day", 1, 3_041_667),
        (199_900, "year", 2, 8_329_167),
    ],
)
def test_quarter_week_day_and_two_years(shop: Shop, cents: int, interval: str, count: int, wanted: int) -> None:
    shop.plan("any", base(cents), interval=interval, intervalCount=count)
    shop.subscribe("any")
    assert shop.row()["end"] == wanted


def annual(shop: Shop, **fields: Any) -> Json:
    shop.plan("annual", base(120_000), GRADUATED, interval="year")
    return shop.subscribe("annual", quantities={"seats": 8}, **fields)


def test_annual(shop: Shop) -> None:
    annual(shop)
    assert shop.row()["end"] == 17_250_000


@pytest.mark.parametrize(
    ("duration", "mrr", "less"),
    [("forever", 12_937_500, 12_937_500), ("once", 17_250_000, 12_937_500), ("repeating", 17_250_000, 12_937_500)],
)
def test_discounts(shop: Shop, duration: str, mrr: int, less: int) -> None:
    periods = {"durationPeriods": 2} if duration == "repeating" else {}
    shop.tenant.post("/v1/coupons", {"code": "LAUNCH", "percentOff": "25", "duration": duration, **periods})
    annual(shop, couponCode="LAUNCH")
    row = shop.row()
    assert (row["end"], row["mrrAfterAllDiscounts"]) == (mrr, less)


def test_polar_8198_a_coupon_for_once_takes_nothing_off_mrr(shop: Shop) -> None:
    """77 at 15.00 with 14.00 off once showed 77.00, and not 1,155.00."""
    coupon = {"code": "FIRST", "amountOff": 1_400_000, "currency": "USD", "duration": "once"}
    shop.tenant.post("/v1/coupons", coupon)
    shop.plan("fifteen", base(1500))
    for n in range(7):
        shop.subscribe("fifteen", f"customer {n}", couponCode="FIRST")
    row = shop.row()
    assert (row["end"], row["mrrAfterAllDiscounts"], row["customersNew"]) == (7 * 1_500_000, 7 * 100_000, 7)
    shop.until("2026-02-02")
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["end"], row["mrrAfterAllDiscounts"], moved(row)) == (7 * 1_500_000, 7 * 1_500_000, {})


def test_usage_one_off_refund_credit_note_and_minimum_are_nothing(shop: Shop) -> None:
    shop.tenant.meter("calls")
    calls = {"key": "calls", "type": "metered", "meter": "calls", "unitAmount": 1000, "minimum": 900_000}
    shop.plan("usage", calls)
    shop.subscribe("usage")
    shop.until("2026-02-02")
    assert [each["total"] for each in shop.tenant.get("/v1/invoices").data] == [900_000]
    shop.subscribe("business-monthly", quantities={"seats": 100})
    lines = [{"description": "Setup", "quantity": "1", "unitAmount": 100_000_000}]
    one_off = shop.tenant.post("/v1/invoices", {"customerId": shop.customer(), "lines": lines})
    assert one_off.status == 201, one_off.json
    (paid,) = [each for each in shop.tenant.get("/v1/invoices").data if each["total"] == 54_999_000]
    note = {"amount": 10_000_000, "refund": True}
    assert shop.tenant.post(f"/v1/invoices/{paid['id']}/credit-notes", note).status == 201
    rows = shop.report()
    assert [moved(row) for row in rows if row["from"] == "2026-02-01"] == [{"new": 54_999_000}]


def test_tax_within_a_price_is_no_part_of_it(world: World) -> None:
    """119.00 with 19 % in it is 100.00 a month, from the first invoice on."""
    berlin = {"line1": "Rosenthaler Str. 1", "city": "Berlin", "postalCode": "10119", "country": "DE"}
    shop = opened(world, world.tenant(currency="EUR", address=berlin, taxProvider="builtin"))
    shop.plan("gross", base(11_900), currency="EUR", taxBehavior="inclusive")
    shop.customer(currency="EUR", address={"country": "DE"})
    shop.subscribe("gross")
    assert shop.row()["end"] == 10_000_000
    shop.until("2026-02-02")
    assert moved(shop.row("2026-02-01", "2026-03-01")) == {}


def test_each_row_of_a_list_says_its_part_of_it(shop: Shop) -> None:
    """What the dashboard's page of a customer adds up is what the report says."""
    shop.plan("fifteen", base(1500))
    ended, paused = (shop.subscribe("fifteen", who) for who in ("ada", "bob"))
    shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.subscribe("fifteen", trialDays=14)
    shop.post(ended, "cancel")
    shop.patch(paused, paused=True)
    for view in ("full", "summary"):
        rows = shop.tenant.get("/v1/subscriptions", view=view).data
        assert sorted(each["mrr"] for each in rows) == [0, 0, 0, 54_999_000]
        assert sum(each["mrr"] for each in rows) == shop.row()["end"]


# --- trials


def test_trial(shop: Shop) -> None:
    """14 days from 1 January: 0 until 14 January, 549.99 new on the 15th."""
    shop.subscribe("business-monthly", quantities={"seats": 100}, trialDays=14)
    assert (shop.row()["end"], shop.row()["trialMrr"], shop.row()["customersEnd"]) == (0, 54_999_000, 0)
    shop.until("2026-01-20")
    new = shop.days("2026-01-01", "2026-01-20", "new")
    assert [n + 1 for n, amount in enumerate(new) if amount] == [15]
    trial = shop.days("2026-01-01", "2026-01-20", "trialMrr")
    assert trial == [54_999_000] * 14 + [0] * 5
    causes = [(row["cause"], row["kind"], row["amount"]) for row in shop.report("mrr-movements")]
    assert causes[0] == ("trial_started", None, 0)
    assert causes[-1] == ("trial_converted", "new", 54_999_000)


def test_a_trial_whose_first_charge_fails_is_neither_new_nor_churn_until_it_is_paid(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100}, trialDays=14)
    method = shop.tenant.get("/v1/payment-methods", customer=shop.customer()).data[0]["id"]
    behave(shop.world, method, "generic_decline")
    shop.until("2026-01-16")
    row = shop.row()
    assert (row["end"], moved(row)) == (0, {})
    assert (row["trialMrr"], row["trialNotConverted"], row["mrrAtRisk"]) == (0, 54_999_000, 0)
    behave(shop.world, method, None)
    (invoice,) = shop.tenant.get("/v1/invoices", subscription=made["id"]).data
    assert shop.tenant.post(f"/v1/invoices/{invoice['id']}/pay", {}).status == 200
    row = shop.row()
    assert (row["end"], moved(row), row["trialNotConverted"]) == (54_999_000, {"new": 54_999_000}, 0)


def test_a_trial_that_is_never_paid_is_no_churn(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100}, trialDays=14)
    method = shop.tenant.get("/v1/payment-methods", customer=shop.customer()).data[0]["id"]
    behave(shop.world, method, "generic_decline")
    shop.until("2026-02-28")
    assert shop.tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "canceled"
    for row in shop.report():
        assert (row["end"], moved(row), row["customersChurned"]) == (0, {}, 0)
    assert shop.row("2026-02-01", "2026-03-01")["trialNotConverted"] == 0
    assert shop.report("mrr-movements")[-1]["cause"] == "trial_not_converted"


# --- past due


def failing(shop: Shop) -> tuple[Json, str]:
    """A subscription that is paid for January, and a card that declines from now on."""
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    method: str = shop.tenant.get("/v1/payment-methods", customer=shop.customer()).data[0]["id"]
    behave(shop.world, method, "generic_decline")
    return made, method


def test_past_due_counts_and_is_at_risk_until_dunning_ends_it_is_involuntary_churn(shop: Shop) -> None:
    made, _ = failing(shop)
    shop.until("2026-02-02")
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["end"], row["mrrAtRisk"], moved(row)) == (54_999_000, 54_999_000, {})
    shop.until("2026-03-30")
    assert shop.tenant.get(f"/v1/subscriptions/{made['id']}").data["state"] == "canceled"
    rows = shop.report(to="2026-04-01")[1:]
    assert [moved(row) for row in rows if moved(row)] == [{"churnInvoluntary": -54_999_000}]
    assert (rows[-1]["end"], rows[-1]["mrrAtRisk"], sum(row["customersChurned"] for row in rows)) == (0, 0, 1)


def test_past_due_that_is_paid_moves_nothing(shop: Shop) -> None:
    made, method = failing(shop)
    shop.until("2026-02-02")
    behave(shop.world, method, None)
    (invoice,) = shop.tenant.get("/v1/invoices", subscription=made["id"], status="open").data
    assert shop.tenant.post(f"/v1/invoices/{invoice['id']}/pay", {}).status == 200
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["end"], row["mrrAtRisk"], moved(row)) == (54_999_000, 0, {})
    assert [each["cause"] for each in shop.report("mrr-movements")] == ["started", "past_due", "recovered"]


# --- changes


def test_pause_and_resume(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.until("2026-01-10")
    shop.patch(made, paused=True)
    row = shop.row()
    assert (row["end"], moved(row)) == (0, {"new": 54_999_000, "paused": -54_999_000})
    assert (row["customersChurned"], row["customersPaused"], row["customersEnd"]) == (0, 1, 0)
    shop.until("2026-02-10")
    shop.post(made, "resume")
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["end"], moved(row), row["customersReturned"]) == (54_999_000, {"resumed": 54_999_000}, 1)


def test_an_upgrade_in_the_middle_of_a_month_counts_in_full_whatever_it_bills(shop: Shop) -> None:
    """100 -> 400 at noon of 16 January: 300.00 more; billed are -50.00 and 200.00."""
    shop.plan("hundred", base(10_000))
    shop.plan("four", base(40_000))
    made = shop.subscribe("hundred")
    shop.until("2026-01-16T12:00:00Z")
    shop.patch(made, planId="four", prorationBehavior="invoice_now")
    assert moved(shop.row()) == {"new": 10_000_000, "expansion": 30_000_000}
    lines = shop.tenant.get("/v1/invoices").data[0]["lines"]
    assert sorted(line["amount"] for line in lines) == [-5_000_000, 20_000_000]
    shop.until("2026-01-17T12:00:00Z")
    assert shop.days("2026-01-01", "2026-01-18", "expansion") == [0] * 15 + [30_000_000, 0]


def test_a_downgrade_is_contraction(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.patch(made, quantities={"seats": 40}, prorationBehavior="none")
    assert moved(shop.row()) == {"new": 54_999_000, "contraction": -30_000_000}


def test_an_upgrade_and_a_discount_in_one_change_net_out(shop: Shop) -> None:
    """From 549.99 to 1,049.99, of which 25 % are off for ever: 787.4925."""
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.tenant.post("/v1/coupons", {"code": "QUARTER", "percentOff": "25", "duration": "forever"})
    shop.patch(made, quantities={"seats": 200}, couponCode="QUARTER")
    rows = shop.report("mrr-movements")
    assert [(row["kind"], row["amount"]) for row in rows] == [("new", 54_999_000), ("expansion", 23_750_250)]
    assert shop.row()["end"] == 78_749_250


def test_a_plan_in_a_new_version_counts_once_it_is_moved_to(shop: Shop) -> None:
    """market-dot-dev/studio#410: a new price rewrote the past."""
    shop.plan("basic", base(1000))
    made = shop.subscribe("basic")
    new = {"components": [base(1500)]}
    assert shop.tenant.patch("/v1/plans/basic", new).status == 200
    shop.until("2026-02-10")
    assert moved(shop.row("2026-02-01", "2026-03-01")) == {}
    shop.patch(made, planId="basic")
    assert moved(shop.row("2026-02-01", "2026-03-01")) == {"expansion": 500_000}
    assert shop.row()["end"] == 1_000_000


def test_cancel_at_period_end_stays_till_the_end(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.until("2026-01-10")
    shop.post(made, "cancel", atPeriodEnd=True)
    row = shop.row()
    assert (row["end"], row["scheduledChurn"], moved(row)) == (54_999_000, 54_999_000, {"new": 54_999_000})
    shop.until("2026-02-02")
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["end"], row["scheduledChurn"], moved(row)) == (0, 0, {"churnVoluntary": -54_999_000})
    assert shop.days("2026-02-01", "2026-02-03", "churnVoluntary") == [-54_999_000, 0]


def test_canceled_at_once_within_the_interval(shop: Shop) -> None:
    """polar PR#6192."""
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.post(made, "cancel", atPeriodEnd=False)
    row = shop.row()
    assert (row["end"], moved(row)) == (0, {"new": 54_999_000, "churnVoluntary": -54_999_000})
    assert (row["customersNew"], row["customersChurned"], row["customersEnd"]) == (1, 1, 0)


def test_a_second_subscription_is_expansion_one_of_two_contraction_the_last_churn(shop: Shop) -> None:
    shop.plan("yearly", base(200_000), interval="year")
    shop.plan("sixty", base(6000))
    first = shop.subscribe("yearly")
    second = shop.subscribe("sixty")
    assert moved(shop.row()) == {"new": 16_666_667, "expansion": 6_000_000}
    shop.until("2026-02-01")
    shop.post(second, "cancel", atPeriodEnd=False)
    assert moved(shop.row("2026-02-01", "2026-03-01")) == {"contraction": -6_000_000}
    shop.post(first, "cancel", atPeriodEnd=False)
    row = shop.row("2026-02-01", "2026-03-01")
    assert moved(row) == {"contraction": -6_000_000, "churnVoluntary": -16_666_667}
    shop.subscribe("sixty")
    row = shop.row("2026-02-01", "2026-03-01")
    assert (row["reactivation"], row["new"], row["customersReturned"]) == (6_000_000, 0, 1)


def test_a_free_plan_makes_no_new_customer(shop: Shop) -> None:
    """polar#7604: who pays nothing was counted as new."""
    shop.plan("free", base(0))
    made = shop.subscribe("free")
    assert shop.report() == []
    shop.patch(made, planId=shop.plan("paid", base(1000)))
    row = shop.row()
    assert (moved(row), row["customersNew"]) == ({"new": 1_000_000}, 1)


def test_a_start_that_was_set_for_later_is_new_when_it_comes(shop: Shop) -> None:
    shop.subscribe("business-monthly", quantities={"seats": 100}, startDate="2026-01-11T00:00:00Z")
    assert shop.report() == []
    shop.until("2026-01-12")
    assert shop.days("2026-01-11", "2026-01-12", "new") == [54_999_000]


# --- currencies


def test_currencies_have_a_row_each(shop: Shop) -> None:
    shop.plan("euro", base(120_000), GRADUATED, interval="year", currency="EUR")
    shop.customer("eve", currency="EUR")
    shop.subscribe("euro", "eve", quantities={"seats": 8})
    shop.subscribe("business-monthly", quantities={"seats": 100})
    rows = shop.report(to="2026-02-01")
    assert {row["currency"]: row["end"] for row in rows} == {"EUR": 17_250_000, "USD": 54_999_000}


def test_a_subscription_does_not_change_its_currency(shop: Shop) -> None:
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.plan("euro", base(1000), currency="EUR")
    answer = shop.tenant.patch(f"/v1/subscriptions/{made['id']}", {"planId": "euro", "quantities": {}})
    assert answer.error["details"] == [{"field": "planId", "reason": "currency_mismatch"}]
    assert moved(shop.row()) == {"new": 54_999_000}


# --- whose, and when


def test_renewals_write_no_movement(shop: Shop) -> None:
    shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.world.writes.clear()
    shop.until("2026-06-15")
    tables = [each for _, written in shop.world.writes for each in written]
    assert tables.count("mrr_movements") == 0
    assert tables.count("invoices") >= 5


def test_customers_of_a_clock_are_under_that_clock_alone(shop: Shop) -> None:
    shop.subscribe("business-monthly", quantities={"seats": 100})
    assert shop.tenant.get("/v1/reports/mrr", **{"from": "2026-01-01"}).data["rows"] == []
    other = shop.tenant.post("/v1/test-clocks", {"frozenTime": "2026-01-01T00:00:00Z"}).data["id"]
    query = {"from": "2026-01-01", "to": "2026-02-01", "testClock": other}
    assert shop.tenant.get("/v1/reports/mrr", **query).data["rows"] == []


def test_on_the_wall_clock_what_was_done_a_moment_ago_is_in_it(world: World, tenant: Tenant) -> None:
    tenant.subscribe(customerId=tenant.customer())
    world.clock.advance(seconds=1)
    (row,) = tenant.get("/v1/reports/mrr").data["rows"]
    assert (row["end"], row["new"]) == (54_999_000, 54_999_000)
    world.clock.advance(days=40)
    (row,) = tenant.get("/v1/reports/mrr").data["rows"]
    assert (row["start"], row["new"], row["end"]) == (54_999_000, 0, 54_999_000)


def test_a_finished_month_never_changes(shop: Shop) -> None:
    """polar#10951: figures of the past depended on now."""
    made = shop.subscribe("business-monthly", quantities={"seats": 100})
    shop.until("2026-02-03")
    before = shop.row()
    shop.patch(made, quantities={"seats": 1})
    shop.post(made, "cancel", atPeriodEnd=False)
    shop.until("2026-04-03")
    assert shop.row() == before


def test_as_csv(shop: Shop) -> None:
    shop.plan("annual", base(10_000), interval="year")
    shop.subscribe("annual")
    query = {"from": "2026-01-01", "to": "2026-02-01", "testClock": shop.clock}
    lines = shop.tenant.get("/v1/reports/mrr.csv", **query).content.decode().splitlines()
    assert lines[0].startswith("from,to,currency,start,new,") or lines[0].lstrip("\ufeff").startswith("from,to,")
    assert lines[1].startswith("2026-01-01,2026-02-01,USD,0.00,8.33333,0.00,")
