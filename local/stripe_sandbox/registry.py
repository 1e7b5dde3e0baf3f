"""Which function serves which operation, and which parameters it acts on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox.context import Context
from local.stripe_sandbox.errors import not_served

Json = dict[str, Any]

_ALWAYS = frozenset({"expand", "limit", "starting_after", "ending_before", "created"})


@dataclass(frozen=True)
class Call:
    """One call of an operation: whose, on which ids, with which checked parameters."""

    context: Context
    ids: dict[str, str]
    params: Json
    path: str


@dataclass(frozen=True)
class Handler:
    """A function, the parameters it acts on, and whether it heeds the ``Stripe-Account`` header."""

    run: Callable[[Call], Json]
    served: frozenset[str]
    connected: bool = False

    def __call__(self, call: Call) -> Json:
        """Run it, unless a parameter was sent that it would have to ignore."""
        for name in call.params:
            if name not in self.served:
                raise not_served(name)
        return self.run(call)


HANDLERS: dict[str, Handler] = {}


def serves(
    operation: str, params: str = "", *, connected: bool = False
) -> Callable[[Callable[[Call], Json]], Callable[[Call], Json]]:
    """Register a function for ``"POST /v1/customers"`` and the names of the parameters that it acts on.

    Args:
        connected: whether a platform may call it on behalf of a connected account.
    """

    def register(run: Callable[[Call], Json]) -> Callable[[Call], Json]:
        HANDLERS[operation] = Handler(run, frozenset(params.split()) | _ALWAYS, connected)
        return run

    return register
