"""Issue 17: through a random year in a zone west of UTC, recognised and deferred are the ledger's revenue, each day."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.ledger import Account
from billing.domain.reports.deferral import Deferrals
from billing.domain.reports.fold import Posted
from billing.domain.reports.mrr import MrrKind
from billing.domain.reports.revenue import revenue_of
from billing.domain.reports.span import local_day, midnight
from billing.services.reports.kept import NothingKept
from billing.services.reports.sources import Asked, sources
from billing.storage.journal import DynamoJournal
from tests.integration.reports.revenue import RECOGNITION, REVENUE, rows, trial_balance
from tests.integration.steps import advance
from tests.integration.world import Answer, Json, Tenant, World
from tests.support.billed import balance_of

ZONE = "America/Los_Angeles"
BEGIN = datetime(2027, 12, 20, 5, 30, tzinfo=UTC)
"""The year that begins with it has a leap day; in Los Angeles it is the day before."""
DAY = timedelta(days=1)
SPAN = {"from_": "2027-12-01", "to": "2029-02-01"}
CURRENCIES = {"USD": 1_000, "JPY": 1_000, "KWD": 10_000}
"""What is the least that can be charged in each, in micro-units."""
HAPPEN = {
    "invoice_finalized", "invoice_voided", "credit_noted", "payment_received", "written_off", "refund_paid",
    "dispute_moved", "balance_used",
}  # fmt: skip
REFUSED = {400, 402, 403, 409, 422, 502}


@dataclass
class Year:
    """Three customers of one clock, and whatever may happen to their money."""

    world: World
    tenant: Tenant
    random: random.Random
    clock: str = ""
    now: datetime = BEGIN
    subscriptions: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        tenant = self.tenant
        self.clock = tenant.post("/v1/test-clocks", {"frozenTime": text(self.now)}).data["id"]
        tenant.post("/v1/coupons", {"code": "QUARTER", "percentOff": "25", "duration": "forever"})
        tenant.post("/v1/coupons", {"code": "FREE", "percentOff": "100", "duration": "once"})
        for currency in CURRENCIES:
            for interval, price in (("month", 31_700), ("year", 365_300)):
                seats = {"key": "seats", "type": "licensed", "unitAmount": price * 10}
                base = {"key": "base", "type": "flat", "unitAmount": price * 100}
                tenant.plan(
                    id=f"{currency}-{interval}".lower(), currency=currency, interval=interval, components=[base, seats]
                )
            customer = tenant.customer(testClockId=self.clock, currency=currency, timezone=ZONE)
            made = tenant.subscribe(
                planId=f"{currency}-month".lower(), quantities={"seats": 3}, customerId=customer, timezone=None
            )
            self.customers[currency], self.subscriptions[currency] = customer, made["id"]

    def step(self) -> None:
        """Time passes, and something happens."""
        changes = [self.seats, self.plan, self.pause, self.coupon, self.bill]
        acts = [*changes, self.credit, self.credit, self.refund, self.dispute, self.decide, self.give_up, self.void]
        self.now += timedelta(seconds=self.random.randrange(3_600, 16 * 86_400))
        advance(self.world, self.tenant, self.clock, text(self.now))
        for _ in range(self.random.randrange(1, 4)):  # at one instant of the clock
            answer = self.random.choice(acts)(self.random.choice(list(CURRENCIES)))
            if answer is not None:
                assert answer.status in REFUSED or answer.status < 300, answer.json
        self.world.deliver_all(self.tenant)

    def patch(self, currency: str, **body: Any) -> Answer:
        behavior = self.random.choice(["create_prorations", "invoice_now"])
        path = f"/v1/subscriptions/{self.subscriptions[currency]}"
        return self.tenant.patch(path, {**body, "prorationBehavior": behavior})

    def seats(self, currency: str) -> Answer:
        return self.patch(currency, quantities={"seats": self.random.randrange(1, 9)})

    def plan(self, currency: str) -> Answer:
        wanted = f"{currency}-{self.random.choice(['month', 'year'])}".lower()
        return self.patch(currency, planId=wanted, quantities={"seats": self.random.randrange(1, 9)})

    def pause(self, currency: str) -> Answer:
        path = f"/v1/subscriptions/{self.subscriptions[currency]}"
        paused = self.tenant.get(path).data["state"] == "paused"
        return self.tenant.patch(path, {"paused": not paused})

    def coupon(self, currency: str) -> Answer:
        path = f"/v1/subscriptions/{self.subscriptions[currency]}"
        return self.tenant.patch(path, {"couponCode": self.random.choice(["QUARTER", "FREE", ""])})

    def bill(self, currency: str) -> Answer:
        """An invoice by hand: for a time that may be over, or yet to come, or for none."""
        begin = self.now + timedelta(days=self.random.randrange(-60, 60))
        end = begin + timedelta(days=self.random.randrange(1, 300))
        period = {"start": text(begin), "end": text(end)}
        lines: list[Json] = [
            {"description": "Support", "amount": self.amount(currency), "period": period},
            {"description": "Set-up", "amount": self.amount(currency)},
        ]
        body = {"customerId": self.customers[currency], "currency": currency, "lines": lines, "autoFinalize": True}
        return self.tenant.post("/v1/invoices", {**body, "autoCharge": False})

    def credit(self, currency: str) -> Answer | None:
        invoice = self.one_of("/v1/invoices", currency)
        if invoice is None:
            return None
        body: Json = {"amount": self.amount(currency) // 4 // CURRENCIES[currency] * CURRENCIES[currency]}
        if self.random.random() < 0.5:
            body = {"lines": [{"lineId": self.random.choice(invoice["lines"])["id"]}]}
        return self.tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", body)

    def refund(self, currency: str) -> Answer | None:
        payment = self.one_of("/v1/payments", currency)
        return self.tenant.post(f"/v1/payments/{payment['id']}/refund", {}) if payment else None

    def dispute(self, currency: str) -> None:
        payment = self.one_of("/v1/payments", currency)
        if payment is not None and payment["paymentIntentId"] and self.random.random() < 0.3:
            self.world.acts(f"charges/{payment['paymentIntentId']}/dispute")

    def decide(self, currency: str) -> None:
        dispute = self.one_of("/v1/disputes", currency)
        if dispute is not None:
            self.world.acts(f"disputes/{dispute['stripeDisputeId']}/close", status=self.random.choice(["won", "lost"]))

    def give_up(self, currency: str) -> Answer | None:
        invoice = self.one_of("/v1/invoices", currency, status="open")
        return self.tenant.post(f"/v1/invoices/{invoice['id']}/uncollectible") if invoice else None

    def void(self, currency: str) -> Answer | None:
        invoice = self.one_of("/v1/invoices", currency, status="open")
        return self.tenant.post(f"/v1/invoices/{invoice['id']}/void") if invoice else None

    def one_of(self, path: str, currency: str, **query: str) -> Json | None:
        found = self.tenant.get(path, limit=100, customer=self.customers[currency], **query).data
        return dict(self.random.choice(found)) if found else None

    def amount(self, currency: str) -> int:
        return self.random.randrange(1_000, 40_000) * CURRENCIES[currency]

    def posted(self) -> list[Posted]:
        """The clock's journal."""
        work = storage.units().begin(self.tenant.id)
        asked = Asked(BEGIN + timedelta(days=800), ZONE, None, self.clock)
        read = sources(work, DynamoJournal(storage.database(), storage.vault()), NothingKept(), asked, None)
        return list(read.posted(BEGIN - timedelta(days=1), BEGIN + timedelta(days=800)))


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def sums(found: list[Json], *columns: str) -> dict[str, int]:
    """By currency the sum of columns; what is zero is left out."""
    by_currency: dict[str, int] = {}
    for row in found:
        by_currency[row["currency"]] = by_currency.get(row["currency"], 0) + sum(row[each] for each in columns)
    return {currency: sum_ for currency, sum_ in by_currency.items() if sum_}


