"""A tenant's account at Stripe, to which it is paid out, in the API."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from billing.domain.kernel.errors import ValidationFailed
from billing.domain.marketplace.provider import (
    BankDestination,
    ConnectedAccount,
    PayoutInterval,
    PayoutSchedule,
    ProviderAccount,
)
from billing.schemas.base import (
    Amount,
    Country,
    Currency,
    Email,
    Id,
    Request,
    Resource,
    Time,
    not_null,
    unsaid,
)
from billing.services.marketplace.payout_processor import OnboardingLink
from billing.services.marketplace.provider_accounts import Visit, WantedAccount

Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500), Field(examples=["https://shop.example/done"])
]
StripeAccountId = Annotated[str, StringConstraints(pattern=r"^acct_[A-Za-z0-9]{1,60}$")]
MinimumsIn = Annotated[
    dict[Currency, Amount],
    Field(max_length=20, description="by currency, in micro-units: less than that is carried over"),
]
ClockId = Annotated[Id | None, Field(description="in whose time the schedule runs (test mode)")]


class ScheduleIn(Request):
    """When a provider is paid out, at midnight in its own time zone."""

    interval: Literal["manual", "daily", "weekly", "monthly"]
    weekday: Annotated[int | None, not_null(int), Field(ge=1, le=7, description="1 is Monday; of `weekly`")] = unsaid()
    month_day: Annotated[
        int | None, not_null(int), Field(ge=1, le=31, description="of `monthly`; the last day of a shorter month")
    ] = unsaid()

    def schedule(self) -> PayoutSchedule:
        """The schedule that is asked for.

        Raises:
            ValidationFailed: a day of another interval.
        """
        if self.weekday is not None and self.interval != "weekly":
            raise ValidationFailed.of("schedule.weekday", "only_for_weekly")
        if self.month_day is not None and self.interval != "monthly":
            raise ValidationFailed.of("schedule.monthDay", "only_for_monthly")
        return PayoutSchedule(PayoutInterval(self.interval), self.weekday or 1, self.month_day or 1)


class VisitIn(Request):
    return_url: Annotated[Url, Field(description="where Stripe sends the visitor afterwards")]
    refresh_url: Annotated[Url, Field(description="where it sends one whose link was used up; make a new one there")]

    def visit(self) -> Visit:
        """Where the visitor goes."""
        return Visit(self.return_url, self.refresh_url)


class ProviderAccountIn(Request):
    """``country`` for a new account at Stripe, or ``accountId`` of one that the operator has marked as the tenant's."""

    country: Annotated[Country | None, not_null(Country)] = unsaid()
    account_id: Annotated[StripeAccountId | None, not_null(StripeAccountId)] = unsaid()
    email: Annotated[Email | None, Field(description="of whoever goes through onboarding; Stripe gets it")] = None
    schedule: ScheduleIn = unsaid()
    minimums: MinimumsIn = unsaid()
    test_clock_id: ClockId = unsaid()
    return_url: Annotated[Url | None, not_null(Url)] = unsaid()
    refresh_url: Annotated[Url | None, not_null(Url)] = unsaid()

    def wanted(self) -> WantedAccount:
        """The account that is asked for.

        Raises:
            ValidationFailed: it is said twice, or not at all.
        """
        _one_of(self.country, self.account_id, "")
        return WantedAccount(self.country, self.email, self.account_id)

    def settings(self) -> dict[str, Any]:
        """What else is said, by its names in the domain."""
        return _settings(self)

    def visit(self) -> Visit | None:
        """Where the visitor goes; None where no link is wanted.

        Raises:
            ValidationFailed: only one of two addresses.
        """
        if (self.return_url is None) != (self.refresh_url is None):
            missing = "returnUrl" if self.return_url is None else "refreshUrl"
            raise ValidationFailed.of(missing, "missing_required_field")
        return Visit(self.return_url, self.refresh_url) if self.return_url and self.refresh_url else None


class ReplacementIn(Request):
    """Another account at Stripe: a new one, of the same country where no other is said, or one that is there."""

    country: Annotated[Country | None, not_null(Country)] = unsaid()
    account_id: Annotated[StripeAccountId | None, not_null(StripeAccountId)] = unsaid()
    email: Annotated[Email | None, not_null(Email)] = unsaid()

    def wanted(self) -> WantedAccount:
        """The account that is asked for.

        Raises:
            ValidationFailed: a country, and an account that has one already.
        """
        if self.country is not None and self.account_id is not None:
            raise ValidationFailed.of("replacement.country", "not_with_account_id")
        return WantedAccount(self.country, self.email, self.account_id)


