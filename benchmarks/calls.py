"""DynamoDB round trips and capacity units of each route, over warm calls; and what each asks of Stripe.

Every route is called once for nothing (caches fill: the tenant, its data key, Stripe's secret), then a few times for
the figures. A round trip is one request over the wire; the product makes them one after the other, so their number
is the number of waits. The worst call decides about the budget, the mean is shown for capacity.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import NoReturn
from uuid import uuid4

from benchmarks.backend import backend
from benchmarks.counting import Meter, Tally
from benchmarks.report import Row, Section, verdict
from benchmarks.shop import PLAN, Shop

WARM_CALLS = 4
READ, CREATE, WRITE, MOVES_MONEY, WEBHOOK = 3, 2, 3, 4, 3
_START = "2027-01-01T00:00:00Z"
_FEW, _MANY = 4, 12

Prepared = Callable[[], None]


class Book:
    """Measures routes and writes the table's lines."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.section = Section(
            "DynamoDB and Stripe, per warm call",
            ["route", "round trips", "budget", "read units", "write units", "Stripe", "operations"],
            notes=[
                f"{WARM_CALLS} warm calls each, counted by botocore hooks; the worst is shown, units are means.",
                "Write units: ReturnConsumedCapacity as ministack computes it (transactions twice, indexes included;",
                "none for a refused transaction). Read units: from the sizes of what was read, by DynamoDB's rule.",
                "Calls to other AWS services (KMS, SQS, Secrets Manager) would stand among the operations.",
            ],
        )

    def route(self, name: str, budget: int | None, prepare: Callable[[], Prepared]) -> None:
        """Measure one route.

        Args:
            prepare: makes what a call needs, uncounted, and returns the call.
        """
        _progress(name)
        prepare()()
        tallies = []
        for _ in range(WARM_CALLS):
            call = prepare()
            with self._meter.open() as tally:
                call()
            tallies.append(tally)
        self.line(name, budget, tallies)

    def line(self, name: str, budget: int | None, tallies: list[Tally]) -> None:
        """A line from what was counted."""
        worst = max(tallies, key=lambda tally: len(tally.dynamodb))
        trips = len(worst.dynamodb)
        figures = {
            "round_trips": trips,
            "read_units": fmean(tally.read_units for tally in tallies),
            "write_units": fmean(tally.write_units for tally in tallies),
            "stripe_calls": max(tally.stripe for tally in tallies),
        }
        self.add(name, budget, figures, shortened(worst.dynamodb + worst.others))

    def add(self, name: str, budget: int | None, figures: dict[str, float], operations: str) -> None:
        """A line."""
        cells = [
            name,
            f"{figures['round_trips']:g}",
            str(budget or "-"),
            f"{figures['read_units']:.1f}",
            f"{figures['write_units']:.1f}",
            f"{figures['stripe_calls']:g}",
            operations,
        ]
        self.section.rows.append(Row(cells, verdict(figures["round_trips"], budget), figures))


def shortened(operations: list[str]) -> str:
    """``UpdateItem``, ``BatchGetItem`` -> ``update, batch get``."""
    names = {
        "UpdateItem": "update",
        "BatchGetItem": "batch get",
        "PutItem": "put",
        "Query": "query",
        "TransactWriteItems": "transact",
    }
    return ", ".join(names.get(operation, operation) for operation in operations)


def measure_reads(book: Book, shop: Shop) -> None:
    """Customer, invoice, list."""
    customer = shop.customer()
    made = [shop.subscribe(customer, "incomplete") for _ in range(20)]
    invoice = made[0]["latestInvoiceId"]
    book.route("GET customer", READ, lambda: lambda: shop.call("customers", "GET", f"/v1/customers/{customer}"))
    book.route("GET invoice", READ, lambda: lambda: shop.call("invoices", "GET", f"/v1/invoices/{invoice}"))
    listing = {"customer": customer, "limit": "20"}
    book.route("list 20 invoices", READ, lambda: lambda: shop.call("invoices", "GET", "/v1/invoices", query=listing))


def measure_writes(book: Book, shop: Shop) -> None:
    """Creates, and the payment of an open invoice."""
    book.route("create customer", CREATE, lambda: lambda: _ignore(shop.customer()))
    book.route("create plan", WRITE, lambda: lambda: shop.plan(f"plan-{uuid4().hex[:12]}"))
    plain, carded = shop.customer(), shop.customer_with_card()

    def trial() -> Prepared:
        return lambda: _ignore(shop.subscribe(plain, "trialing", trialDays=14))

    def unpaid() -> Prepared:
        return lambda: _ignore(shop.subscribe(plain, "incomplete"))

    def charged() -> Prepared:
        return lambda: _ignore(shop.subscribe(carded, "active"))

    def first_charge() -> Prepared:
        customer = shop.customer()
        return lambda: _ignore(shop.subscribe(customer, "active", paymentMethodId="pm_card_visa"))

    def on_test_clock() -> Prepared:
        return lambda: _ignore(shop.subscribe(clocked, "active"))

    book.route("create subscription: trial", WRITE, trial)
    book.route("create subscription: invoice, no card", WRITE, unpaid)
    book.route("create subscription: charged, saved card", MOVES_MONEY, charged)
    book.route("create subscription: charged, new card", MOVES_MONEY, first_charge)
    clock, _ = shop.clock_advancer(_START)
    clocked = shop.customer_with_card(testClockId=clock)
    book.route("the same on a test clock, saved card", None, on_test_clock)
    book.route("pay invoice", MOVES_MONEY, lambda: _payable(shop))


