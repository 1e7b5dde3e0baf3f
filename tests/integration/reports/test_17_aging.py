"""Issue 17: aging as of the end of a day, by every example of its definition, on a test clock; and what it sums to."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.payer import intent, open_invoice, pay, sale
from tests.integration.steps import advance
from tests.integration.world import Json, Tenant, World

PATH = "/v1/reports/aging"
BUCKETS = ("notDue", "days1To30", "days31To60", "days61To90", "days91AndMore")


@dataclass
class Debtor:
    """A customer on a test clock, who pays by hand."""

    world: World
    tenant: Tenant
    clock: str
    id: str

    def until(self, day: str, time: str = "12:00:00") -> None:
        advance(self.world, self.tenant, self.clock, f"{day}T{time}Z")

    def invoice(self, minor: int, days: int, **more: Any) -> Json:
        """Open, and to be paid in so many days."""
        return open_invoice(self.tenant, minor, customerId=self.id, netTermsDays=days, autoCharge=False, **more)

    def aging(self, day: str | None = None, **query: str) -> list[Json]:
        asked = query | ({"asOf": day} if day else {}) | {"testClock": self.clock}
        answer = self.tenant.get(PATH, **asked)
        assert answer.status == 200, answer.json
        rows: list[Json] = answer.data["rows"]
        return rows

    def buckets(self, day: str) -> dict[str, int]:
        """What is in which, in minor units, with unapplied credit where there is some."""
        rows = self.aging(day)
        found = {name: rows[0][name] // 1000 for name in (*BUCKETS, "unappliedCredit")} if rows else {}
        return {name: amount for name, amount in found.items() if amount}


def debtor(world: World, tenant: Tenant, begin: str, **customer: Any) -> Debtor:
    clock = tenant.post("/v1/test-clocks", {"frozenTime": begin}).data["id"]
    return Debtor(world, tenant, clock, tenant.customer(testClockId=clock, currency="USD", **customer))


@pytest.mark.parametrize(
    ("due", "bucket"),
    [
        ("2026-03-31", "notDue"),
        ("2026-03-30", "days1To30"),
        ("2026-02-28", "days31To60"),
        ("2026-01-30", "days31To60"),
        ("2026-01-29", "days61To90"),
        ("2025-12-31", "days61To90"),
        ("2025-12-30", "days91AndMore"),
    ],
)
def test_as_of_31_march_by_its_due_date(world: World, tenant: Tenant, due: str, bucket: str) -> None:
    """Calendar days: due on the day itself is not late; 31 days are in 31-60, 60 too, 61 and 90 in 61-90, 91 beyond."""
    owes = debtor(world, tenant, f"{due}T12:00:00Z")
    invoice = owes.invoice(11_900, 0)
    assert invoice["dueAt"][:10] == due
    owes.until("2026-04-02")
    assert owes.buckets("2026-03-31") == {bucket: 11_900}


def test_as_of_31_march_it_is_100_in_31_to_60_for_ever(world: World, tenant: Tenant) -> None:
    """119.00 due 15 Feb; 19.00 paid 10 Mar, 10.00 credited 1 Apr, 50.00 paid 2 Apr, written off 3 Apr."""
    owes = debtor(world, tenant, "2026-02-01T12:00:00Z")
    invoice = owes.invoice(11_900, 14)
    paid_in_part(owes, invoice, 1_900, "2026-03-10")
    owes.until("2026-03-31", "23:59:59")
    seen = owes.aging("2026-03-31")
    assert owes.buckets("2026-03-31") == {"days31To60": 10_000}
    owes.until("2026-04-01")
    note = {"amount": 10_00_000}
    assert tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", note).status == 201
    paid_in_part(owes, invoice, 5_000, "2026-04-02")
    owes.until("2026-04-03")
    assert tenant.post(f"/v1/invoices/{invoice['id']}/uncollectible").status == 200
    owes.until("2026-06-01")
    assert owes.aging("2026-03-31") == seen
    days = ("2026-02-15", "2026-02-16", "2026-04-01", "2026-04-02", "2026-04-03")
    assert [owes.buckets(day) for day in days] == [
        {"notDue": 11_900}, {"days1To30": 11_900}, {"days31To60": 9_000}, {"days31To60": 4_000}, {},
    ]  # fmt: skip


def paid_in_part(owes: Debtor, invoice: Json, minor: int, day: str) -> None:
    """The payer's form takes less than was asked for: somebody changed it at Stripe."""
    owes.until(day)
    made = intent(owes.tenant, invoiceId=invoice["id"])
    owes.world.stripe.v1.payment_intents.update(made["paymentIntentId"], {"amount": minor})
    assert pay(owes.world, made) == 200
    owes.world.deliver_all(owes.tenant)


