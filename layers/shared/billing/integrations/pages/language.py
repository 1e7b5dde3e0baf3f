"""Pages in the languages of printed documents, with amounts and dates as those have them."""

from __future__ import annotations

import re
from datetime import datetime

from billing.domain.kernel.locales import DEFAULT_LOCALE
from billing.domain.kernel.money import Money
from billing.integrations.pages import (
    frame_words,
    pay_words,
    portal_act_words,
    portal_answer_words,
    portal_words,
)
from billing.integrations.pdf.format import Formats
from billing.integrations.pdf.words import LANGUAGES, Phrases, Words

TABLES: tuple[Phrases, ...] = (
    frame_words.TABLE,
    pay_words.TABLE,
    portal_words.TABLE,
    portal_act_words.TABLE,
    portal_answer_words.TABLE,
)
"""The words of pages, a table for each concern; what documents say, too, is in theirs."""
_MORE: Phrases = {key: row for table in TABLES for key, row in table.items()}
_MOST_ACCEPTED = 20
_ACCEPTED = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,60})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")


class PageLanguage:
    """A ``services.payer.language.Language``.

    Raises:
        ZoneInfoNotFoundError: the time zone does not exist.
    """

    def __init__(self, locale: str, timezone: str) -> None:
        self.formats = Formats(locale, timezone)
        self.words = Words(self.formats.locale.language, _MORE)

    @property
    def tag(self) -> str:
        return self.words.language

    @property
    def locale(self) -> str:
        return self.formats.tag

    def __getitem__(self, key: str) -> str:
        return self.words[key]

    def money(self, amount: Money) -> str:
        return self.formats.money(amount)

    def date(self, moment: datetime) -> str:
        return self.formats.date(moment)


class PageLanguages:
    """A ``services.payer.language.Languages``."""

    def __init__(self) -> None:
        self.names = {each: Words(each, _MORE)["language_name"] for each in LANGUAGES}

    def of(self, locale: str, timezone: str) -> PageLanguage:
        return PageLanguage(locale, timezone)

    def accepted(self, header: str) -> PageLanguage:
        found = (_ACCEPTED.fullmatch(each) for each in header.split(",")[:_MOST_ACCEPTED])
        # The first of the best: a browser's order counts where it gives no weights, and max() keeps it.
        weighed = [(float(each[2] or 1), each[1].lower()) for each in found if each is not None]
        ours = [each for each in weighed if each[1] in LANGUAGES and each[0] > 0]
        best = max(ours, key=lambda each: each[0], default=(1.0, DEFAULT_LOCALE))
        return PageLanguage(best[1], "UTC")
