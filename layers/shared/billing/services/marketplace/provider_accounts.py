"""A tenant's account at Stripe, to which it is paid out: opened, onboarded, replaced; and when it is paid."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from billing.domain.clocks import Clock, ClockStatus
from billing.domain.kernel.errors import (
    AlreadyExists,
    Detail,
    InvalidState,
    LiveTenant,
    NotFound,
    ProviderAccountRefused,
    ValidationFailed,
)
from billing.domain.kernel.event_types import EventType
from billing.domain.marketplace.account import ProviderBalance, watched
from billing.domain.marketplace.provider import (
    ACCOUNT_ID,
    AccountOwner,
    ConnectedAccount,
    ProviderAccount,
)
from billing.domain.tenant import PLATFORM, Mode
from billing.services.kernel.work import Query, Ref, Work
from billing.services.marketplace.payout_processor import NewAccount, OnboardingLink, PayoutProcessor, Refused

MOST_BALANCES = 80
"""So many balances, one for each marketplace and currency, can be changed with the account, in one transaction."""
_PAGE = 100


@dataclass(frozen=True, slots=True)
class WantedAccount:
    """An account at Stripe that is asked for.

    Args:
        country: where the provider is; the account's own, where one is taken over.
        adopted_id: an account that is connected to the platform already; None for a new one.
    """

    country: str | None = None
    email: str | None = None
    adopted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Where Stripe's page sends the visitor: when done, and when the link was used up."""

    return_url: str
    refresh_url: str


@dataclass(frozen=True, slots=True)
class ProviderAccounts:
    """The use cases."""

    processor: PayoutProcessor

    def get(self, work: Work) -> ProviderAccount:
        """The tenant as a provider.

        Raises:
            NotFound: it is none.
        """
        return _require(work.load(provider_ref(work)).get(provider_ref(work)))

    def create(
        self, work: Work, wanted: WantedAccount, settings: dict[str, Any], visit: Visit | None
    ) -> tuple[ProviderAccount, OnboardingLink | None]:
        """Make the tenant a provider, with an account at Stripe; again after that was taken away.

        Args:
            settings: ``schedule``, ``minimums`` and ``test_clock_id``, as far as they are said.
            visit: for the link that begins onboarding; None for no link.

        Raises:
            AlreadyExists: it has an account.
            ProviderAccountRefused: Stripe does not open such a one.
            Unavailable: Stripe does not answer. The next request finds what this one made.
        """
        provider = work.load(provider_ref(work)).get(provider_ref(work))
        if provider is not None and provider.account is not None:
            raise AlreadyExists("The tenant has an account at Stripe already")
        if provider is None:
            provider = ProviderAccount(work.tenant.id, wanted.country or "", work.now, email=wanted.email)
        provider = self._settled(work, self._opened(work, provider, wanted), settings)
        assert provider.account is not None
        link = self._link(provider.account.id, visit) if visit is not None else None
        provider = work.save(provider)
        work.emit(EventType.PROVIDER_ACCOUNT_UPDATED, provider)
        return provider, link

    def update(self, work: Work, settings: dict[str, Any], replacement: WantedAccount | None = None) -> ProviderAccount:
        """Change when and where to the provider is paid out.

        Args:
            settings: as for ``create``.
            replacement: another account at Stripe; what comes back to the old one from then on raises an alarm.

        Raises:
            NotFound: the tenant is no provider.
            InvalidState: a payout is on its way to the account that is to be replaced.
        """
        before = self.get(work)
        after = before
        if replacement is not None:
            if any(each.open_payout_id is not None for each in _balances(work)):
                raise InvalidState.of("provider_account", "the destination of a payout under way", "replaced")
            after = self._opened(work, before.without_account(), replacement)
        after = self._settled(work, after, settings, touch=replacement is not None)
        if after == before:
            return before
        after = work.save(after)
        work.emit(EventType.PROVIDER_ACCOUNT_UPDATED, after)
        return after

    def onboarding_link(self, work: Work, visit: Visit) -> OnboardingLink:
        """A link to Stripe's page where the provider says who it is.

        Raises:
            NotFound, InvalidState: the tenant is no provider; it has no account at Stripe any more.
        """
        return self._link(self._account_of(work).id, visit)

    def login_link(self, work: Work) -> str:
        """A link to the provider's own pages at Stripe.

        Raises:
            NotFound, InvalidState: as for ``onboarding_link``; or it has not been through onboarding.
        """
        account = self._account_of(work)
        if not account.details_submitted:
            raise InvalidState.of("provider_account", "not through onboarding", "logged in to")
        try:
            return self.processor.login_link(account.id)
        except Refused as refusal:
            raise _told(refusal) from refusal

    def _account_of(self, work: Work) -> ConnectedAccount:
        account = self.get(work).account
        if account is None:
            raise InvalidState.of("provider_account", "without an account at Stripe", "visited")
        return account

    def _link(self, stripe_account_id: str, visit: Visit) -> OnboardingLink:
        try:
            return self.processor.onboarding_link(stripe_account_id, visit.return_url, visit.refresh_url)
        except Refused as refusal:
            raise _told(refusal) from refusal

    def _opened(self, work: Work, provider: ProviderAccount, wanted: WantedAccount) -> ProviderAccount:
        """The provider with an account at Stripe, and whose that is, staged."""
        try:
            account = self._at_stripe(provider, wanted)
        except Refused as refusal:
            raise _told(refusal) from refusal
        owner = Ref(AccountOwner, PLATFORM, account.id)
        known = work.load(owner).get(owner)
        if known is None:
            work.save(AccountOwner(account.id, provider.tenant_id, work.now))
        elif known.owner_id != provider.tenant_id:
            raise ProviderAccountRefused("The account is another tenant's", (Detail("accountId", "account_invalid"),))
        retired = tuple(each for each in provider.retired if each != account.id)  # it may come back to an older one
        email = provider.email if wanted.email is None else wanted.email
        return replace(provider, country=account.country, email=email, account=account, retired=retired)

    def _at_stripe(self, provider: ProviderAccount, wanted: WantedAccount) -> ConnectedAccount:
        if wanted.adopted_id is not None:
            return self.processor.adopt_account(wanted.adopted_id, provider.tenant_id)
        country = wanted.country or provider.country
        email = wanted.email or provider.email
        # From the facts alone: whoever asks again, under whatever key, after a crash before the commit, gets the same
        # account. Other facts are another request, which Stripe would refuse under the same key for a day.
        facts = sha256(f"{country}\n{email or ''}".encode()).hexdigest()[:16]
        key = f"{provider.tenant_id}:provider-account:{provider.opened + 1}:{facts}"
        return self.processor.create_account(NewAccount(provider.tenant_id, country, email, key))

    @staticmethod
    def _settled(
        work: Work, provider: ProviderAccount, settings: dict[str, Any], touch: bool = False
    ) -> ProviderAccount:
        """The provider with its settings; where these say when it is paid, its balances are looked at anew.

        Args:
            touch: stage every balance, so that no payout that is begun meanwhile goes to the former account.
        """
        after = replace(provider, **settings)
        if after.test_clock_id != provider.test_clock_id and after.test_clock_id is not None:
            _check_clock(work, after.test_clock_id)
        changed = (after.test_clock_id, after.schedule) != (provider.test_clock_id, provider.schedule)
        if changed or touch:
            balances = _balances(work)
            if len(balances) > MOST_BALANCES:
                raise ValidationFailed.of("schedule", "too_many_balances")
            for each in balances:
                again = watched(replace(each, due=None, next_payout_at=None), work.now) if changed else each
                if touch or again != each:
                    work.save(again)
        return after