def days(posted: list[Posted]) -> Iterator[datetime]:
    """The end of each day of the tenant's, from the first posting to 60 days after the last one."""
    day, last = local_day(posted[0].entry.posted_at, ZONE), posted[-1].entry.posted_at + timedelta(days=60)
    while midnight(day, ZONE) < last:
        day += timedelta(days=1)
        yield midnight(day, ZONE)


@pytest.fixture
def seller(world: World) -> Tenant:
    return world.tenant(timezone=ZONE)


@pytest.mark.parametrize("seed", [1, 2])
def test_recognised_and_deferred_are_the_ledgers_revenue_each_day(world: World, seller: Tenant, seed: int) -> None:
    year = Year(world, seller, random.Random(seed))
    year.begin()
    while year.now < BEGIN + timedelta(days=390):
        year.step()
    posted = year.posted()
    state, left = Deferrals(), iter(posted)
    following: Posted | None = next(left)
    for end in days(posted):
        while following is not None and following.entry.posted_at < end:
            for _ in state.post(following):
                pass
            following = next(left, None)
        for _ in state.advance(end):
            pass
        before = [each for each in posted if each.entry.posted_at < end]
        found = dict(state.recognised)
        for _, schedule, rest in state.deferred():
            found[schedule.owner.currency] += rest
        assert {each: sum_ for each, sum_ in found.items() if sum_} == balance_of(Account.REVENUE, before, -1), end
    of_days = revenue_of(posted, ZONE, "day").rows()
    assert len(list(of_days)) > 30
    kinds = {each.entry.kind for each in posted}
    assert kinds >= HAPPEN, HAPPEN - kinds
    assert_the_api_agrees(year)


