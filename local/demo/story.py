"""What the acts of `make demo` share: steps with a line each, and the comparisons between systems."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.status import Status

from local.client import Client
from local.console import Failure

T = TypeVar("T")
console = Console(highlight=False)
_BAR = 24
_SYMBOLS = {"USD": "$", "EUR": "€", "": ""}


class Story:
    """Steps, each with a line of progress.

    Args:
        client: of the running stack.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.steps = 0
        self.started = time.monotonic()
        self._status: Status | None = None
        self._what = ""

    def step(self, what: str, action: Callable[[], tuple[T, str]]) -> T:
        """Do one thing; ``action`` returns its result and a few words on it."""
        self.steps += 1
        with console.status(f"{self.steps:2}. {what}") as self._status:
            self._what = what
            result, words = action()
        console.print(f"[green]✓[/green] {self.steps:2}. {what}  [dim]{words}[/dim]", soft_wrap=True)
        return result

    def progress(self, share: float, words: str) -> None:
        """A bar behind the step that is being done; on a terminal only.

        Args:
            share: how much of it is done, from 0 to 1.
        """
        if self._status is not None:
            done = int(min(share, 1) * _BAR)
            bar = f"[green]{'━' * done}[/green][dim]{'━' * (_BAR - done)}[/dim]"
            self._status.update(f"{self.steps:2}. {self._what}  {bar} {words}")

    @property
    def elapsed_s(self) -> float:
        """How long it has been told."""
        return time.monotonic() - self.started

    def charged(self, invoice: Any) -> Any:
        """The one charge that Stripe holds for an invoice's payment, of the sum that the invoice says was paid.

        Raises:
            Failure: Stripe says otherwise.
        """
        payment = self.client.get(f"/v1/payments/{invoice['latestPaymentId']}")
        charges = self.client.stripe(f"/v1/charges?payment_intent={payment['paymentIntentId']}")["data"]
        paid = [charge for charge in charges if charge["paid"]]
        require(len(paid) == 1, f"Stripe holds {len(paid)} charges for one payment")
        require(paid[0]["amount"] * 1000 == invoice["amountPaid"], f"Stripe holds {paid[0]['amount']} cents")
        return paid[0]


def require(holds: bool, otherwise: str) -> None:
    """Stop the story if something is not as expected."""
    if not holds:
        raise Failure(otherwise)


def wait_for(look: Callable[[], Any], otherwise: str, patience_s: float = 20.0) -> Any:
    """What ``look`` finds, once there is something: a webhook or a worker brings it.

    Raises:
        Failure: it does not come in that time.
    """
    deadline = time.monotonic() + patience_s
    while not (found := look()):
        require(time.monotonic() < deadline, otherwise)
        time.sleep(0.1)
    return found


def money(micros: int, currency: str = "USD") -> str:
    """4999000 micro-units as ``$49.99``; without a currency as ``49.99``."""
    cents = abs(micros) // 1000
    return f"{'-' if micros < 0 else ''}{_SYMBOLS[currency]}{cents // 100:,}.{cents % 100:02}"