class ProviderAccountChanges(Request):
    """What may be changed; a field that is not there stays as it is."""

    schedule: ScheduleIn = unsaid()
    minimums: MinimumsIn = unsaid()
    test_clock_id: ClockId = unsaid()
    replacement: ReplacementIn = unsaid()

    def settings(self) -> dict[str, Any]:
        """The changed settings by their names in the domain."""
        return _settings(self)

    def wanted(self) -> WantedAccount | None:
        """The other account at Stripe, where one is asked for."""
        return self.replacement.wanted() if "replacement" in self.model_fields_set else None


def _settings(said: ProviderAccountIn | ProviderAccountChanges) -> dict[str, Any]:
    names = {"schedule", "minimums", "test_clock_id"} & said.model_fields_set
    found: dict[str, Any] = {name: getattr(said, name) for name in names}
    if "schedule" in found:
        found["schedule"] = said.schedule.schedule()
    return found


def _one_of(country: str | None, account_id: str | None, place: str) -> None:
    if country is None and account_id is None:
        raise ValidationFailed.of(f"{place}country", "missing_required_field")
    if country is not None and account_id is not None:
        raise ValidationFailed.of(f"{place}country", "not_with_account_id")


class BankOut(Resource):
    currency: str
    last4: str
    bank_name: str | None
    errored: Annotated[bool, Field(description="it sent a payout back; name another one at Stripe")]

    @classmethod
    def of(cls, bank: BankDestination) -> "BankOut":
        return cls(currency=bank.currency, last4=bank.last4, bank_name=bank.bank_name, errored=bank.errored)


class StripeAccountOut(Resource):
    id: str
    default_currency: str
    transfers_active: bool
    payouts_enabled: bool
    details_submitted: bool
    currently_due: Annotated[list[str], Field(description="what Stripe wants to know, in its words")]
    disabled_reason: Annotated[str | None, Field(description="why it cannot be paid, in Stripe's words")]
    banks: list[BankOut]

    @classmethod
    def of(cls, account: ConnectedAccount) -> "StripeAccountOut":
        return cls(
            id=account.id,
            default_currency=account.default_currency,
            transfers_active=account.transfers_active,
            payouts_enabled=account.payouts_enabled,
            details_submitted=account.details_submitted,
            currently_due=list(account.currently_due),
            disabled_reason=account.disabled_reason,
            banks=[BankOut.of(each) for each in account.banks],
        )


class ScheduleOut(Resource):
    interval: str
    weekday: Annotated[int | None, Field(description="of `weekly`")]
    month_day: Annotated[int | None, Field(description="of `monthly`")]

    @classmethod
    def of(cls, schedule: PayoutSchedule) -> "ScheduleOut":
        return cls(
            interval=schedule.interval.value,
            weekday=schedule.weekday if schedule.interval is PayoutInterval.WEEKLY else None,
            month_day=schedule.month_day if schedule.interval is PayoutInterval.MONTHLY else None,
        )


class LinkOut(Resource):
    """Usable once, for minutes."""

    url: str
    expires_at: Time

    @classmethod
    def of(cls, link: OnboardingLink) -> "LinkOut":
        return cls(url=link.url, expires_at=link.expires_at)


class LoginLinkOut(Resource):
    url: str


class ProviderAccountOut(Resource):
    id: Annotated[str, Field(description="always `account`: a tenant has one")]
    tenant_id: str
    country: str
    email: str | None
    ready: Annotated[bool, Field(description="whether it can be paid out to")]
    account: Annotated[StripeAccountOut | None, Field(description="null where it was taken away from the platform")]
    schedule: ScheduleOut
    minimums: dict[str, int]
    retired_accounts: Annotated[list[str], Field(description="that were replaced or taken away")]
    test_clock_id: str | None
    created_at: Time
    version: int
    onboarding: Annotated[LinkOut | None, Field(description="only in the answer to a POST that gave two URLs")] = None

    @classmethod
    def of(cls, provider: ProviderAccount, link: OnboardingLink | None = None) -> "ProviderAccountOut":
        account = provider.account
        return cls(
            id=provider.id,
            tenant_id=provider.tenant_id,
            country=provider.country,
            email=provider.email,
            ready=account is not None and account.ready,
            account=StripeAccountOut.of(account) if account is not None else None,
            schedule=ScheduleOut.of(provider.schedule),
            minimums=dict(provider.minimums),
            retired_accounts=list(provider.retired),
            test_clock_id=provider.test_clock_id,
            created_at=provider.created_at,
            version=provider.version,
            onboarding=LinkOut.of(link) if link is not None else None,
        )
