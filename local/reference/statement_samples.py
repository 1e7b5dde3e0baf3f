"""A payout's statement as a marketplace makes it out: sales, refunds, a dispute, a payout that the bank sent back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from billing.domain.customers.customer import Address
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import AccountLine, Figures, LineType, ProviderBalance, added, opened
from billing.domain.marketplace.payout import Payout, PayoutStatus
from billing.domain.marketplace.statement import statement
from billing.services.invoicing.documents import Branding, Party
from billing.services.marketplace.statements import StatementDocument
from local.reference.document_samples import day, logo

BAZAAR = Party(
    "Bazaar Marketplace GmbH",
    tax_id="DE287654329",
    address=Address("Torstraße 61", None, "Berlin", "10119", None, "DE"),
)
POTTERY = Party(
    "Keramik am Fluss, Inh. Jana Vogt",
    tax_id="DE311222333",
    address=Address("Elbufer 4", None, "Dresden", "01307", None, "DE"),
)
_BRANDING = Branding(logo=logo("#7a3e9d"), color="#7a3e9d", legal_line="Amtsgericht Charlottenburg, HRB 214365 B")
_STEP = timedelta(hours=19)


def eur(text: str) -> Money:
    """An amount: eur("73.18")."""
    return Money(int(Decimal(text) * 100_000), "EUR")


def sale(gross: str, commission: str, tax: str = "0", discount: str = "0") -> tuple[LineType, str, Figures]:
    """A sale with a commission that is taxed at 19 %, and its amount in the end."""
    on_it = Money.rounded(eur(commission).micros * 19 // 100, "EUR")
    figures = Figures(eur(gross), eur(discount), eur(commission), on_it, eur(tax), eur("0"))
    amount = figures.gross - figures.discount - figures.commission - on_it
    return (LineType.REFUND if amount.is_negative else LineType.RELEASE), str(amount.micros), figures


class Written:
    """An account that lines are written on, one after the other."""

    def __init__(self, begin: datetime, step: timedelta = _STEP) -> None:
        self.at, self.step = begin, step
        self.head: ProviderBalance = opened("tnt_keramik", "tnt_bazaar", "EUR", begin)
        self.lines: list[AccountLine] = []

    def add(self, kind: LineType, amount: Money, figures: Figures | None = None, note: str | None = None) -> None:
        """One more line, a step after the one before."""
        self.at += self.step
        number = len(self.lines) + 4711
        order = (
            None if kind in (LineType.PAYOUT, LineType.PAYOUT_RETURNED, LineType.ADJUSTMENT) else f"ord_01KB{number}"
        )
        source = f"po_01KB{self.head.payouts}" if order is None else f"src_{number}"
        self.head, line = added(self.head, kind, amount, self.at, source, order, (), figures, note)
        self.lines.append(line)

    def pay_out(self, keep: Money) -> Payout:
        """A payout of all but a rest."""
        self.head = replace(self.head, payouts=self.head.payouts + 1)
        first = self.head.statement_seq + 1
        opening = self.lines[first - 2].balance_after if first > 1 else Money.zero(self.head.currency)
        amount = self.head.balance - keep
        self.add(LineType.PAYOUT, -amount)
        self.head = replace(self.head, statement_seq=self.head.seq)
        return Payout(
            id=self.lines[-1].source_id,
            tenant_id=self.head.tenant_id,
            marketplace_id=self.head.marketplace_id,
            amount=amount,
            status=PayoutStatus.PAID,
            number=f"KERAMIK-EUR-{self.head.payouts:06d}",
            first_seq=first,
            last_seq=self.head.seq,
            opening_balance=opening,
            stripe_account_id="acct_1",
            destination="3000",
            created_at=self.at,
            paid_at=self.at + timedelta(days=2),
        )


def second_statement() -> StatementDocument:
    """The second statement of an account: it begins with what the first one left, and with a payout that came back."""
    account = Written(day("2026-10-30"))
    for each in (sale("120.00", "18.00", "22.80"), sale("86.50", "12.98", "16.44")):
        _add(account, *each)
    first = account.pay_out(eur("0"))
    account.add(LineType.PAYOUT_RETURNED, first.amount)
    for each in (
        sale("64.90", "9.74", "12.33"),
        sale("249.00", "37.35", "47.31", "24.90"),
        sale("-86.50", "-12.98", "-16.44"),
        sale("1180.00", "177.00", "224.20"),
    ):
        _add(account, *each)
    account.add(
        LineType.DISPUTE_HOLD, eur("-53.31"), Figures(*map(eur, ("-64.90", "0", "-9.74", "-1.85", "-12.33", "0")))
    )
    account.add(LineType.FEE, eur("-7.50"), Figures(*map(eur, ("0", "0", "0", "0", "0", "7.50"))))
    _add(account, *sale("75.00", "11.25", "14.25"))
    account.add(
        LineType.DISPUTE_RELEASED, eur("53.31"), Figures(*map(eur, ("64.90", "0", "9.74", "1.85", "12.33", "0")))
    )
    account.add(LineType.ADJUSTMENT, eur("15.00"), note="Verpackung, Aktion Oktober")
    payout = account.pay_out(eur("0"))
    lines = account.lines[payout.first_seq - 1 :]
    made = statement(payout, lines, pending=eur("318.47"), held=eur("0"), made_at=account.at)
    return StatementDocument(made, BAZAAR, POTTERY, _BRANDING, "en", "Europe/Berlin", test_mode=False)


def _add(account: Written, kind: LineType, micros: str, figures: Figures) -> None:
    account.add(kind, Money(int(micros), "EUR"), figures)


STATEMENTS = {"statement": second_statement, "statement-de": lambda: replace(second_statement(), locale="de-DE")}
