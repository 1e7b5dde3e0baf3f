"""The third act of `make demo`: 100,000 usage events over HTTP, some of them twice, and each billed once.

A seller of its own sells language models by the token. What its customer used is added up here, in `Decimal`, beside
the product; the totals, the hours, the invoice's lines and the money are held against that.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.table import Table

from local.client import Answer, Client
from local.demo import usage_events
from local.demo.books import every
from local.demo.seller import Seller
from local.demo.story import console, money, require
from local.demo.usage_events import Event, Line
from local.demo.year import same_bill

SELLER: dict[str, Any] = {
    "name": "Inference",
    "legalName": "Inference, Inc.",
    "mode": "test",
    "currency": "USD",
    "timezone": "UTC",
    "address": {"line1": "1 Array Way", "city": "Austin", "postalCode": "78701", "state": "TX", "country": "US"},
    "email": "billing@inference.example",
    "invoicePrefix": "T",
}
CUSTOMER = {"name": "Ada Byron", "email": "ada@example.com"}
EVENTS = 100_000
_SENDERS = 3
_PATIENCE_S = 240.0  # without any progress: a message that failed comes again after three minutes
_KEPT = Decimal("0.25")
_LATE = Event("evt-late", Decimal("2500.5"), datetime(2027, 3, 20, 12, tzinfo=UTC), "large", "eu")
_APRIL = [
    Event(f"evt-april-{n}", Decimal(f"{n}.{n}"), datetime(2027, 4, n, tzinfo=UTC), "large", region)
    for n, region in enumerate(usage_events.REGIONS, 1)
]


class Usage(Seller):
    """The steps from the meter to the books.

    Args:
        count: how many events.
    """

    def __init__(self, client: Client, count: int = EVENTS) -> None:
        super().__init__(client)
        self.count = count
        self.events = usage_events.march(count)

    def play(self) -> list[Any]:
        """From the meter to the books; returns the invoices, oldest first."""
        self.step("1 March: a meter with two dimensions, a plan that prices it, a customer", self._begin)
        self.step(f"{self.count:,} events of March, some requests of them twice", self._send)
        self.step("GET /usage by model and region, and by the hour, are the sums made here", self._sums)
        self.step("a correction, an id that is taken, a meter that nobody knows", self._odd_ones)
        preview = self.step("31 March: what the invoice would be", self._preview)
        self.step("1 April: the invoice has the sums, and is what was shown", lambda: self._invoiced(preview))
        billed = usage_events.by_place(self.events)
        preview = self.step("10 April: an event of March comes late", self._late)
        self.step("1 May: it is billed, by a line of its own", lambda: self._billed_late(preview, billed))
        invoices, charges = self.step("the books, Stripe and the invoices say the same", self._books)
        console.print()
        console.print(lines_table(invoices[1]))
        self.print_invoices(invoices, charges)
        return invoices

    def _begin(self) -> tuple[None, str]:
        self.open_shop(SELLER)
        self.client.post("/v1/meters", usage_events.METER)
        self.client.post("/v1/plans", usage_events.PLAN)
        self.begin_clock("2027-03-01T00:00:00Z")
        customer = self.client.post("/v1/customers", {**CUSTOMER, "testClockId": self.clock_id})
        self.customer_id = customer["id"]
        wanted = {"customerId": customer["id"], "planId": usage_events.PLAN["id"], "paymentMethodId": "pm_card_visa"}
        subscription = self.client.post("/v1/subscriptions", wanted)
        self.subscription_id = subscription["id"]
        require(subscription["state"] == "active", f"the subscription is {subscription['state']}")
        self.advance("2027-03-31T23:00:00Z")
        return None, f"{self.tenant_id}, {self.subscription_id}"

    def _send(self) -> tuple[None, str]:
        requests = usage_events.requests_of(self.events)
        # Each under its own key; some come again under the same key, and some under another, beside the others.
        calls = [(f"march-{n}", request) for n, request in enumerate(requests)]
        again = [(key, request) for key, request in calls if request in usage_events.some_of(requests, 20)]
        anew = [(f"{key}-again", request) for key, request in calls if request in usage_events.some_of(requests, 25)]
        replayed = 0
        started = time.monotonic()
        with Senders(self.client, self.subscription_id) as senders:
            sent = [senders.send(key, request) for key, request in _mixed(calls, anew)]
            accepted_s = self._watch_counting(lambda: all(each.done() for each in sent), started)
            for each in sent:
                _accepted(each.result())
            for key, request in again:
                answer = _accepted(senders.send(key, request).result())
                replayed += answer.headers.get("Idempotent-Replayed") == "true"
        self._wait_until_counted()
        seconds = time.monotonic() - started
        require(replayed == len(again), f"{replayed} of {len(again)} requests were known by their keys")
        rate = self.count / seconds
        twice = sum(len(request) for _, request in (*again, *anew))
        said = (
            f"{usage_events.total(self.events):,f} units; {twice:,} events came twice; accepted in {accepted_s:.0f} s"
        )
        return None, f"{said}, counted in {seconds:.0f} s: {rate:,.0f} events a second"

    def _watch_counting(self, sent: Callable[[], bool], started: float) -> float:
        """Watch the total until everything is sent; returns how long that took, in seconds."""
        while not sent():
            self._show(self._counted())
            time.sleep(0.5)
        return time.monotonic() - started

    def _wait_until_counted(self) -> None:
        """Until the total is that of the events, and no message is left that might change it."""
        expected, latest, since = usage_events.total(self.events), Decimal(-1), time.monotonic()
        most = usage_events.total(each for each in self.events if each.quantity > 0)
        while True:
            counted, waiting = self._counted(), messages_waiting(self.client)
            require(counted <= most, f"{counted} units are counted, {most} were sent: some of them twice")
            if counted == expected and waiting == 0:
                return
            if counted != latest:
                latest, since = counted, time.monotonic()
            stuck = time.monotonic() - since > _PATIENCE_S
            require(not stuck, f"{counted} of {expected} units are counted, {waiting} messages wait: nothing moves")
            self._show(counted)
            time.sleep(0.5)

    def _show(self, counted: Decimal) -> None:
        share = float(counted / usage_events.total(self.events))
        self.progress(share, f"{share * self.count:,.0f} counted")

    def _sums(self) -> tuple[None, str]:
        here = usage_events.by_place(self.events)
        there = self._by_place("2027-03-02", "2027-03-03")
        require(there == here, f"the totals are {there}, not {here}")
        query = "&meter=tokens&granularity=hour&from=2027-03-01T00:00:00Z&to=2027-04-01T00:00:00Z"
        hours = {row["period"]["start"]: Decimal(row["total"]) for row in self._usage(query)}
        by_hour: dict[str, Decimal] = {}
        for event in self.events:
            hour = f"{event.at:%Y-%m-%dT%H}:00:00Z"
            by_hour[hour] = by_hour.get(hour, Decimal(0)) + event.quantity
        require(hours == by_hour, "the hours are others")
        return None, f"{len(here)} totals, {len(hours)} hours"

    def _odd_ones(self) -> tuple[None, str]:
        wrong = next(each for each in self.events if each.model == "large" and each.quantity > 1)
        correction = replace(wrong, id="evt-correction", quantity=_KEPT - wrong.quantity)
        taken = replace(self.events[1], quantity=self.events[1].quantity + 1)
        body = {
            "events": [
                correction.body(self.subscription_id, corrects=wrong.id),
                taken.body(self.subscription_id),
                replace(wrong, id="evt-unknown-meter").body(self.subscription_id, meter="dreams"),
                self.events[2].body(self.subscription_id),
                self.events[2].body(self.subscription_id),
            ]
        }
        answer = self.client.post("/v1/usage/events", body)
        require(answer == {"accepted": 4, "duplicates": 1}, f"the answer is {answer}")
        self.events.append(correction)
        self._wait_until_counted()
        left = Decimal(self.client.get(f"/v1/usage/events/{wrong.id}")["remaining"])
        require(left == _KEPT, f"{left} is left of the corrected event")
        rejected = [event for each in every(self.client, "/v1/usage/rejections?limit=100") for event in each["events"]]
        reasons = {event["eventId"]: event["reason"] for event in rejected}
        expected = {taken.id: "event_id_used_for_another_event", "evt-unknown-meter": "unknown_meter"}
        require(len(rejected) == 2 and reasons == expected, f"kept aside are {reasons}")
        return (
            None,
            f"{-correction.quantity} units are taken back; two events are kept aside: {', '.join(reasons.values())}",
        )

    def _preview(self) -> tuple[Any, str]:
        preview = self.next_preview()
        require(_metered(preview) == usage_events.lines_of(usage_events.by_place(self.events)), "its lines are others")
        return preview, money(preview["total"])

    def _invoiced(self, preview: Any) -> tuple[None, str]:
        self.advance("2027-04-01T00:30:00Z")
        invoice = self.paid_one()
        same_bill(preview, invoice)
        here = usage_events.total(self.events)
        there = sum(self._by_place("2027-03-02", "2027-03-03").values(), Decimal(0))
        line = next(each for each in invoice["lines"] if each["component"] == "tokens")
        billed = Decimal(line["quantity"])
        require(here == there == billed, f"{here} units were sent, {there} are counted, {billed} are billed")
        expected = usage_events.lines_of(usage_events.by_place(self.events))
        require(_metered(invoice) == expected, f"the lines are {_metered(invoice)}, not {expected}")
        return (
            None,
            f"{invoice['number']}: {billed:,f} units, {money(line['amount'])}; in all {money(invoice['total'])}",
        )

    def _late(self) -> tuple[Any, str]:
        self.advance("2027-04-10T00:00:00Z")
        body = {"events": [each.body(self.subscription_id) for each in (_LATE, *_APRIL)]}
        require(self.client.post("/v1/usage/events", body)["accepted"] == 1 + len(_APRIL), "not all are accepted")
        self.events += [_LATE, *_APRIL]
        self._wait_until_counted()
        require(
            self._by_place("2027-04-02", "2027-04-03") == usage_events.by_place(_APRIL), "April's totals are others"
        )
        return self.next_preview(), f"{_LATE.quantity} units of {_LATE.at:%d %B}"

    def _billed_late(self, preview: Any, billed: dict[tuple[str, str], Decimal]) -> tuple[None, str]:
        self.advance("2027-05-01T00:30:00Z")
        invoice = self.paid_one()
        same_bill(preview, invoice)
        march = usage_events.by_place(each for each in self.events if each not in _APRIL)
        expected = usage_events.late_lines(billed, march) + usage_events.lines_of(usage_events.by_place(_APRIL))
        require(_metered(invoice) == expected, f"the lines are {_metered(invoice)}, not {expected}")
        late = [line for line in invoice["lines"] if "late usage of 2027-03-01 to 2027-03-31" in line["description"]]
        require(len(late) == 2, f"{len(late)} lines name March")
        require({line["period"]["end"] for line in late} == {"2027-04-01T00:00:00Z"}, "they are not of March's period")
        return None, f"{invoice['number']}: {late[0]['description']}, {money(sum(line['amount'] for line in late))}"

    def _books(self) -> tuple[tuple[list[Any], list[Any]], str]:
        invoices = self.invoices()[::-1]
        require(len(invoices) == 3, f"there are {len(invoices)} invoices")
        charges = self.books(invoices)
        quantities = [Decimal(line["quantity"]) for each in invoices for line in each["lines"]]
        components = [line["component"] for each in invoices for line in each["lines"]]
        billed = sum((q for q, key in zip(quantities, components, strict=True) if key == "tokens"), Decimal(0))
        sent = usage_events.total(self.events)
        require(billed == sent, f"{billed} units are billed, {sent} were sent")
        return (invoices, charges), f"{len(charges)} charges, {billed:,f} units sent, counted and billed"

    def _usage(self, query: str) -> list[Any]:
        return every(self.client, f"/v1/usage?subscription={self.subscription_id}&limit=100{query}")

    def _counted(self) -> Decimal:
        """What all periods' totals come to."""
        return sum((Decimal(row["total"]) for row in self._usage("")), Decimal(0))

    def _by_place(self, start: str, end: str) -> dict[tuple[str, str], Decimal]:
        rows = self._usage(f"&meter=tokens&from={start}T00:00:00Z&to={end}T00:00:00Z")
        return {(row["dimensions"]["model"], row["dimensions"]["region"]): Decimal(row["total"]) for row in rows}


