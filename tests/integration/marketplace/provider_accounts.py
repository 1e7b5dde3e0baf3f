"""Lines and payouts of a provider's account, written as the workers write them: what statements are made of."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from billing.bootstrap import storage
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.marketplace.account import AccountLine, Figures, LineType, line_id
from billing.domain.marketplace.payout import Payout, PayoutStatus
from billing.services.kernel.work import Ref
from billing.services.marketplace.accounts import add_line, head_of, head_ref
from tests.integration.world import Tenant

_BATCH = 90


def usd(text: str) -> Money:
    """An amount: usd("73.18")."""
    return Money(int(Decimal(text) * 100_000), "USD")


def figures(gross: str = "0", commission: str = "0", tax: str = "0") -> Figures:
    """What a line shows beside its amount."""
    zero = usd("0")
    return Figures(usd(gross), zero, usd(commission), zero, usd(tax), zero)


Line = tuple[LineType, str, str, Figures | None]
"""Type, amount, the fact's id, and what it shows beside its amount."""


def add_lines(provider: Tenant, shop: Tenant, lines: Sequence[Line]) -> None:
    """Add lines to an account."""
    for start in range(0, len(lines), _BATCH):
        unit = storage.units().begin(provider.id)
        ref = head_ref(provider.id, shop.id, "USD")
        head = head_of(unit.load(ref), ref, unit.now)
        for kind, amount, source_id, shown in lines[start : start + _BATCH]:
            head = add_line(unit, head, kind, usd(amount), unit.now, source_id, f"ord_{source_id}", figures=shown)
        unit.commit()


def pay_out(provider: Tenant, shop: Tenant, amount: str) -> Payout:
    """A payout that is on its way: one more line, and the statement that ends with it."""
    unit = storage.units().begin(provider.id)
    ref = head_ref(provider.id, shop.id, "USD")
    head = head_of(unit.load(ref), ref, unit.now)
    first = head.statement_seq + 1
    payout_id = derived("po", unit.now, provider.id, head.id, str(first))
    opening = _balance_before(provider, head.id, first)
    head = add_line(unit, head, LineType.PAYOUT, -usd(amount), unit.now, payout_id)
    head = replace(head, payouts=head.payouts + 1, statement_seq=head.seq, open_payout_id=payout_id)
    unit.save(head)
    made = Payout(
        id=payout_id,
        tenant_id=provider.id,
        marketplace_id=shop.id,
        amount=usd(amount),
        status=PayoutStatus.IN_TRANSIT,
        number=f"X-USD-{head.payouts:06d}",
        first_seq=first,
        last_seq=head.seq,
        opening_balance=opening,
        stripe_account_id="acct_1",
        destination="6789",
        created_at=unit.now,
    )
    made = unit.save(made)
    unit.commit()
    return made


def send_back(payout: Payout) -> None:
    """The bank sends a payout back, and its transfer is reversed: the amount is on the account again."""
    unit = storage.units().begin(payout.tenant_id)
    ref = head_ref(payout.tenant_id, payout.marketplace_id, payout.amount.currency)
    head = head_of(unit.load(ref), ref, unit.now)
    head = add_line(unit, head, LineType.PAYOUT_RETURNED, payout.amount, unit.now, payout.id)
    unit.save(replace(head, open_payout_id=None))
    failed = replace(payout, status=PayoutStatus.FAILED, failed_at=unit.now, returned_seq=head.seq)
    unit.save(failed)
    unit.commit()


def _balance_before(provider: Tenant, account: str, first: int) -> Money:
    if first == 1:
        return usd("0")
    unit = storage.units().begin(provider.id)
    ref = Ref(AccountLine, provider.id, line_id(account, first - 1))
    return unit.load(ref).require(ref).balance_after
