"""Issue 14, number 6: Stripe's account and the ledger are compared both ways, healed if possible, else reported."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing.bootstrap import storage, sweep
from billing.domain.kernel.money import Money
from billing.domain.ledger import Account, LedgerEntry, Posting
from billing.domain.reconciliation import RECONCILIATION_ID, Reconciliation
from billing.domain.tenant import PLATFORM
from billing.services.kernel.work import Ref
from billing.services.reports import reconciliation
from tests.integration.cash import cash_lines, entries, lines_at_stripe
from tests.integration.marketplace.market import Market, item
from tests.integration.payer import intent, pay, payment_of, sale
from tests.integration.reports.books import Books, books
from tests.integration.world import Tenant, World

DIFFER = "reconciliation: stripe and the ledger differ"
SHORT = "reconciliation: stripe has less than providers are owed"


@pytest.fixture(name="books")
def _books(world: World) -> Iterator[Books]:
    yield from books(world)


def posted(tenant: Tenant, line_id: str, micros: int) -> None:
    """An entry that is wrong."""
    unit = storage.units().begin(tenant.id)
    postings = (Posting(Account.CASH, Money(micros, "USD")), Posting(Account.REVENUE, Money(-micros, "USD")))
    unit.save(LedgerEntry(unit.fresh_id("le"), "wrong", "nothing", unit.now, postings, "", line_id))
    unit.commit()


def test_books_that_agree_have_no_difference(world: World, tenant: Tenant, books: Books) -> None:
    sale(tenant)
    sale(tenant)
    before = entries(world, tenant)
    books.run()
    books.run(hours=3)
    assert (books.open(), books.critical()) == ([], [])
    assert entries(world, tenant) == before
    assert books.report()["finishedAt"] is not None


def test_a_payment_that_no_webhook_told_of_is_settled(world: World, tenant: Tenant, books: Books) -> None:
    """Its source is fetched, and applied in its own tenant's books, as the webhook would have; once."""
    form = intent(tenant)
    assert pay(world, form) == 200
    assert cash_lines(world, tenant) == {}
    books.run()
    assert payment_of(tenant, form)["status"] == "succeeded"
    assert cash_lines(world, tenant) == lines_at_stripe(world, tenant) != {}
    assert books.open() == []
    before = entries(world, tenant)
    world.deliver_all(tenant)
    books.run()
    assert entries(world, tenant) == before


def test_a_refund_and_a_dispute_that_no_webhook_told_of_are_settled(world: World, tenant: Tenant, books: Books) -> None:
    """Both were made at Stripe alone."""
    refunded, disputed = sale(tenant), sale(tenant)
    world.stripe.v1.refunds.create({"payment_intent": refunded["paymentIntentId"], "amount": 1_000})
    world.sandbox.post(f"charges/{disputed['paymentIntentId']}/dispute")
    books.run()
    books.run()
    assert cash_lines(world, tenant) == lines_at_stripe(world, tenant)
    assert len(cash_lines(world, tenant)) == 4
    assert books.open() == []


