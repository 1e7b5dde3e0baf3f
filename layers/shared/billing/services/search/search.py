"""Search: what a person pastes or types, and everything of the tenant that it may mean, the likeliest first.

One batch for all that a text names by itself (an id, an external id), then the queries that its form suggests; at most
fifteen round trips, each bounded. Names are found through the terms of ``domain.customers.search_terms``, and what
those lead to is opened and compared: a term that is out of date shows nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from billing.domain.catalog.coupon import Coupon
from billing.domain.catalog.plan import Plan
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.customers.search_terms import agrees, asked, domain_of, words
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.marketplace.order import Order
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.external_ids import claim_ref
from billing.services.kernel.work import Found, Query, Ref, Work

_BY_PREFIX: dict[str, type[Any]] = {
    "cus": Customer,
    "sub": Subscription,
    "in": Invoice,
    "cn": CreditNote,
    "pay": Payment,
    "re": Refund,
    "dp": Dispute,
    "ord": Order,
}
_TYPES: dict[type[Any], str] = {
    Customer: "customer", Subscription: "subscription", Invoice: "invoice", CreditNote: "credit_note",
    Payment: "payment", Refund: "refund", Dispute: "dispute", Order: "order", Plan: "plan", Coupon: "coupon",
}  # fmt: skip
_ID = re.compile(r"([A-Za-z]{2,3})_([0-9A-Za-z]{4,26})")
_ULID = 26
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_NUMBER = re.compile(r"[0-9A-Za-z.\-]{3,60}")
_DIGITS = re.compile(r"[0-9]{1,9}")
_METHOD, _INTENT = "pm_", "pi_"
_MOST_WORDS, _MOST_IDS, _MOST_OPENED = 4, 500, 100
SHORTEST = 2


class Matched(IntEnum):
    """How something was found; the first is the likeliest to be what is meant."""

    ID = 1
    NUMBER = 2
    EXTERNAL_ID = 3
    STRIPE_ID = 4
    EMAIL = 5
    NAME = 6
    EMAIL_DOMAIN = 7
    ID_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Match:
    """Something that a text may mean.

    Args:
        title: a customer's or plan's name, or a document's number; None for what has none.
    """

    type: str
    id: str
    title: str | None
    matched: Matched
    customer_id: str | None
    created_at: datetime | None


class Terms(Protocol):
    """The index of what customers are found by."""

    def ids(self, tenant_id: str, term: str, most: int) -> list[str]:
        """The ids of those that have a term, the newest first."""


@dataclass(frozen=True, slots=True)
class Search:
    """The use case."""

    terms: Terms

    def find(self, work: Work, text: str, limit: int) -> list[Match]:
        """What a text may mean, at most so many; the likeliest first, and of those the newest.

        Raises:
            ValidationFailed: it is shorter than two characters.
        """
        wanted = text.strip()
        if len(wanted) < SHORTEST:
            raise ValidationFailed.of("q", "too_short")
        found: dict[tuple[str, str], Match] = {}
        for match in self._matches(work, wanted, limit):
            known = found.setdefault((match.type, match.id), match)
            if match.matched < known.matched:
                found[match.type, match.id] = match
        newest = sorted(found.values(), key=lambda each: each.id, reverse=True)
        return sorted(newest, key=lambda each: each.matched)[:limit]

    def _matches(self, work: Work, wanted: str, limit: int) -> Iterator[Match]:
        yield from _named(work, wanted)
        yield from _of_stripe(work, wanted)
        id_form = _ID.fullmatch(wanted)
        if id_form is not None and id_form[1].lower() in _BY_PREFIX:
            yield from _by_id_prefix(work, id_form, limit)
            return
        yield from _numbered(work, wanted)
        if _ADDRESS.fullmatch(wanted):
            query = Query(Customer, index="email", value=wanted, limit=limit)
            yield from (_match(each, Matched.EMAIL) for each in work.query(query).items)
            return
        domain = domain_of(wanted)
        if domain is not None:
            ids = self.terms.ids(work.tenant.id, domain, _MOST_OPENED)
            for each in _customers(work, ids):
                if each.email is not None and domain_of(each.email.rpartition("@")[2]) == domain:
                    yield _match(each, Matched.EMAIL_DOMAIN)
        yield from self._by_name(work, words(wanted)[:_MOST_WORDS])

    def _by_name(self, work: Work, wanted: tuple[str, ...]) -> Iterator[Match]:
        """Customers with a word that begins with each of these; of more than 500 with one of them, the newest."""
        if not wanted:
            return
        of_words = [
            {each for term in asked(word) for each in self.terms.ids(work.tenant.id, term, _MOST_IDS)}
            for word in wanted
        ]
        ids = sorted(set.intersection(*of_words), reverse=True)
        for each in _customers(work, ids[:_MOST_OPENED]):
            if agrees(each.name, wanted):
                yield _match(each, Matched.NAME)


def _named(work: Work, wanted: str) -> Iterator[Match]:
    """What a text is an id of, ours or the tenant's: one batch, and another one for whose an external id is."""
    tenant_id, form = work.tenant.id, _ID.fullmatch(wanted)
    kind = _BY_PREFIX.get(form[1].lower()) if form is not None else None
    refs: list[Ref[Any]] = []
    if form is not None and kind is not None and len(form[2]) == _ULID:
        refs.append(Ref(kind, tenant_id, _spelled(form)))
    if "@" not in wanted:  # a plan's versions have one
        refs += [Ref(Plan, tenant_id, wanted), Ref(Coupon, tenant_id, wanted.upper())]
    claims = [claim_ref(tenant_id, each, wanted) for each in (Customer, Subscription)]
    methods = [Ref(PaymentMethod, tenant_id, wanted)] if wanted.startswith(_METHOD) else []
    found = work.load(*refs, *claims, *methods)
    yield from _all(found, refs, Matched.ID)
    owners: list[Ref[Any]] = [
        Ref(each, tenant_id, claim.owner_id)
        for each, ref in zip((Customer, Subscription), claims, strict=True)
        if (claim := found.get(ref)) is not None and claim.owner_id is not None
    ]
    of_methods = [Ref(Customer, tenant_id, method.customer_id) for ref in methods if (method := found.get(ref))]
    if owners or of_methods:
        more = work.load(*owners, *of_methods)
        yield from _all(more, owners, Matched.EXTERNAL_ID)
        yield from _all(more, of_methods, Matched.STRIPE_ID)


