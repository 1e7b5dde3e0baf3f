"""The requests whose p95 has a budget: invoice queries, payment intents, Stripe's webhooks; in the order of a story.

What one case makes, the next ones are about: the intents that were measured are paid by their payers, and the webhooks
that tell of it are measured then. Every request is about a customer, a payment, an event of its own.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import requests

from benchmarks.events import Event, http_event
from benchmarks.shop import PLAN, intent_of, one_off, signature
from benchmarks.stack import RunningStack

CLIENTS = 4
INTENT_MS, WEBHOOK_MS, QUERY_MS = 500, 200, 200
"""The budgets of p95 (benchmarks/README.md)."""

ONE_TENANT, A_TENANT_EACH = "create subscription, charged", "the same, each client a tenant"
"""They differ by what is a tenant's, and one item: its next numbers."""
_TIMEOUT_S = 60
_MOST_PAGES = 40
_AMOUNT = {"amount": 4_999_000, "currency": "USD"}
Json = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")


class Unexpected(Exception):
    """An answer that is not the one that was to be measured."""


@dataclass(frozen=True)
class Ask:
    """One request to be measured; over HTTP, or as a Lambda event where it is recorded.

    Args:
        function: who answers it.
        key: the API key; None for a webhook.
        secret: what a webhook is signed with, as it is sent: a signature is good for five minutes.
        expected: fields that the answer must have (``data`` of the API's envelope; all of a webhook's).
        user: who acts; limits per user are counted on it.
    """

    function: str
    method: str
    path: str
    key: str | None = None
    secret: str | None = None
    body: str = ""
    query: dict[str, str] = field(default_factory=dict)
    expected: Json = field(default_factory=dict)
    user: str | None = None
    idempotency_key: str = field(default_factory=lambda: uuid4().hex)

    def headers(self) -> dict[str, str]:
        """As of now."""
        made = {"Content-Type": "application/json"}
        if self.secret is not None:
            return made | {"Stripe-Signature": signature(self.body, self.secret)}
        assert self.key is not None
        made |= {"X-API-Key": self.key} | ({"X-User-Id": self.user} if self.user else {})
        return made if self.method == "GET" else made | {"Idempotency-Key": self.idempotency_key}

    def event(self) -> Event:
        """As Lambda gets it."""
        lower = {name.lower(): value for name, value in self.headers().items()}
        return http_event(self.method, self.path, headers=lower, query=self.query, raw=self.body or None)

    def data(self, status: int, text: str) -> Any:
        """What the answer holds.

        Raises:
            Unexpected: it is another answer than the one that was to be measured.
        """
        answer = json.loads(text) if status < 300 else {}
        found = answer if self.secret is not None else answer.get("data")
        if found is None or any(found.get(name) != value for name, value in self.expected.items()):
            raise Unexpected(f"{self.method} {self.path}: {status} {text[:500]}, not {self.expected}")
        return found


Measure = Callable[[str, int, Sequence[Ask]], list[Any]]
"""Measures the requests of a case, under its name and its budget in ms; returns what was answered."""