def provider_ref(work: Work) -> Ref[ProviderAccount]:
    """Where the tenant's account is, if it is a provider."""
    return Ref(ProviderAccount, work.tenant.id, ACCOUNT_ID)


def _require(provider: ProviderAccount | None) -> ProviderAccount:
    if provider is None:
        raise NotFound("The tenant has no provider account")
    return provider


def _balances(work: Work) -> list[ProviderBalance]:
    found: list[ProviderBalance] = []
    cursor: str | None = None
    while True:
        page = work.query(Query(ProviderBalance, limit=_PAGE, start=cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) > MOST_BALANCES:
            break
    if not found:
        return []
    refs = [Ref(ProviderBalance, each.tenant_id, each.id) for each in found]
    loaded = work.load(*refs)  # a list may be older than the items
    return [each for ref in refs if (each := loaded.get(ref)) is not None]


def _check_clock(work: Work, test_clock_id: str) -> None:
    """Refuse a test clock that the tenant does not have, or cannot have."""
    if work.tenant.mode is not Mode.TEST:
        raise LiveTenant("Test clocks exist only for tenants in test mode")
    ref = Ref(Clock, work.tenant.id, test_clock_id)
    clock = work.load(ref).get(ref)
    if clock is None or clock.status is ClockStatus.DELETED:
        raise NotFound.of(Clock, test_clock_id)
    if clock.status is ClockStatus.ADVANCING:
        raise InvalidState.of("test_clock", clock.status, "used before it is ready")


def _told(refusal: Refused) -> ProviderAccountRefused:
    return ProviderAccountRefused(refusal.message, (Detail("account", refusal.code),))