def test_what_is_void_leaves_on_its_own_date(world: World, tenant: Tenant) -> None:
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    invoice = owes.invoice(5_000, 10)
    owes.until("2026-04-05")
    assert tenant.post(f"/v1/invoices/{invoice['id']}/void").status == 200
    assert owes.buckets("2026-04-04") == {"days1To30": 5_000}
    assert owes.buckets("2026-04-05") == {}


def test_credit_is_never_netted_silently(world: World, tenant: Tenant) -> None:
    """50.00 open and late, 20.00 on the customer's balance from a paid invoice: both are there, each in its column."""
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    late, other = owes.invoice(5_000, 10), owes.invoice(2_000, 10)
    assert tenant.post(f"/v1/invoices/{other['id']}/pay", {"paymentMethodId": "pm_card_visa"}).status == 200
    assert tenant.post(f"/v1/invoices/{other['id']}/credit-notes", {"amount": 20_00_000}).status == 201
    owes.until("2026-04-01")
    (row,) = owes.aging("2026-03-31")
    assert (row["days1To30"], row["receivable"], row["customerBalance"]) == (50_00_000, 50_00_000, -20_00_000)
    assert (row["customerId"], row["currency"], row["unappliedCredit"]) == (owes.id, "USD", 0)
    rows = owes.aging("2026-03-31", rows="invoices")
    assert [(each["invoiceId"], each["receivable"], each["customerBalance"]) for each in rows] == [
        (None, 0, -20_00_000), (late["id"], 50_00_000, 0),
    ]  # fmt: skip


def test_a_refund_on_its_way_is_unapplied_credit(world: World, tenant: Tenant) -> None:
    """A credit note over 20.00 of a paid invoice, to the card: until its bank has said yes it is owed to the payer."""
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    invoice = owes.invoice(5_000, 10)
    card = {"paymentMethodId": "pm_card_pendingRefund"}
    assert tenant.post(f"/v1/invoices/{invoice['id']}/pay", card).status == 200
    note = {"amount": 20_00_000, "refund": True}
    assert tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", note).status == 201
    owes.until("2026-03-02")
    assert owes.buckets("2026-03-01") == {"unappliedCredit": -2_000}


def test_what_is_disputed_has_its_own_column_and_is_no_debt(world: World, tenant: Tenant) -> None:
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    invoice = owes.invoice(5_000, 10)
    made = intent(tenant, invoiceId=invoice["id"])
    assert pay(world, made) == 200
    world.deliver_all(tenant)
    owes.until("2026-03-20")
    world.acts(f"charges/{made['paymentIntentId']}/dispute")
    world.deliver_all(tenant)
    owes.until("2026-04-20")
    assert owes.aging("2026-03-19") == []
    (row,) = owes.aging("2026-03-20", rows="invoices")
    assert (row["invoiceId"], row["receivable"], row["disputed"]) == (invoice["id"], 0, 50_00_000)


