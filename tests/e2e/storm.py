"""Four clients that take payments, while Stripe's answers get lost and its webhooks come twice, late, in no order."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.client import Answer, Client

CLIENTS, ROUNDS = 4, 7
WEBHOOKS = {"mode": "async", "duplicate": 1, "reorder": True, "delay_ms": 250}
CALM = {"mode": "async", "duplicate": 0, "reorder": False, "delay_ms": 0}
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "drop_after"},
    {"kind": "status", "status": 429},
    {"kind": "status_after", "status": 500},
    {"kind": "drop_before"},
]
_RISK = 0.3
_UNDECIDED = (409, 503)


@dataclass(frozen=True, eq=False)
class Request:
    """A write and its key: sent again, it is the same one."""

    path: str
    body: dict[str, Any]
    key: str
    user: str

    def send(self, client: Client) -> Answer:
        """Send it, once."""
        return client.call("POST", self.path, self.body, key=self.key, headers={"x-user-id": self.user})


@dataclass
class Storm:
    """What was asked for, and how it was answered.

    Args:
        client: of a seller that nobody else uses.
    """

    client: Client
    tenant_id: str
    payers: list[str] = field(default_factory=list)
    answers: dict[Request, Answer] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    faults_to_come: Iterator[dict[str, Any]] = field(default_factory=lambda: itertools.cycle(FAULTS))

    def rage(self) -> None:
        """All of it; in the end each client has an answer to each of its requests."""
        self.payers = [self._payer(n) for n in range(CLIENTS)]
        with self._weather(), ThreadPoolExecutor(CLIENTS) as pool:
            for each in [pool.submit(self._customer, n) for n in range(CLIENTS)]:
                each.result()
        with ThreadPoolExecutor(CLIENTS) as pool:
            open_ones = [request for request, answer in self.answers.items() if answer.status in _UNDECIDED]
            list(pool.map(self._insist, open_ones))

    @property
    def undecided(self) -> list[Any]:
        """Answers that tell no outcome."""
        return [(answer.status, answer.body) for answer in self.answers.values() if answer.status in _UNDECIDED]

    @property
    def faults(self) -> set[str]:
        """Which faults met a request of Stripe's API."""
        return {each["fault"] for each in self.client.sandbox("GET", "/_sandbox/requests")["data"] if each["fault"]}

    @property
    def copies(self) -> int:
        """How many of Stripe's deliveries were none but a repetition of another."""
        return sum(each["copy"] > 0 for each in self.client.sandbox("GET", "/_sandbox/deliveries")["data"])

    def made(self, path: str) -> list[Any]:
        """What the requests to a route have made."""
        return [answer.data for request, answer in self.answers.items() if request.path == path]

    def _payer(self, n: int) -> str:
        """A customer with a saved card."""
        customer = self.client.post("/v1/customers", {"name": f"Payer {n}"})
        setup = self.client.post("/v1/payment-methods/setup", {"customerId": customer["id"]})
        body = {"payment_method": "pm_card_visa", "client_secret": setup["clientSecret"]}
        self.client.sandbox("POST", f"/_sandbox/setup_intents/{setup['setupIntentId']}/complete", body)
        deadline = time.monotonic() + 30
        while self.client.get(f"/v1/customers/{customer['id']}")["defaultPaymentMethodId"] is None:
            assert time.monotonic() < deadline, "the card did not come"
            time.sleep(0.1)
        return str(customer["id"])

    @contextmanager
    def _weather(self) -> Iterator[None]:
        """Bad, then good again."""
        self.client.sandbox("POST", "/_sandbox/webhooks", WEBHOOKS)
        try:
            yield
        finally:
            self.client.sandbox("DELETE", "/_sandbox/faults")
            self.client.sandbox("POST", "/_sandbox/webhooks", CALM)

    def _customer(self, n: int) -> None:
        """What one client does, for its payer."""
        client, payer, dice = self.client.again(), self.payers[n], Random(n)
        for round_ in range(ROUNDS):
            amount = 1_000_000 + dice.randrange(1, 5000) * 1000
            wanted = {"customerId": payer, "amount": amount, "currency": "USD", "metadata": {"round": f"{n}-{round_}"}}
            charged = self._send(client, n, "/v1/payments", wanted, dice)
            if charged.status == 201 and round_ % 2:
                path = f"/v1/payments/{charged.data['id']}/refund"
                self._send(client, n, path, {"amount": amount // 4 // 1000 * 1000}, dice)
            if charged.status == 201 and round_ % 3 == 1:
                act = f"/_sandbox/charges/{charged.data['paymentIntentId']}/dispute"
                client.sandbox("POST", act, {"inquiry": round_ == 1})
            ordered = {**wanted, "orderId": f"order-{n}-{round_}"}
            opened = self._send(client, n, "/v1/payments/intents", ordered, dice)
            if opened.status == 201:
                self._in_the_form(client, opened.data, round_)

    @staticmethod
    def _in_the_form(client: Client, intent: Any, round_: int) -> None:
        """Most pay, some after a decline; one is declined for good, one authenticates, one leaves."""
        cards = [["pm_card_visa"], ["pm_card_chargeDeclined", "pm_card_amex"], ["pm_card_threeDSecure2Required"]]
        cards += [["pm_card_chargeDeclinedInsufficientFunds"], [], ["pm_card_mastercard"]]
        for card in cards[round_ % len(cards)]:
            client.pay(intent["paymentIntentId"], card, intent["clientSecret"])
            if "Secure" in card:
                act = f"/_sandbox/payment_intents/{intent['paymentIntentId']}/authenticate"
                client.sandbox("POST", act, {"succeed": True})

    def _send(self, client: Client, n: int, path: str, body: dict[str, Any], dice: Random) -> Answer:
        if dice.random() < _RISK:  # two requests, whoever makes them: this one, others, a webhook's
            fault = next(self.faults_to_come)
            client.sandbox("POST", "/_sandbox/faults", {"path": "^/v1/", "times": 2, **fault})
        request = Request(path, body, f"storm-{next(self.numbers)}", f"clerk-{n}")
        self.answers[request] = answer = request.send(client)
        return answer

    def _insist(self, request: Request) -> None:
        """The same again under the same key, as often as the answer says to come back."""
        client, deadline = self.client.again(), time.monotonic() + 60
        answer = self.answers[request]
        while answer.status in _UNDECIDED and time.monotonic() < deadline:
            time.sleep(1)
            answer = request.send(client)
        self.answers[request] = answer
