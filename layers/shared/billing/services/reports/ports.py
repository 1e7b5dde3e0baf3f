"""What the reports need from the world: Stripe's account, and what providers are owed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.domain.deposits import PayoutAtStripe
from billing.domain.kernel.money import Money
from billing.domain.reconciliation import StripeLine
from billing.services.payments.processor_updates import Update


@dataclass(frozen=True, slots=True)
class LinePage:
    """A page of Stripe's lines, newest first; ``next_place`` is None on the last one."""

    lines: tuple[StripeLine, ...]
    next_place: str | None


class StripeAccount(Protocol):
    """The platform's account at Stripe. Every method may raise ``Unavailable``."""

    def lines(self, created_from: datetime, created_to: datetime, place: str | None, limit: int) -> LinePage:
        """A page of the lines of [from, to); that window is in the past, so its pages do not move."""

    def line(self, line_id: str) -> StripeLine | None:
        """A line by its id; None where Stripe does not know it."""

    def payout(self, payout_id: str) -> PayoutAtStripe | None:
        """A payout to the platform's bank; None where Stripe does not know it."""

    def lines_of_payout(self, payout_id: str, place: str | None, limit: int) -> LinePage:
        """A page of what is in a payout that is itemised; its own line may be among them."""

    def balance(self) -> dict[str, Money]:
        """By currency, what is there: available and pending."""


class LineReader(Protocol):
    """Finds out what caused a line of Stripe's account."""

    def look_up_source(self, line_type: str, source_id: str) -> Update | None:
        """The charge, refund or dispute as it is now, and whose it is; None where it is nothing of ours.

        Raises:
            Unavailable: the processor does not answer.
        """


@dataclass(frozen=True, slots=True)
class OwedPage:
    """Sums of a page of what is owed, by currency; ``next_place`` is None on the last one."""

    sums: dict[str, Money]
    next_place: str | None


class OwedIndex(Protocol):
    """What providers are owed, across all of them."""

    @property
    def parts(self) -> int:
        """Into how many parts it is divided."""

    def page(self, part: int, place: str | None) -> OwedPage:
        """A page of a part (0, 1, ...)."""