def test_a_day_ends_in_the_tenants_zone_and_an_invoice_is_due_as_it_is_printed(world: World) -> None:
    """In Los Angeles 31 March ends on 1 April at 07:00Z: an invoice of 06:59Z that day is in it, and due on it."""
    tenant = world.tenant(timezone="America/Los_Angeles")
    owes = debtor(world, tenant, "2026-04-01T06:59:00Z", timezone="America/Los_Angeles")
    owes.invoice(1_000, 0)
    owes.until("2026-04-01", "07:00:00")
    owes.invoice(200, 0)
    owes.until("2026-04-02")
    assert owes.buckets("2026-03-31") == {"notDue": 1_000}
    assert owes.buckets("2026-04-01") == {"notDue": 200, "days1To30": 1_000}


def test_each_invoice_has_a_row_and_they_sum_to_their_customers(world: World, tenant: Tenant) -> None:
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    first, second = owes.invoice(5_000, 10), owes.invoice(700, 60)
    owes.until("2026-04-01")
    rows = owes.aging("2026-03-31", rows="invoices")
    assert [(each["number"], each["dueOn"], each["daysLate"], each["total"]) for each in rows] == [
        (first["number"], "2026-03-11", 20, 50_00_000), (second["number"], "2026-04-30", -30, 7_00_000),
    ]  # fmt: skip
    (customer,), (currency,) = owes.aging("2026-03-31"), owes.aging("2026-03-31", rows="currencies")
    for name in (*BUCKETS, "unappliedCredit", "receivable", "customerBalance", "disputed"):
        assert customer[name] == currency[name] == sum(each[name] for each in rows)
    assert "customerId" not in currency


def test_customers_of_a_clock_are_in_no_report_of_the_tenants_own(world: World, tenant: Tenant) -> None:
    owes = debtor(world, tenant, "2020-03-01T12:00:00Z")
    owes.invoice(5_000, 10)
    mine = open_invoice(tenant, 300)
    world.clock.advance(seconds=1)
    (row,) = tenant.get(PATH).data["rows"]
    assert (row["customerId"], row["notDue"]) == (mine["customerId"], 3_00_000)
    assert [each["customerId"] for each in owes.aging()] == [owes.id]


def test_as_csv(world: World, tenant: Tenant) -> None:
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    owes.invoice(5_000, 10)
    answer = tenant.get(f"{PATH}.csv", asOf="2026-03-01", testClock=owes.clock)
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["notDue"], row["receivable"], row["customerId"]) == ("50.00", "50.00", owes.id)


def test_what_is_not_a_day_or_has_not_come_is_refused(world: World, tenant: Tenant) -> None:
    tomorrow = world.clock().date() + timedelta(days=1)
    assert tenant.get(PATH, asOf=tomorrow.isoformat()).status == 400
    assert tenant.get(PATH, asOf="yesterday").status == 400
    assert tenant.get(PATH, rows="everything").status == 400
    assert tenant.get(PATH, testClock="clk_none").status == 404


def test_it_sums_to_the_ledger(world: World, tenant: Tenant) -> None:
    """Per currency: receivable and customers' balances of the trial balance, as of the same end of a day."""
    owes = debtor(world, tenant, "2026-03-01T12:00:00Z")
    owes.invoice(5_000, 10)
    assert sale(tenant, customerId=owes.id)["status"] == "succeeded"
    paid = owes.invoice(2_000, 10)
    assert tenant.post(f"/v1/invoices/{paid['id']}/pay", {"paymentMethodId": "pm_card_visa"}).status == 200
    assert tenant.post(f"/v1/invoices/{paid['id']}/credit-notes", {"amount": 7_00_000}).status == 201
    owes.until("2026-03-05")
    (row,) = owes.aging("2026-03-04", rows="currencies")
    at = "2026-03-05T00:00:00Z"
    accounts = tenant.get("/v1/reports/trial-balance", asOf=at, testClock=owes.clock).data["accounts"]
    sums: Counter[str] = Counter()
    for each in accounts:
        sums[each["account"]] += each["balance"]
    assert (row["receivable"], row["customerBalance"]) == (sums["receivable"], sums["customer_balance"])
