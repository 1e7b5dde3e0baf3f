"""What a provider, or its marketplace, reads of accounts and payouts; and corrections of an account by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from billing.domain.kernel.errors import NotFound, ValidationFailed
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.marketplace import account, payout_entries
from billing.domain.marketplace.account import AccountLine, LineType, ProviderBalance, account_id
from billing.domain.marketplace.earning import EarningStatus
from billing.domain.marketplace.payout import OF_MARKETPLACE, Payout
from billing.domain.tenant import SETTINGS_ID, Tenant
from billing.services.kernel.work import Page, Query, Ref, Window, Work, every, said
from billing.services.marketplace.accounts import add_line, head_of, head_ref
from billing.services.marketplace.waiting import pending_earnings


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """An account, and what of earnings is not on it yet.

    Args:
        pending: what nothing but time holds up, reserves included.
        held: what open disputes hold of earnings.
    """

    head: ProviderBalance
    pending: Money
    held: Money


def standings(work: Work, marketplace_id: str | None, currency: str | None) -> list[AccountStanding]:
    """The caller's accounts as a provider, by marketplace and currency; those without a line are among them."""
    found = {each.id: _standing(each) for each in _heads(work)}
    for earning in pending_earnings(work, work.tenant.id):
        key = account_id(earning.marketplace_id, earning.currency)
        if key not in found:
            head = account.opened(work.tenant.id, earning.marketplace_id, earning.currency, earning.created_at)
            found[key] = _standing(head)
        before = found[key]
        if earning.status is EarningStatus.HELD:
            found[key] = replace(before, held=before.held + earning.pending)
        else:
            found[key] = replace(before, pending=before.pending + earning.pending)
    return [
        found[key]
        for key in sorted(found)
        if marketplace_id in (None, found[key].head.marketplace_id) and currency in (None, found[key].head.currency)
    ]


def lines(
    work: Work, marketplace_id: str | None, currency: str | None, line_type: LineType | None, window: Window
) -> Page[AccountLine]:
    """The lines of the caller's account with a marketplace, or of all its accounts, newest first of each.

    Raises:
        ValidationFailed: a marketplace without a currency, or the other way round.
    """
    if (marketplace_id is None) != (currency is None):
        missing = "marketplace" if marketplace_id is None else "currency"
        raise ValidationFailed.of(missing, "missing_required_field")
    filters = said({"type": line_type.value if line_type else None})
    key = account_id(marketplace_id, currency) if marketplace_id and currency else None
    return work.query(window.query(AccountLine, "account", key, filters))


def payouts_of_provider(work: Work, filters: dict[str, str | None], window: Window) -> Page[Payout]:
    """The payouts that the caller gets, newest first."""
    return work.query(window.query(Payout, filters=said(filters)))


def payouts_of_marketplace(work: Work, filters: dict[str, str | None], window: Window) -> Page[Payout]:
    """The payouts that the caller makes to its providers, newest first."""
    return work.query(window.query(Payout, "marketplace", OF_MARKETPLACE, said(filters)))


def own_payout(work: Work, payout_id: str) -> Payout:
    """A payout that the caller gets.

    Raises:
        NotFound: there is none.
    """
    ref = Ref(Payout, work.tenant.id, payout_id)
    return work.load(ref).require(ref)


def adjust(work: Work, provider_id: str, amount: Money, reason: str, give_up: bool) -> AccountLine:
    """Correct a provider's account with the caller by hand: a line with its reason, and an entry in the books.

    Args:
        amount: above zero where the provider is owed more.
        give_up: what the provider owes is a bad debt: a line above zero, no higher than the debt.

    Raises:
        NotFound: there is no such provider.
        ValidationFailed: an amount of zero, or one to be given up that is not owed.
    """
    if amount.is_zero:
        raise ValidationFailed.of("amount", "must_not_be_zero")
    head_at = head_ref(provider_id, work.tenant.id, amount.currency)
    tenant = Ref(Tenant, provider_id, SETTINGS_ID)
    found = work.load(head_at, tenant)
    head = found.get(head_at)
    if found.get(tenant) is None or provider_id == work.tenant.id:
        raise NotFound.of(Tenant, provider_id)
    head = head or head_of(found, head_at, work.now)
    if give_up and (amount.is_negative or amount > -head.balance):
        raise ValidationFailed.of("amount", "exceeds_what_is_owed")
    made_id = derived("adj", work.now, head.tenant_id, head.id, str(head.seq + 1))
    after = add_line(work, head, LineType.ADJUSTMENT, amount, work.now, made_id, note=reason)
    entry_id = derived("le", work.now, made_id)
    work.save(payout_entries.adjusted(entry_id, provider_id, made_id, amount, give_up, work.now))
    line = Ref(AccountLine, provider_id, account.line_id(after.id, after.seq))
    return work.load(line).require(line)


def _standing(head: ProviderBalance) -> AccountStanding:
    zero = Money.zero(head.currency)
    return AccountStanding(head, zero, zero)


def _heads(work: Work) -> Iterator[ProviderBalance]:
    """The caller's accounts, one for each marketplace and currency."""
    return every(work, Query(ProviderBalance, limit=100))