def _of_stripe(work: Work, wanted: str) -> Iterator[Match]:
    if wanted.startswith(_INTENT):
        for payment in work.query(Query(Payment, index="intent", value=wanted, limit=1)).items:
            yield _match(payment, Matched.STRIPE_ID)
    elif wanted.startswith("cus_"):
        for customer in work.query(Query(Customer, index="stripe", value=wanted, limit=1)).items:
            yield _match(customer, Matched.STRIPE_ID)


def _by_id_prefix(work: Work, form: re.Match[str], limit: int) -> Iterator[Match]:
    if len(form[2]) < _ULID:
        query = Query(_BY_PREFIX[form[1].lower()], begins=_spelled(form), limit=limit)
        yield from (_match(each, Matched.ID_PREFIX) for each in work.query(query).items)


def _numbered(work: Work, wanted: str) -> Iterator[Match]:
    """Documents by their numbers; the digits alone are those of the tenant's own series."""
    numbers = [wanted.upper()] if _NUMBER.fullmatch(wanted) else []
    if _DIGITS.fullmatch(wanted):
        prefix, digits = work.tenant.invoice_prefix, f"{int(wanted):06d}"
        numbers = [f"{prefix}-{digits}", f"{prefix}-CN-{digits}"]
    for number in numbers:
        for kind in (Invoice, CreditNote):
            found: Any = work.query(Query(kind, index="number", value=number, limit=1)).items
            yield from (_match(each, Matched.NUMBER) for each in found)


def _customers(work: Work, ids: list[str]) -> list[Customer]:
    refs = [Ref(Customer, work.tenant.id, each) for each in ids]
    found = work.load(*refs) if refs else Found({})
    return [customer for ref in refs if (customer := found.get(ref)) is not None]


def _all(found: Found, refs: list[Any], matched: Matched) -> Iterator[Match]:
    yield from (_match(each, matched) for ref in refs if (each := found.get(ref)) is not None)


def _spelled(form: re.Match[str]) -> str:
    """An id as it is stored, however it was typed: ``CUS_01m8...`` is ``cus_01M8...``."""
    return f"{form[1].lower()}_{form[2].upper()}"


def _match(entity: Any, matched: Matched) -> Match:
    kind = type(entity)
    titled = {Customer: "name", Plan: "name", Invoice: "number", CreditNote: "number", Coupon: "code"}.get(kind)
    customer_id = entity.id if kind is Customer else getattr(entity, "customer_id", None)
    title = getattr(entity, titled, None) if titled else None
    created_at = getattr(entity, "created_at", None)
    return Match(_TYPES[kind], entity.id, title or None, matched, customer_id, created_at)