def assert_the_api_agrees(year: Year) -> None:
    """The reports and the trial balance, by month and as of any instant."""
    tenant, clock = year.tenant, year.clock
    months = rows(tenant, RECOGNITION, clock, **SPAN)
    for row in months:
        assert row["deferredAtStart"] + row["billed"] - row["recognised"] == row["deferredAtEnd"]
    for by in ("plan", "component", "customer"):
        parts = rows(tenant, RECOGNITION, clock, by=by, **SPAN)
        assert sums(parts, "recognised") == sums(months, "recognised")
        assert sums(parts, "deferredAtEnd") == sums(months, "deferredAtEnd")
    waterfall = rows(tenant, RECOGNITION, clock, rows="waterfall", **SPAN)
    assert sums(waterfall, "recognised", "scheduled") == trial_balance(
        tenant, "revenue", clock, asOf="2035-01-01T00:00:00Z"
    )
    lines = rows(tenant, RECOGNITION, clock, rows="lines", **SPAN)
    assert sums(lines, "recognised") == sums(months, "recognised")
    assert sums(lines, "deferredAtEnd") == sums(months, "deferredAtEnd")
    for _ in range(5):
        at = text(BEGIN + timedelta(seconds=year.random.randrange(int((year.now - BEGIN).total_seconds()))))
        found = rows(tenant, RECOGNITION, clock, asOf=at, **SPAN)
        last = max((row["month"] for row in found), default="")
        whole = sums(found, "recognised")
        for currency, rest in sums([row for row in found if row["month"] == last], "deferredAtEnd").items():
            whole[currency] = whole.get(currency, 0) + rest
        assert {each: sum_ for each, sum_ in whole.items() if sum_} == trial_balance(tenant, "revenue", clock, asOf=at)
        billed = rows(tenant, REVENUE, clock, asOf=at, **SPAN)
        assert sums(billed, "revenue") == trial_balance(tenant, "revenue", clock, asOf=at)
        open_ = [{**row, "open": row["disputed"] - row["disputesWonBack"] - row["disputesLost"]} for row in billed]
        held = trial_balance(tenant, "disputes", clock, asOf=at)
        assert sums(open_, "open") == {currency: -sum_ for currency, sum_ in held.items()}
    assert_three_reports_say_the_same(year)


def assert_three_reports_say_the_same(year: Year) -> None:
    """What is laid side by side: aging, tax and MRR with the trial balance, and MRR with its movements."""
    tenant, clock = year.tenant, year.clock
    owed = rows(tenant, "/v1/reports/aging", clock, rows="currencies")
    for column, account in (("receivable",) * 2, ("customerBalance", "customer_balance"), ("disputed", "disputes")):
        held = trial_balance(tenant, account, clock)
        assert sums(owed, column) == {currency: -sum_ for currency, sum_ in held.items()}
    assert sums(rows(tenant, "/v1/reports/tax", clock, **SPAN), "tax") == trial_balance(tenant, "tax_payable", clock)
    months = rows(tenant, "/v1/reports/mrr", clock, **SPAN)
    for row in months:
        assert row["start"] + sum(row[each.value] for each in MrrKind) == row["end"]
        assert row["customersStart"] + row["customersNew"] + row["customersReturned"] == (
            row["customersEnd"] + row["customersChurned"] + row["customersPaused"]
        )
    last = max(row["from"] for row in months)
    moves = rows(tenant, "/v1/reports/mrr-movements", clock, **SPAN)
    assert sums([row for row in months if row["from"] == last], "end") == sums(moves, "amount")
    own = {each["subscriptionId"]: each for each in moves}
    assert sums(list(own.values()), "subscriptionMrr") == sums(moves, "amount")
    by_day = rows(tenant, "/v1/reports/mrr", clock, interval="day", **SPAN)
    for kind in MrrKind:
        assert sums(by_day, kind.value) == sums(months, kind.value)
