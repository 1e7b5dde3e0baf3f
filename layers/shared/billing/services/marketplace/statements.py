"""Statements of payouts, for the provider and for the marketplace.

What is on one never changes: its lines are written once. Only pending and held, beside it, are of the moment.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from billing.domain.kernel.errors import InternalError
from billing.domain.marketplace.account import AccountLine, account_id, line_id
from billing.domain.marketplace.payout import Payout
from billing.domain.marketplace.statement import Statement, UnevenStatement, statement
from billing.domain.tenant import SETTINGS_ID, Mode, Tenant
from billing.services.invoicing.documents import Branding, Party
from billing.services.invoicing.looks import Looks
from billing.services.kernel.work import Found, Ref, Work
from billing.services.logos import logo_ref
from billing.services.marketplace.accounts import head_ref
from billing.services.marketplace.payout_access import payout_of
from billing.services.marketplace.waiting import waiting

_log = logging.getLogger(__name__)
_READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StatementDocument:
    """A statement with all that is printed on it.

    Args:
        issuer: the marketplace.
        branding: the marketplace's.
        locale: a language tag; the provider's own, where no other is asked for.
        timezone: the provider's, by its IANA name.
    """

    statement: Statement
    issuer: Party
    provider: Party
    branding: Branding
    locale: str
    timezone: str
    test_mode: bool

    @property
    def name(self) -> str:
        """Of its file, without an ending."""
        return f"{self.statement.payout.number}-statement"


class StatementRenderer(Protocol):
    """Prints statements."""

    def render_statement(self, document: StatementDocument) -> bytes:
        """The statement as a PDF."""


def document(work: Work, payout_id: str, locale: str | None = None) -> StatementDocument:
    """A payout's statement, as its provider or its marketplace asks for it.

    Args:
        locale: another language than the provider's.

    Raises:
        NotFound: there is no such payout, or it is of two other tenants.
        InternalError: the account's lines do not add up to it, which is a mistake of ours.
    """
    payout = payout_of(work, payout_id)
    settings = {each: Ref(Tenant, each, SETTINGS_ID) for each in (payout.marketplace_id, payout.tenant_id)}
    head = head_ref(payout.tenant_id, payout.marketplace_id, payout.amount.currency)
    logo = logo_ref(payout.marketplace_id)
    found = work.load(*settings.values(), logo, head)
    shop, provider = (found.require(ref) for ref in settings.values())
    looks = Looks.of(shop, found.get(logo), locale)
    return StatementDocument(
        statement=_statement(work, payout, found),
        issuer=_party(shop),
        provider=_party(provider),
        branding=looks.with_legal_line(shop.branding.legal_line),
        locale=locale or provider.locale,
        timezone=provider.timezone,
        test_mode=shop.mode is Mode.TEST,
    )


def _statement(work: Work, payout: Payout, found: Found) -> Statement:
    head = found.require(head_ref(payout.tenant_id, payout.marketplace_id, payout.amount.currency))
    lines = [each for some in _lines(work, payout) for each in some]
    beside = waiting(work, head)
    try:
        return statement(payout, lines, beside.pending, beside.held, work.now)
    except UnevenStatement as error:
        _log.critical("a statement does not add up", extra={"payout_id": payout.id, "reason": str(error)})
        raise InternalError("The statement does not add up, and is not shown until somebody has looked at it") from None


def _lines(work: Work, payout: Payout) -> Iterator[list[AccountLine]]:
    """Its lines, read by their ids, which follow from their numbers; a missing one is left out."""
    account = account_id(payout.marketplace_id, payout.amount.currency)
    for first in range(payout.first_seq, payout.last_seq + 1, _READ_AT_ONCE):
        numbers = range(first, min(first + _READ_AT_ONCE, payout.last_seq + 1))
        refs = [Ref(AccountLine, payout.tenant_id, line_id(account, seq)) for seq in numbers]
        found = work.load(*refs)
        yield [each for each in map(found.get, refs) if each is not None]


def _party(tenant: Tenant) -> Party:
    return Party(name=tenant.legal_name or tenant.name, tax_id=tenant.tax_id, address=tenant.address)
