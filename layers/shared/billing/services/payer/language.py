"""In which language a payer's pages are written: that of the documents, or another one that the payer chose."""

from datetime import datetime
from typing import Protocol

from billing.domain.kernel.money import Money


class Language(Protocol):
    """The words of one language, and how it writes values."""

    @property
    def tag(self) -> str:
        """The language that the words are in: "de"."""

    @property
    def locale(self) -> str:
        """The language tag that values are written by: "de-CH"."""

    def __getitem__(self, key: str) -> str:
        """A word or a sentence, which may have names in braces; KeyError where there is none."""

    def money(self, amount: Money) -> str:
        """An amount: "$49.99"."""

    def date(self, moment: datetime) -> str:
        """The calendar day of a moment: "Nov 2, 2026"."""


class Languages(Protocol):
    """All of them."""

    @property
    def names(self) -> dict[str, str]:
        """What each language calls itself, by its tag."""

    def of(self, locale: str, timezone: str) -> Language:
        """One by a language tag; English where nothing is written in it.

        Args:
            timezone: an IANA name, whose days the dates are.
        """

    def accepted(self, header: str) -> Language:
        """The one that a browser would have (``Accept-Language``, RFC 9110, 12.5.4), where nobody knows whose it is."""