def in_parallel(work: Callable[[T], R], over: Sequence[T]) -> list[R]:
    """What ``work`` gives for each, in order, a few at a time."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(work, over))


def _subscription(payer: str) -> Json:
    return {"customerId": payer, "planId": PLAN, "quantities": {"seats": 100}, "paymentMethodId": "pm_card_visa"}


class Story:
    """A tenant with its payers.

    Args:
        count: how many requests each case has.
    """

    def __init__(self, stack: RunningStack, count: int) -> None:
        self._known = stack.known
        self._secret = stack.webhook_secret()
        self._connect_secret = stack.webhook_secret(connect=True)
        self._numbers = range(count)
        self._keys = [self._tenant(f"Bench {n}") for n in range(CLIENTS)]
        self._key = self._keys[0]
        # Otherwise Stripe's sandbox would tell of everything before it is measured how that is told.
        self._act("webhooks", mode="paused")

    def _tenant(self, name: str) -> str:
        """The key of a new tenant, which has a plan."""
        body = {"name": name, "mode": "test", "currency": "USD", "tier": "enterprise"}
        made = self._done(self._api("tenants", "/v1/tenants", body, key=self._known["platform_api_key"]))
        key = str(made["apiKey"])
        components = [
            {"key": "base", "type": "flat", "unitAmount": 4_999_000},
            {"key": "seats", "type": "licensed", "unitAmount": 500_000},
        ]
        plan = {"id": PLAN, "name": "Business", "currency": "USD", "interval": "month", "components": components}
        self._done(self._api("catalog", "/v1/plans", plan, key=key))
        return key

    def tell(self, measure: Measure) -> None:
        """All cases."""
        payers = self._customers()
        # Before anything else: a bare run writes old invoice numbers, and invoices that nobody can open.
        invoices = in_parallel(self._invoice, payers)
        self._queries(measure, invoices)
        self._subscriptions(measure)
        cards = self._saved_cards(measure, payers)
        forms, charged, payments = self._intents(measure, payers, invoices, cards)
        self._news(measure, forms, charged, payments)

    def _customers(self, keys: Sequence[str] = ()) -> list[str]:
        """Customers, of the tenants in turns; without any, of the first one."""
        owners = keys or [self._key]
        made = [
            self._api("customers", "/v1/customers", {"name": f"C{n}"}, key=owners[n % len(owners)])
            for n in self._numbers
        ]
        return [str(customer["id"]) for customer in in_parallel(self._done, made)]

    def _invoice(self, payer: str) -> str:
        return str(self._done(self._api("invoices", "/v1/invoices", one_off(payer), status="open"))["id"])

    def _subscriptions(self, measure: Measure) -> None:
        for name, keys in ((ONE_TENANT, self._keys[:1]), (A_TENANT_EACH, self._keys)):
            asks = [
                self._api("subscriptions", "/v1/subscriptions", body, key=keys[n % len(keys)], state="active")
                for n, body in enumerate(map(_subscription, self._customers(keys)))
            ]
            measure(name, INTENT_MS, asks)

    def _saved_cards(self, measure: Measure, payers: Sequence[str]) -> list[str]:
        """Each payer saves a card in a form; its webhook is measured."""

        def completed(payer: str) -> str:
            setup = self._done(self._api("payments", "/v1/payment-methods/setup", {"customerId": payer}))
            done = self._act(f"setup_intents/{setup['setupIntentId']}/complete", payment_method="pm_card_visa")
            return str(done["payment_method"])

        cards = in_parallel(completed, payers)
        measure("webhook: a card is saved", WEBHOOK_MS, self._told("payment_method.attached", cards))
        return cards

    def _intents(
        self, measure: Measure, payers: Sequence[str], invoices: Sequence[str], cards: Sequence[str]
    ) -> tuple[list[list[str]], list[str], list[str]]:
        """The PaymentIntents that wait in forms (of amounts, of invoices), and two times those that are paid."""
        in_form, paid = {"status": "requires_payment_method"}, {"status": "succeeded"}
        amounts: list[Json] = [{"customerId": payer, **_AMOUNT} for payer in payers]
        by_card = [{**body, "paymentMethodId": card} for body, card in zip(amounts, cards, strict=True)]

        def measured(name: str, path: str, bodies: Sequence[Json], expected: Json) -> list[str]:
            # Thirty intents a minute are a user's: each payer is one.
            asks = [self._api("payments", path, body, user=uuid4().hex, **expected) for body in bodies]
            return [str(answer["paymentIntentId"]) for answer in measure(name, INTENT_MS, asks)]

        intents = "/v1/payments/intents"
        forms = [
            measured("payment intent: form, an amount", intents, amounts, in_form),
            measured("payment intent: form, an invoice", intents, [{"invoiceId": each} for each in invoices], in_form),
        ]
        charged = measured("payment intent: charged, saved card", intents, by_card, paid)
        return forms, charged, measured("payment: saved card", "/v1/payments", amounts, paid)

    def _news(self, measure: Measure, forms: list[list[str]], charged: list[str], payments: list[str]) -> None:
        """What payers and banks do with what was measured so far, as Stripe tells of it."""

        def paid(intents: Sequence[str]) -> list[Ask]:
            in_parallel(
                lambda intent: self._act(f"payment_intents/{intent}/pay", payment_method="pm_card_visa"), intents
            )
            return self._told("payment_intent.succeeded", intents)

        of_amounts = paid(forms[0])
        measure("webhook: an amount is paid", WEBHOOK_MS, of_amounts)
        measure("webhook: an invoice is paid", WEBHOOK_MS, paid(forms[1]))
        in_parallel(lambda intent: self._act(f"payment_intents/{intent}/refund", amount=1_000), payments)
        measure("webhook: refunded at Stripe", WEBHOOK_MS, self._told("refund.created", payments))
        in_parallel(lambda intent: self._act(f"charges/{intent}/dispute", reason="fraudulent"), charged)
        measure("webhook: disputed", WEBHOOK_MS, self._told("charge.dispute.created", charged))
        old_news = [json.loads(ask.body) | {"id": f"evt_{uuid4().hex}"} for ask in of_amounts]
        measure("webhook: known already", WEBHOOK_MS, [self._delivery(event, "unchanged") for event in old_news])

    def _queries(self, measure: Measure, invoices: Sequence[str]) -> None:
        asks = [Ask("invoices", "GET", f"/v1/invoices/{each}", self._key, expected={"id": each}) for each in invoices]
        measure("GET invoice", QUERY_MS, asks)
        page = Ask("invoices", "GET", "/v1/invoices", self._key, query={"limit": "20"})
        measure("list 20 invoices", QUERY_MS, [page] * len(self._numbers))

    def _told(self, event_type: str, about: Sequence[str]) -> list[Ask]:
        """The deliveries of Stripe's events of a type, one about each object (or about its PaymentIntent).

        Raises:
            Unexpected: there is none about one of them.
        """
        wanted, last = set(about), None
        found: dict[str, Json] = {}
        for _ in range(_MOST_PAGES):
            params = {"type": event_type, "limit": "100"} | ({"starting_after": last} if last else {})
            page = self._stripe("/v1/events", params)
            for event in page["data"]:
                last = event["id"]
                found.setdefault(intent_of(event) or event["data"]["object"]["id"], event)
            if wanted <= found.keys() or not page["has_more"]:
                break
        if missing := wanted - found.keys():
            raise Unexpected(f"no {event_type} about {len(missing)} of {len(wanted)}")
        return [self._delivery(found[each], "applied") for each in about]

    def _delivery(self, event: Json, outcome: str) -> Ask:
        body = json.dumps(event, indent=2)  # as Stripe writes them
        expected = {"outcome": outcome}
        return Ask("stripe_webhook", "POST", "/webhooks/stripe", secret=self._secret, body=body, expected=expected)

    def _api(
        self, function: str, path: str, body: Json, user: str | None = None, key: str | None = None, **expected: Any
    ) -> Ask:
        text = json.dumps(body)
        return Ask(function, "POST", path, key or self._key, body=text, user=user, expected=expected)

    def url(self, ask: Ask) -> str:
        """Where a request goes."""
        if ask.secret is not None:
            return str(self._known["stripe_webhook_url"])
        return f"{self._known['api_url']}{ask.path}"

    def send(self, session: requests.Session, ask: Ask) -> requests.Response:
        """Over HTTP."""
        return session.request(
            ask.method,
            self.url(ask),
            params=ask.query,
            data=ask.body.encode() or None,
            headers=ask.headers(),
            timeout=_TIMEOUT_S,
        )

    def _done(self, ask: Ask) -> Any:
        """A request that is not measured."""
        with requests.Session() as session:
            answer = self.send(session, ask)
        return ask.data(answer.status_code, answer.text)

    def _act(self, path: str, **body: Any) -> Json:
        """What a payer or a bank does, through the sandbox's control API."""
        return self._json(requests.post(f"{self._known['stripe_url']}/_sandbox/{path}", json=body, timeout=_TIMEOUT_S))

    def _stripe(self, path: str, params: dict[str, str], more: dict[str, str] | None = None) -> Json:
        headers = {"Authorization": f"Bearer {self._known['stripe_api_key']}"} | (more or {})
        url = f"{self._known['stripe_url']}{path}"
        return self._json(requests.get(url, params=params, headers=headers, timeout=_TIMEOUT_S))

    @staticmethod
    def _json(answer: requests.Response) -> Json:
        answer.raise_for_status()
        found: Json = answer.json()
        return found
