"""Issue 17: which bank deposit is this? Each payout of Stripe's, with what is in it, to the transaction."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.domain.kernel.errors import Unavailable
from billing.services.reports.ports import LinePage
from tests.integration.marketplace.paying import AVAILABLE
from tests.integration.payer import sale
from tests.integration.reports.books import Books, books
from tests.integration.reports.runs import at_most, work
from tests.integration.world import Json, Tenant, World

PATH = "/v1/reports/payouts"
PARTS = ("gross", "refunds", "disputes", "transfers", "adjustments", "unexplained")


@pytest.fixture(name="books")
def _books(world: World) -> Iterator[Books]:
    clear(world)
    world.clock.advance(minutes=1)
    yield from books(world)


def clear(world: World) -> None:
    """What earlier tests left in Stripe's account is paid out, so that it is in none of these payouts."""
    sale(world.tenant(), AVAILABLE, amount=900_000_000)  # whatever they owe it
    world.sandbox.post("balance/settle")
    scheduled(world)


def rows(world: World, **query: str) -> list[Json]:
    """Of the days around now: the month may end while a test goes on."""
    world.clock.advance(seconds=1)
    now = world.clock()
    days = {"from": f"{now - timedelta(days=40):%Y-%m-%d}", "to": f"{now + timedelta(days=2):%Y-%m-%d}"}
    answer = world.platform().get(PATH, **days, **query)
    assert answer.status == 200, answer.json
    found: list[Json] = answer.data["rows"]
    return found


def scheduled(world: World) -> Json:
    """Stripe's schedule pays out what is available in dollars."""
    account = world.stripe.v1.accounts.retrieve_current().id
    payout: Json = world.sandbox.post("balance/pay_out", account=account, currency="usd")
    return payout


def finish(world: World, payout: Json, status: str) -> None:
    """The bank's word on a payout."""
    assert world.acts(f"payouts/{payout['id']}/finish", status=status) == 200


def paid_out(world: World) -> Json:
    """A payout of the schedule that the bank has."""
    payout = scheduled(world)
    finish(world, payout, "paid")
    return payout


def of(found: list[Json], payout_id: str) -> list[Json]:
    return [each for each in found if each["payoutId"] == payout_id]


def test_a_deposit_is_its_charges_refunds_and_fees(world: World, tenant: Tenant, books: Books) -> None:
    """Two charges of 49.99, one of them refunded by 10.00: their fees are Stripe's, and what is left is the deposit."""
    first, second = sale(tenant, AVAILABLE), sale(tenant, AVAILABLE)
    assert tenant.post(f"/v1/payments/{second['id']}/refund", {"amount": 10_00_000}).status == 201
    world.deliver_all(tenant)
    payout = paid_out(world)
    books.run()
    (row,) = of(rows(world), payout["id"])
    assert (row["gross"], row["refunds"], row["unexplained"]) == (2 * 4_999_000, -10_00_000, 0)
    assert (row["net"], row["transactions"], row["type"]) == (payout["amount"] * 1000, 3, "payout")
    assert row["net"] == sum(row[name] for name in PARTS) - row["fees"]
    lines = of(rows(world, rows="transactions"), payout["id"])
    assert sorted((each["part"], each["amount"]) for each in lines) == [
        ("gross", 4_999_000), ("gross", 4_999_000), ("refunds", -10_00_000),
    ]  # fmt: skip
    assert sum(each["net"] for each in lines) == row["net"]
    assert sum(each["fee"] for each in lines) == row["fees"]
    assert {each["tenantId"] for each in lines} == {tenant.id}
    assert first["id"] != second["id"]


def test_what_came_in_by_a_deposit_is_what_the_bank_account_moved_by(
    world: World, tenant: Tenant, books: Books
) -> None:
    """Also by one that nobody's schedule made, of which Stripe does not say what is in it, and one that came back."""
    sale(tenant, AVAILABLE)
    world.stripe.v1.payouts.create({"amount": 1_000, "currency": "usd"})
    sent_back = scheduled(world)
    finish(world, sent_back, "failed")
    books.run()
    found = rows(world)
    at_bank = sum(
        posting["amount"]["micros"]
        for entry in books.of_platform()
        for posting in entry["postings"]
        if posting["account"] == "bank"
    )
    assert sum(each["net"] for each in found) == at_bank
    assert all(each["net"] == sum(each[name] for name in PARTS) - each["fees"] for each in found)
    by_hand = next(each for each in found if each["net"] == 10_00_000)
    assert (by_hand["unexplained"], by_hand["transactions"]) == (10_00_000, 0)
    back = {each["type"]: each["net"] for each in of(found, sent_back["id"])}
    assert back == {"payout": sent_back["amount"] * 1000, "payout_failure": -sent_back["amount"] * 1000}


def test_until_stripe_has_itemised_it_it_is_unexplained_and_then_it_is_listed(
    world: World, tenant: Tenant, books: Books
) -> None:
    sale(tenant, AVAILABLE)
    payout = scheduled(world)
    books.run()
    (row,) = of(rows(world), payout["id"])
    assert (row["unexplained"], row["net"], row["transactions"]) == (row["net"], payout["amount"] * 1000, 0)
    assert row["arrivesOn"] is not None
    finish(world, payout, "paid")
    books.run()
    (row,) = of(rows(world), payout["id"])
    assert (row["unexplained"], row["gross"], row["transactions"]) == (0, 4_999_000, 1)
    books.run()
    assert of(rows(world), payout["id"]) == [row]