def _payable(shop: Shop) -> Prepared:
    customer = shop.customer()
    invoice = shop.subscribe(customer, "incomplete")["latestInvoiceId"]
    shop.subscribe(customer, "trialing", paymentMethodId="pm_card_visa", trialDays=30)
    return lambda: shop.call("invoices", "POST", f"/v1/invoices/{invoice}/pay")


def measure_replays(book: Book, shop: Shop) -> None:
    """A write that was done before."""
    body = {"name": "Replayed"}

    def customer() -> Prepared:
        key = uuid4().hex
        shop.call("customers", "POST", "/v1/customers", body, idempotency_key=key)
        return lambda: shop.call("customers", "POST", "/v1/customers", body, idempotency_key=key)

    carded = shop.customer_with_card()

    def subscription() -> Prepared:
        key = uuid4().hex
        shop.subscribe(carded, "active", idempotency_key=key)
        return lambda: _ignore(shop.subscribe(carded, "active", idempotency_key=key))

    book.route("replay: create customer", WRITE, customer)
    book.route("replay: create subscription, charged", WRITE, subscription)


def measure_webhooks(book: Book, shop: Shop) -> None:
    """Stripe's news: it settles a payment, says what is known, or comes twice."""

    def intent() -> str:
        card = "pm_card_authenticationRequired"
        made = shop.subscribe(shop.customer(), "incomplete", paymentMethodId=card)
        payment = shop.call("invoices", "GET", f"/v1/invoices/{made['latestInvoiceId']}")["latestPaymentId"]
        return str(shop.call("payments", "GET", f"/v1/payments/{payment}")["paymentIntentId"])

    def settling() -> Prepared:
        intent_id = intent()
        shop.authenticate(intent_id)
        event = shop.succeeded_event(intent_id)
        return lambda: shop.deliver(event, "applied")

    def delivered_before(event_id: str | None, outcome: str) -> Prepared:
        intent_id = intent()
        shop.authenticate(intent_id)
        event = shop.succeeded_event(intent_id)
        shop.deliver(event, "applied")
        again = event | {"id": event_id or event["id"]}
        return lambda: shop.deliver(again, outcome)

    book.route("Stripe webhook: settles a payment", WEBHOOK, settling)
    book.route("Stripe webhook: settled already", WEBHOOK, lambda: delivered_before(f"evt_{uuid4().hex}", "unchanged"))
    book.route("Stripe webhook: the same event twice", WEBHOOK, lambda: delivered_before(None, "duplicate"))


def measure_renewals(book: Book, shop: Shop, meter: Meter) -> None:
    """The worker bills the next month: what one more subscription adds to a turn."""
    tallies = {}
    for due in (_FEW, _MANY):
        _progress(f"renewals: {due} in one turn")
        clock, advance = shop.clock_advancer(_START)
        for _ in range(due):
            shop.subscribe(shop.customer(testClockId=clock), "active", paymentMethodId="pm_card_visa")
        advance("2027-02-02T00:00:00Z")()
        turn = advance("2027-03-02T00:00:00Z")
        with meter.open() as tallies[due]:
            turn()
    few, many, more = tallies[_FEW], tallies[_MANY], _MANY - _FEW

    def each(of: Callable[[Tally], float]) -> float:
        return (of(many) - of(few)) / more

    figures = {
        "round_trips": each(lambda tally: len(tally.dynamodb)),
        "read_units": each(lambda tally: tally.read_units),
        "write_units": each(lambda tally: tally.write_units),
        "stripe_calls": each(lambda tally: tally.stripe),
    }
    fixed = len(few.dynamodb) - _FEW * figures["round_trips"]
    book.add("renewal in the worker, charged", MOVES_MONEY, figures, f"and {fixed:g} a turn, whatever is due")


def _ignore(_: object) -> None:
    """A call is for its cost."""


def _progress(what: str) -> None:
    print(f"    {what}", file=sys.stderr, flush=True)


def watched() -> list[object]:
    """Every AWS client that the handlers of this process use."""
    from billing import bootstrap
    from billing.providers import aws

    return [bootstrap.database().client, *(aws.client(name) for name in ("kms", "secretsmanager", "sqs"))]


def measure() -> Section:
    """The whole table."""
    with backend() as running:
        meter = Meter(running.stripe_url)
        for client in watched():
            meter.attach(client)
        shop = Shop(running)
        shop.plan(PLAN)
        book = Book(meter)
        measure_reads(book, shop)
        measure_writes(book, shop)
        measure_replays(book, shop)
        measure_webhooks(book, shop)
        measure_renewals(book, shop, meter)
        return book.section


def _terminated(*_: object) -> NoReturn:
    sys.exit(143)  # through the `with` above, so that the emulator is stopped


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    measure().save(parser.parse_args().out)


if __name__ == "__main__":
    main()
