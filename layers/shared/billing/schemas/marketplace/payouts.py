"""Payouts, earnings and accounts of providers in the API. Amounts are integers in micro-units."""

from typing import Annotated

from pydantic import Field

from billing.domain.marketplace.account import AccountLine, Figures, ProviderBalance
from billing.domain.marketplace.earning import Earning
from billing.domain.marketplace.payout import Payout
from billing.schemas.base import Currency, Id, Request, Resource, ShortText, SignedAmount, Time
from billing.services.marketplace.account_queries import AccountStanding
from billing.services.marketplace.payouts import Skipped, Triggered


class TriggerIn(Request):
    provider_tenant_id: Annotated[
        Id | None,
        Field(
            description="one provider; the caller itself for all that it has earned; all of its providers if not said"
        ),
    ] = None
    currency: Currency | None = None
    cursor: Annotated[
        Annotated[str, Field(max_length=1000)] | None, Field(description="`nextCursor` of the trigger before")
    ] = None


class AdjustmentIn(Request):
    amount: Annotated[SignedAmount, Field(description="above zero where the provider is owed more; not zero")]
    currency: Currency
    reason: ShortText
    give_up: Annotated[
        bool, Field(description="a debt of the provider's that nobody will pay; a bad debt of the marketplace's")
    ] = False


class PayoutOut(Resource):
    id: str
    provider_tenant_id: str
    marketplace_tenant_id: str
    number: Annotated[str, Field(description="of its statement, without a gap within the account")]
    amount: int
    currency: str
    status: str
    destination: Annotated[str | None, Field(description="the last four digits of the bank account")]
    manual: bool
    failure_code: str | None
    failure_message: str | None
    stranded: Annotated[int | None, Field(description="what Stripe has not given back of a failed payout")]
    returned: Annotated[bool, Field(description="its amount is on the account again")]
    transfer_id: str | None
    bank_payout_id: str | None
    arrives_at: Time | None
    paid_at: Time | None
    failed_at: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, payout: Payout) -> "PayoutOut":
        return cls(
            id=payout.id,
            provider_tenant_id=payout.tenant_id,
            marketplace_tenant_id=payout.marketplace_id,
            number=payout.number,
            amount=payout.amount.micros,
            currency=payout.amount.currency,
            status=payout.status.value,
            destination=payout.destination,
            manual=payout.manual,
            failure_code=payout.failure_code,
            failure_message=payout.failure_message,
            stranded=payout.stranded.micros if payout.stranded else None,
            returned=payout.returned_seq is not None,
            transfer_id=payout.transfer.stripe_id,
            bank_payout_id=payout.bank.stripe_id,
            arrives_at=payout.arrives_at,
            paid_at=payout.paid_at,
            failed_at=payout.failed_at,
            created_at=payout.created_at,
            version=payout.version,
        )


class SkippedOut(Resource):
    provider_tenant_id: str
    currency: str
    reason: str
    detail: str

    @classmethod
    def of(cls, skipped: Skipped) -> "SkippedOut":
        head, skip = skipped.head, skipped.skip
        return cls(
            provider_tenant_id=head.tenant_id, currency=head.currency, reason=skip.reason.value, detail=skip.detail
        )


class TriggeredOut(Resource):
    payouts: list[PayoutOut]
    skipped: list[SkippedOut]
    next_cursor: Annotated[str | None, Field(description="there are more accounts: trigger again with it")]

    @classmethod
    def of(cls, made: Triggered) -> "TriggeredOut":
        return cls(
            payouts=[PayoutOut.of(each) for each in made.payouts],
            skipped=[SkippedOut.of(each) for each in made.skipped],
            next_cursor=made.next_cursor,
        )


class SkipOut(Resource):
    reason: str
    detail: str
    at: Time


class EarningsOut(Resource):
    marketplace_tenant_id: str
    currency: str
    pending: Annotated[int, Field(description="earned, and not on the account yet")]
    available: Annotated[int, Field(description="on the account; negative for what the provider owes")]
    held: Annotated[int, Field(description="by open disputes, of pending earnings and of the account")]
    in_transit: int
    paid: int
    negative: Annotated[int, Field(description="what the provider owes")]
    stranded: int
    next_payout_at: Time | None
    last_skip: SkipOut | None

    @classmethod
    def of(cls, standing: AccountStanding) -> "EarningsOut":
        head = standing.head
        skip = head.skip
        return cls(
            marketplace_tenant_id=head.marketplace_id,
            currency=head.currency,
            pending=standing.pending.micros,
            available=head.balance.micros,
            held=(head.held + standing.held).micros,
            in_transit=head.in_transit.micros,
            paid=head.paid.micros,
            negative=max(-head.balance.micros, 0),
            stranded=head.stranded.micros if head.stranded else 0,
            next_payout_at=head.next_payout_at,
            last_skip=SkipOut(reason=skip.reason.value, detail=skip.detail, at=skip.at) if skip else None,
        )


class ProviderBalanceOut(Resource):
    """An account in an event."""

    id: str
    marketplace_tenant_id: str
    currency: str
    available: int
    version: int

    @classmethod
    def of(cls, head: ProviderBalance) -> "ProviderBalanceOut":
        return cls(
            id=head.id,
            marketplace_tenant_id=head.marketplace_id,
            currency=head.currency,
            available=head.balance.micros,
            version=head.version,
        )


class FiguresOut(Resource):
    gross: int
    discount: int
    commission: int
    commission_tax: int
    tax: int
    fee: int

    @classmethod
    def of(cls, figures: Figures) -> "FiguresOut":
        return cls(
            gross=figures.gross.micros,
            discount=figures.discount.micros,
            commission=figures.commission.micros,
            commission_tax=figures.commission_tax.micros,
            tax=figures.tax.micros,
            fee=figures.fee.micros,
        )


class AccountLineOut(Resource):
    id: str
    marketplace_tenant_id: str
    currency: str
    seq: int
    type: str
    amount: int
    balance_after: int
    source_id: str
    order_id: str | None
    item_ids: list[str]
    figures: FiguresOut | None
    note: str | None
    created_at: Time

    @classmethod
    def of(cls, line: AccountLine) -> "AccountLineOut":
        return cls(
            id=line.id,
            marketplace_tenant_id=line.account_id.rpartition(":")[0],
            currency=line.amount.currency,
            seq=line.seq,
            type=line.type.value,
            amount=line.amount.micros,
            balance_after=line.balance_after.micros,
            source_id=line.source_id,
            order_id=line.order_id,
            item_ids=list(line.item_ids),
            figures=FiguresOut.of(line.figures) if line.figures else None,
            note=line.note,
            created_at=line.at,
        )


class EarningOut(Resource):
    """An earning in an event."""

    id: str
    provider_tenant_id: str
    marketplace_tenant_id: str
    order_id: str
    amount: int
    released: int | None
    currency: str
    status: str
    release_at: Time
    released_at: Time | None
    reserve_until: Time | None
    created_at: Time
    version: int

    @classmethod
    def of(cls, earning: Earning) -> "EarningOut":
        return cls(
            id=earning.id,
            provider_tenant_id=earning.tenant_id,
            marketplace_tenant_id=earning.marketplace_id,
            order_id=earning.order_id,
            amount=earning.amount.micros,
            released=earning.released.micros if earning.released else None,
            currency=earning.currency,
            status=earning.status.value,
            release_at=earning.release_at,
            released_at=earning.released_at,
            reserve_until=earning.reserve_until,
            created_at=earning.created_at,
            version=earning.version,
        )