def test_a_deposit_of_many_lines_is_listed_page_by_page_and_each_once(
    world: World, tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.services.reports.deposits._PAGE", 2)
    for _ in range(5):
        sale(tenant, AVAILABLE)
    payout = paid_out(world)
    books.run()
    (row,) = of(rows(world), payout["id"])
    lines = of(rows(world, rows="transactions"), payout["id"])
    assert (row["transactions"], len({each["transactionId"] for each in lines})) == (5, 5)
    assert (row["gross"], row["unexplained"]) == (5 * 4_999_000, 0)


def test_as_csv_and_for_the_platform_alone(world: World, tenant: Tenant, books: Books) -> None:
    """Its account at Stripe is one: a deposit has what all tenants' payers paid. A tenant has its own entries."""
    sale(tenant, AVAILABLE)
    payout = paid_out(world)
    books.run()
    world.clock.advance(seconds=1)
    answer = world.platform().get(f"{PATH}.csv")
    found = [each for each in csv.DictReader(io.StringIO(answer.content.decode())) if each["payoutId"] == payout["id"]]
    assert [(each["gross"], each["net"]) for each in found] == [("49.99", f"{payout['amount'] / 100:.2f}")]
    assert tenant.get(PATH).status == 403


def test_a_crash_between_two_pages_of_a_deposit_lists_each_line_once(
    world: World, tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second unit of work dies before it begins: what was committed stays, and the next turn goes on from it."""
    monkeypatch.setattr("billing.services.reports.deposits._PAGE", 1)
    for _ in range(3):
        sale(tenant, AVAILABLE)
    payout = paid_out(world)
    whole, real = books.reconciler, storage.units()
    crashes = Counter[str]()

    class Crashing:
        def begin(self, tenant_id: str, request: Any = None) -> Any:
            crashes["begun"] += 1
            if crashes["begun"] % 2 == 0:
                raise ConnectionError
            return real.begin(tenant_id, request)

    books.reconciler = replace(whole, units=Crashing())
    world.clock.advance(minutes=61)
    for _ in range(400):
        try:
            if not books.turn():
                break
        except ConnectionError:
            crashes["crashed"] += 1
    books.reconciler = whole
    books.run()
    (row,) = of(rows(world), payout["id"])
    lines = of(rows(world, rows="transactions"), payout["id"])
    assert (row["transactions"], row["unexplained"], row["gross"]) == (3, 0, 3 * 4_999_000)
    assert (len(lines), sum(each["net"] for each in lines)) == (3, row["net"])
    assert crashes["crashed"] > 3


def test_an_outage_while_a_deposit_is_listed_costs_an_hour(world: World, tenant: Tenant, books: Books) -> None:
    sale(tenant, AVAILABLE)
    payout = paid_out(world)
    world.stripe_fails("status", "/v1/payouts/", status=503)
    with pytest.raises(Unavailable):
        books.run()
    world.stripe_works()
    books.run()
    (row,) = of(rows(world), payout["id"])
    assert (row["transactions"], row["unexplained"]) == (1, 0)


def test_a_line_that_a_page_shows_again_is_counted_once(
    world: World, tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe's pages are by the line that they begin after; a listing that moves meanwhile must not stop the hour."""
    monkeypatch.setattr("billing.services.reports.deposits._PAGE", 2)
    for _ in range(3):
        sale(tenant, AVAILABLE)
    payout = paid_out(world)
    real = books.own.lines_of_payout

    def overlapping(payout_id: str, place: str | None, limit: int) -> LinePage:
        page, first = real(payout_id, place, limit), real(payout_id, None, limit)
        return page if place is None else replace(page, lines=(*first.lines, *page.lines))

    monkeypatch.setattr(books.own, "lines_of_payout", overlapping)
    books.run()
    (row,) = of(rows(world), payout["id"])
    assert (row["transactions"], row["unexplained"], row["gross"]) == (3, 0, 3 * 4_999_000)


def test_a_run_of_the_platforms_report_is_not_for_keys_that_may_not_ask_for_it(
    world: World, tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale(tenant, AVAILABLE)
    paid_out(world)
    books.run()
    world.clock.advance(seconds=1)
    platform = world.platform()
    at_most(monkeypatch, -1)
    run = platform.get("/v1/reports/payouts", rows="transactions").data
    path = f"/v1/report-runs/{run['id']}"
    world.clock.advance(seconds=1)
    work(world, run["id"])
    reader = replace(platform, key=platform.post("/v1/api-keys", {"name": "r", "scope": "read"}).data["key"])
    assert reader.get("/v1/reports/payouts").status == 403
    assert (reader.get(path).status, reader.get(f"{path}/file").status) == (404, 404)
    assert (platform.get(path).status, platform.get(f"{path}/file").status) == (200, 200)
    own = reader.get("/v1/reports/trial-balance").data
    assert reader.get(f"/v1/report-runs/{own['id']}").status == 200