class Senders:
    """A few threads, each with a connection of its own, that send requests of events.

    Args:
        client: whose key and stack they use.
    """

    def __init__(self, client: Client, subscription_id: str) -> None:
        self._client = client
        self._subscription_id = subscription_id
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(_SENDERS)

    def __enter__(self) -> "Senders":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def send(self, key: str, events: Sequence[Event]) -> "Future[Answer]":
        """Put a request on its way.

        Args:
            key: its Idempotency-Key.
        """
        return self._pool.submit(self._post, key, events)

    def _post(self, key: str, events: Sequence[Event]) -> Answer:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._client.again()
        body = {"events": [each.body(self._subscription_id) for each in events]}
        # A 503: the queue did not take all of it in time. The same again, under the same key, makes that good.
        return client.patiently("POST", "/v1/usage/events", body, key)


def messages_waiting(client: Client) -> int:
    """How many messages are on the queue of events, or being worked."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = client.stack["usage_queue_url"]
    found = client.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def lines_table(invoice: Any) -> Table:
    """An invoice, line by line."""
    table = Table(title=f"The lines of {invoice['number']}", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for name in ("line", "units", "USD"):
        table.add_column(name, justify="left" if name == "line" else "right")
    for line in invoice["lines"]:
        table.add_row(line["description"], f"{Decimal(line['quantity']):,f}", money(line["amount"], ""))
    return table


def _mixed(*calls: list[tuple[str, Sequence[Event]]]) -> list[tuple[str, Sequence[Event]]]:
    """All of them in no order, the same each time."""
    found = [call for each in calls for call in each]
    random.Random(len(found)).shuffle(found)
    return found


def _accepted(answer: Answer) -> Answer:
    """An answer that says that all events of the request were accepted."""
    counts = (answer.data["accepted"], answer.data["duplicates"])
    require(answer.status == 202 and counts[0] > 0 == counts[1], f"it answered {answer.status}: {counts}")
    return answer


def _metered(invoice: Any) -> list[Line]:
    return [
        Line(line["component"], line["dimensions"].get("region"), Decimal(line["quantity"]), line["amount"])
        for line in invoice["lines"]
        if line["component"] != "base"
    ]