def test_a_charge_that_is_not_ours_waits_and_then_is_a_difference(world: World, books: Books) -> None:
    """Somebody charged a card in the dashboard. It waits for three hours, then it is told, each hour."""
    about: Any = {
        "amount": 5_000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    world.stripe.v1.payment_intents.create(about)
    books.run()
    assert (books.open(), books.critical()) == ([("waiting", "missing_in_ledger")], [])
    books.run(hours=3)
    assert (books.open(), books.critical()) == ([("different", "missing_in_ledger")], [DIFFER])
    books.run()
    assert books.critical() == [DIFFER]
    (shown,) = books.report()["differences"]
    assert (shown["type"], shown["currency"], shown["atStripe"], shown["inLedger"]) == (
        "charge",
        "USD",
        4_825_000,
        None,
    )


def test_an_entry_whose_line_stripe_does_not_know_is_a_difference(tenant: Tenant, books: Books) -> None:
    posted(tenant, "txn_nobodyknows", 7_000_000)
    books.run(hours=3)
    assert (books.open(), books.critical()) == ([("waiting", "missing_at_stripe")], [])
    books.run(hours=3)
    assert (books.open(), books.critical()) == ([("different", "missing_at_stripe")], [DIFFER])
    (shown,) = books.report()["differences"]
    assert (shown["inLedger"], shown["atStripe"]) == (7_000_000, None)


@pytest.mark.parametrize("is_seen", [False, True])
def test_an_amount_that_differs_is_a_difference(world: World, tenant: Tenant, books: Books, is_seen: bool) -> None:
    """Also where the entry too many comes after the line had matched. Mended, it agrees again."""
    sale(tenant)
    if is_seen:
        books.run(minutes=1)
        assert books.open() == []
    ((line_id, _),) = cash_lines(world, tenant)
    posted(tenant, line_id, 1_000)
    books.run(hours=3)
    assert books.open() == [("waiting", "amount_differs")]
    books.run(hours=3)
    assert (books.open(), books.critical()) == ([("different", "amount_differs")], [DIFFER])
    posted(tenant, line_id, -1_000)
    books.run()
    assert books.open() == []


def test_the_platforms_own_payout_is_entered_in_its_books_once(world: World, tenant: Tenant, books: Books) -> None:
    """100.00 to the platform's bank: Dr bank, Cr cash."""
    sale(tenant, "pm_card_bypassPending", amount=5_000_000_000)
    payout = world.stripe.v1.payouts.create({"amount": 10_000, "currency": "usd"})
    books.run()
    books.run()
    (entry,) = books.of_platform()
    assert {each["account"]: each["amount"]["micros"] for each in entry["postings"]} == {
        "cash": -10_000_000, "bank": 10_000_000,
    }  # fmt: skip
    assert entry["balance_transaction_id"] == payout.balance_transaction
    assert books.open() == []


def test_a_crash_between_two_pages_repeats_a_page_and_books_nothing_twice(
    world: World, tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever page: what was committed stays, and the next turn goes on from there."""
    monkeypatch.setattr(reconciliation, "_PAGE", 1)
    sale(tenant, "pm_card_bypassPending", amount=5_000_000_000)
    for _ in range(2):
        world.stripe.v1.payouts.create({"amount": 1_000, "currency": "usd"})
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
    assert crashes["crashed"] > 3
    assert len(books.of_platform()) == 2
    books.reconciler = whole
    books.run()
    assert (len(books.of_platform()), books.open()) == (2, [])


def test_a_turn_without_time_stops_after_a_page_and_goes_on(
    tenant: Tenant, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_PAGE", 1)
    sale(tenant)
    sale(tenant)
    books.reconciler = replace(books.reconciler, left_s=lambda: 0.0)
    assert books.turn()
    assert books.report()["finishedAt"] is None
    books.run()
    assert books.report()["finishedAt"] is not None
    assert books.open() == []


def test_what_was_parked_begins_again_with_the_next_turn(books: Books) -> None:
    """However long Stripe was away."""
    books.run()
    first = books.report()["finishedAt"]
    unit = storage.units().begin(PLATFORM)
    ref = Ref(Reconciliation, PLATFORM, RECONCILIATION_ID)
    unit.save(replace(unit.load(ref).require(ref), due=None))
    unit.commit()
    books.run()
    assert books.report()["finishedAt"] > first


def test_less_at_stripe_than_providers_are_owed_is_told(world: World, tenant: Tenant, books: Books) -> None:
    """Pending and released earnings alike: 50.00 of an order on a provider's account, 30.00 pending."""
    market = Market(world, tenant, world.tenant(name="X"), world.tenant(name="Y"))
    order = market.sold(item(5000, 0, market.x), item(3000, 0, market.y))
    market.release(order, market.x)
    owed = 8_000_000
    books.own.balances = {"USD": Money(owed, "USD")}
    books.run()
    assert SHORT not in books.critical()
    books.own.balances = {"USD": Money(owed - 10_000, "USD")}
    books.run()
    assert books.critical() == [SHORT]
    (usd,) = books.report()["balances"]
    assert (usd["owedToProviders"], usd["short"]) == (owed, 10_000)


def test_a_line_that_cannot_be_settled_hides_no_other(world: World, tenant: Tenant, books: Books) -> None:
    """It waits, and becomes a difference; the others are healed. Only an outage of Stripe's stops a page."""
    forms = [intent(tenant), intent(tenant)]
    assert [pay(world, form) for form in forms] == [200, 200]
    real = books.reconciler.events

    class Poisoned:
        def apply(self, work: Any, event_id: str, update: Any) -> bool:
            if update.payment_id == forms[0]["paymentId"]:
                raise RuntimeError
            return real.apply(work, event_id, update)

    books.reconciler = replace(books.reconciler, events=Poisoned())
    books.run()
    assert books.open() == [("waiting", "missing_in_ledger")]
    assert payment_of(tenant, forms[1])["status"] == "succeeded"
    books.reconciler = replace(books.reconciler, events=real)
    books.run()
    assert books.open() == []


def test_a_turn_of_the_worker_makes_it_and_runs_it(world: World, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to found it: a turn at its shard does, and what it made is worked in the same turn or the next."""
    monkeypatch.setattr(reconciliation, "_OVERLAP", timedelta())
    books.forget()
    worker = replace(sweep.worker(), standing={"00": lambda unit: reconciliation.found(unit, "00")})
    for _ in range(2):
        world.clock.advance(minutes=1)
        worker.work_shard("00", world.clock() + timedelta(seconds=30))
    assert books.report()["finishedAt"] is not None


def test_only_the_platform_reads_it(tenant: Tenant, books: Books) -> None:
    assert tenant.get("/v1/reports/reconciliation").status == 403
    assert books.report()["differences"] == []


def test_a_tenants_trial_balance_is_its_own(world: World, tenant: Tenant) -> None:
    """By the API: its own books only, as they were at a time, and they sum to zero."""
    sale(tenant)
    world.clock.advance(seconds=1)
    found = tenant.get("/v1/reports/trial-balance").data
    assert {each["account"]: each["balance"] for each in found["accounts"]} == {
        "receivable": 0, "revenue": -4_999_000, "cash": 4_824_000, "processing_fees": 175_000,
    }  # fmt: skip
    assert (found["outOfBalance"], found["entries"]) == ({}, 3)
    assert world.tenant().get("/v1/reports/trial-balance").data["accounts"] == []
    assert tenant.get("/v1/reports/trial-balance", asOf="2020-01-01T00:00:00Z").data["entries"] == 0
    assert tenant.get("/v1/reports/trial-balance", asOf="yesterday").status == 400
