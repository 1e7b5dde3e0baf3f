"""DynamoDB round trips and capacity units of each route, over warm calls; and what each asks of Stripe.

Every route is called once for nothing (caches fill: the tenant, its data key, Stripe's secret), then a few times for
the figures. A round trip is one request over the wire; the product makes them one after the other, so their number
is the number of waits. The worst call decides about the budget, the mean is shown for capacity.
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import boto3

from benchmarks.backend import backend
from benchmarks.calls import marketplace as calls_marketplace
from benchmarks.calls import payments as calls_payments
from benchmarks.calls.book import BESIDE, CREATE, MOVES_MONEY, NUMBER, READ, WEBHOOK, WRITE, Book, Prepared, ignore
from benchmarks.counting import Meter, Tally
from benchmarks.part import progress, save_measured
from benchmarks.report import Section
from benchmarks.shop import PLAN, Shop

_START = "2027-01-01T00:00:00Z"
_FEW, _MANY = 4, 12
IDLE_TURNS = (("billing_worker", "99"), ("payout_worker", "p99"), ("webhook_worker", "w99"), ("report_worker", "r99"))
"""Workers, each with a shard in which there is nothing: these tables are in those up to 15."""
_LONG_S = 3600


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
    book.route("create customer", CREATE, lambda: lambda: ignore(shop.customer()))
    book.route("create plan", WRITE, lambda: lambda: shop.plan(f"plan-{uuid4().hex[:12]}"))
    plain, carded = shop.customer(), shop.customer_with_card()

    def trial() -> Prepared:
        return lambda: ignore(shop.subscribe(plain, "trialing", trialDays=14))

    def unpaid() -> Prepared:
        return lambda: ignore(shop.subscribe(plain, "incomplete"))

    def charged() -> Prepared:
        return lambda: ignore(shop.subscribe(carded, "active"))

    def first_charge() -> Prepared:
        customer = shop.customer()
        return lambda: ignore(shop.subscribe(customer, "active", paymentMethodId="pm_card_visa"))

    def on_test_clock() -> Prepared:
        return lambda: ignore(shop.subscribe(clocked, "active"))

    book.route("create subscription: trial", WRITE, trial)
    book.route("create subscription: invoice, no card", WRITE + NUMBER, unpaid)
    book.route("create subscription: charged, saved card", MOVES_MONEY + NUMBER, charged)
    book.route("create subscription: charged, new card", MOVES_MONEY + NUMBER, first_charge)
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
        return lambda: ignore(shop.subscribe(carded, "active", idempotency_key=key))

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
        event = shop.news("payment_intent.succeeded", intent_id)
        return lambda: shop.deliver(event, "applied")

    def delivered_before(event_id: str | None, outcome: str) -> Prepared:
        intent_id = intent()
        shop.authenticate(intent_id)
        event = shop.news("payment_intent.succeeded", intent_id)
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
        progress(f"renewals: {due} in one turn")
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
        **{name: each(beside) for name, beside in BESIDE.items()},
    }
    fixed = len(few.dynamodb) - _FEW * figures["round_trips"]
    book.add("renewal in the worker, charged", MOVES_MONEY, figures, f"and {fixed:g} a turn, whatever is due")


def measure_idle_turns(book: Book, shop: Shop) -> None:
    """What the schedule's messages ask for where nothing is due: that is what a stack costs that nobody uses."""
    for function, shard in IDLE_TURNS:

        def turn(function: str = function, shard: str = shard) -> Prepared:
            return lambda: shop.turn(shard, function)

        book.route(f"{function}: a turn with nothing due", None, turn)


def watched() -> list[object]:
    """Every AWS client that the handlers of this process use."""
    from billing.bootstrap import storage
    from billing.integrations.aws.clients import aws_client

    return [storage.database().client, *(aws_client(name) for name in ("kms", "secretsmanager", "sqs"))]


def keep_what_is_cached() -> None:
    """Have what a process keeps for minutes (tenants, secrets) last as long as this one: no route is charged for it."""
    from billing.bootstrap import process as process_bootstrap

    lasting = replace(process_bootstrap.settings(), tenant_cache_s=_LONG_S, secret_cache_s=_LONG_S)
    process_bootstrap.settings = lambda: lasting  # type: ignore[assignment]


def measure() -> Section:
    """The whole table."""
    from billing.bootstrap import process

    with backend() as running:
        keep_what_is_cached()
        meter = Meter(running.stripe_url)
        for client in watched():
            meter.attach(client)
        meter.learn_tables(boto3.client("dynamodb"))
        meter.attach_log(process.logger().handlers)
        process.logger().setLevel("INFO")
        shop = Shop(running)
        shop.plan(PLAN)
        book = Book(meter)
        measure_reads(book, shop)
        measure_writes(book, shop)
        measure_replays(book, shop)
        measure_webhooks(book, shop)
        calls_payments.measure(book, shop)
        calls_marketplace.measure(book, shop)
        measure_idle_turns(book, shop)
        measure_renewals(book, shop, meter)
        return book.section


def main() -> None:
    """For ``benchmarks.run``: the table goes into a file."""
    save_measured(lambda: [measure()])


if __name__ == "__main__":
    main()
