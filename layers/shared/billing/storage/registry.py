"""Which table, keys and index attributes each entity has: the one place that says so."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zlib import crc32

from pynamodb.models import Model

from billing.domain.access.api_key import ApiKey
from billing.domain.access.caller import Caller
from billing.domain.access.grant import AuthorizationCode, Grant, Session
from billing.domain.access.oauth_client import OAuthClient
from billing.domain.access.signing_keys import SIGNING_KEYS_ID, SigningKeys
from billing.domain.access.user import ADMINS_ID, Admins, EmailClaim, User
from billing.domain.catalog.coupon import Coupon, Redemption
from billing.domain.catalog.meter import Meter
from billing.domain.catalog.plan import Plan, version_id
from billing.domain.clocks import Clock
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.customers.search_terms import terms
from billing.domain.deposits import Deposit, DepositLine
from billing.domain.imports.source import Imported
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.invoicing.numbers import IssuedNumber
from billing.domain.kernel.due import Due, wall_clock_shard
from billing.domain.kernel.external_ids import ExternalIdClaim
from billing.domain.kernel.money import Money
from billing.domain.kernel.times import sort_key
from billing.domain.ledger import Account, LedgerEntry
from billing.domain.marketplace.account import AccountLine, ProviderBalance, account_id
from billing.domain.marketplace.earning import OF_PROVIDER, Earning
from billing.domain.marketplace.order import Order, OrderReturn
from billing.domain.marketplace.payout import OF_MARKETPLACE, Payout
from billing.domain.marketplace.provider import AccountOwner, ProviderAccount
from billing.domain.payments.dispute import Dispute
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.portal import PortalLink, PortalSession
from billing.domain.reconciliation import ReconciledLine, Reconciliation
from billing.domain.reports.run import RUN_KEPT, ReportRun, RunClaim, RunsGoing
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tax.rate_table import TaxRateUpdates
from billing.domain.tenant import (
    LOGO_ID,
    PLATFORM,
    SETTINGS_ID,
    TENANTS,
    Tenant,
    TenantHead,
    TenantLogo,
)
from billing.domain.usage.period import UsageHistory
from billing.domain.usage.rejection import UsageRejection
from billing.domain.webhooks.endpoint import ENDPOINT_PREFIX, ROSTER_ID, WebhookEndpoint, WebhookRoster
from billing.domain.webhooks.redelivery import Redelivery
from billing.services.kernel.work import FAILED
from billing.services.reports.reconciliation import CASH_PARTS
from billing.storage import tables
from billing.storage.journal import posted_attributes


@dataclass(frozen=True, slots=True)
class Stored:
    """How an entity class is stored.

    Args:
        range_name: the name of the range key attribute.
        id_of: gives the entity's id within the tenant.
        range_of: gives the range key for an id.
        indexed: gives the entity's index and filter attributes.
        blind: gives personal values that can be looked up, stored as an HMAC (``Sealer.blind``).
        listed_name: the attribute by which a list is that is not by their ids: a marketplace's, where those are unique
            within a tenant only.
        written: gives index attributes of the wall clock's time at which it is written.
        also: gives further ids under which the same content is stored for ever (a plan's versions); an item that exists
            already is never overwritten.
        shared_by: what the ids begin with, where a table has entities of several kinds: a list is of one of them.
        caller: gives what the first beat has to know of a credential or a user; kept with its counters.
        terms: gives what it is found by in a search, kept as keyed hashes (``storage.search``).
        expires: gives the time after which the table may forget it, if there is one; whoever reads it looks, too.
    """

    model: type[Model]
    range_name: str
    id_of: Callable[[Any], str]
    range_of: Callable[[str], str]
    indexed: Callable[[Any], dict[str, str]]
    also: Callable[[Any], tuple[str, ...]] = lambda entity: ()
    blind: Callable[[Any], dict[str, str]] = lambda entity: {}
    listed_name: str | None = None
    written: Callable[[Any, datetime], dict[str, str]] = lambda entity, now: {}
    shared_by: str | None = None
    caller: Callable[[Any], Caller] | None = None
    expires: Callable[[Any], datetime | None] = lambda entity: None
    terms: Callable[[Any], frozenset[str]] = lambda entity: frozenset()

    def attributes(self, entity: Any, now: datetime) -> dict[str, Any]:
        """All attributes beside keys, version and content, but those of the blind index."""
        found: dict[str, Any] = {**self.indexed(entity), **self.written(entity, now)}
        expires = self.expires(entity)
        return found if expires is None else {**found, "expires_at": int(expires.timestamp())}


OWED_PARTS = 16
"""Into how many parts the index of what providers are owed is divided, so that none is hot."""


def join(tenant_id: str, other: str) -> str:
    """The hash key of an index: it contains the tenant, so that no caller can form another tenant's."""
    return f"{tenant_id}#{other}"


def _same(entity_id: str) -> str:
    return entity_id


def _plan_range(plan_id: str) -> str:
    # Versions sort apart from the plans, so that a list of the catalog is one range.
    return f"version#{plan_id}" if "@" in plan_id else f"plan#{plan_id}"


def _due(due: Due | None) -> dict[str, str]:
    return {"due_shard": due.shard, "due_at": sort_key(due.at)} if due else {}


def _created(entity: Any) -> dict[str, str]:
    return {"created_at": sort_key(entity.created_at)}


def _at_stripe(customer: Customer) -> dict[str, str]:
    found = customer.stripe_customer_id
    return {"stripe_key": join(customer.tenant_id, found)} if found else {}


def _of_customer(entity: Subscription | Invoice | Payment | Refund | Dispute | Order) -> dict[str, str]:
    status = entity.state if isinstance(entity, Subscription) else entity.status
    return {
        "customer_key": join(entity.tenant_id, entity.customer_id),
        "status": status.value,
        **_created(entity),
        **_due(None if isinstance(entity, Dispute) else entity.due),
    }


def _invoice(invoice: Invoice) -> dict[str, str]:
    found = _of_customer(invoice)
    others = {"subscription_key": invoice.subscription_id, "number_key": invoice.number}
    found["currency"] = invoice.currency
    if invoice.payable_by is not None:
        found["payable_by"] = sort_key(invoice.payable_by)
    if invoice.has_failed:
        found |= {"failed_key": join(invoice.tenant_id, FAILED), "retried": _retried(invoice)}
    return found | {name: join(invoice.tenant_id, value) for name, value in others.items() if value}


def _retried(invoice: Invoice) -> str:
    """By when it is tried again; what nobody tries comes last, by when it was to be paid."""
    if invoice.due is not None:
        return f"{sort_key(invoice.due.at)}#{invoice.id}"
    return f"~{sort_key(invoice.payable_by or invoice.created_at)}#{invoice.id}"


def _payment(payment: Payment) -> dict[str, str]:
    found = _of_customer(payment) | {"currency": payment.amount.currency}
    if payment.stripe_payment_intent_id is not None:
        found["intent_key"] = join(payment.tenant_id, payment.stripe_payment_intent_id)
    # What lists are filtered by, within a tenant: short, so that a settled payment and its three copies are a KB each.
    others = {
        "invoice_id": payment.invoice_id,
        "order_id": payment.order_id,
        "subscription_id": payment.subscription_id,
        "method_id": payment.payment_method_id,
    }
    return found | {name: value for name, value in others.items() if value}


def _earning(earning: Earning) -> dict[str, str]:
    account = account_id(earning.marketplace_id, earning.currency)
    found = {"account_key": join(earning.tenant_id, account), "status": earning.status.value}
    if not earning.pending.is_zero:
        # A sparse index, by provider: its thousands of old earnings are not in it.
        found["pending_key"] = join(earning.tenant_id, OF_PROVIDER)
    return found | _created(earning) | _due(earning.due) | _owed_part(earning, earning.pending)


def _owed_part(item: Earning | ProviderBalance, *amounts: Money) -> dict[str, str]:
    """In which part of the index of what providers are owed an item is: in none where that is nothing."""
    if not any(amount > Money.zero(amount.currency) for amount in amounts):
        return {}
    return {"owed_part": wall_clock_shard(f"{item.tenant_id}/{item.id}", OWED_PARTS)}


def _ledger_entry(entry: LedgerEntry) -> dict[str, str]:
    """By the time of posting; and, for the platform alone, by its line of the account at Stripe, across tenants."""
    line_id = entry.balance_transaction_id
    return posted_attributes(entry) | ({"transaction_key": join(PLATFORM, line_id)} if line_id else {})


def _cash_posting(entry: LedgerEntry, now: datetime) -> dict[str, str]:
    """By the hour in which it was written, on the wall clock: a test clock's time may be years ahead."""
    if not any(posting.account is Account.CASH for posting in entry.postings):
        return {}
    part = crc32(entry.id.encode()) % CASH_PARTS
    return {"cash_key": join(PLATFORM, f"{now:%Y-%m-%dT%H}#{part}")}


def _reconciled_line(line: ReconciledLine) -> dict[str, str]:
    """Those that do not agree are listed; the others are found by their id alone."""
    return {"open_key": join(PLATFORM, "lines"), "status": line.status.value} if line.is_open else {}


def _deposit(deposit: Deposit) -> dict[str, str]:
    """Those whose lines are not all listed yet."""
    return {} if deposit.done else {"open_key": join(PLATFORM, "deposits")}


def _payout(payout: Payout) -> dict[str, str]:
    account = account_id(payout.marketplace_id, payout.amount.currency)
    return {
        "account_key": join(payout.tenant_id, account),
        "marketplace_key": join(payout.marketplace_id, OF_MARKETPLACE),
        "status": payout.status.value,
        **_created(payout),
        **_due(payout.due),
    }


def _plain(model: type[Model], indexed: Callable[[Any], dict[str, str]] = lambda entity: {}) -> Stored:
    return Stored(model, "id", lambda entity: str(entity.id), _same, indexed)


def _grant(prefix: str) -> Stored:
    """What ends by itself, listed by its user."""
    return Stored(
        tables.GrantItem, "id", lambda e: str(e.id), _same,
        lambda e: {"user_key": join(e.tenant_id, e.user_id)} if e.entity_name != "AuthorizationCode" else {},
        shared_by=prefix, expires=lambda e: e.expires_at,
    )  # fmt: skip


def _portal(prefix: str) -> Stored:
    """What ends by itself, and nobody lists."""
    return Stored(
        tables.GrantItem, "id", lambda e: str(e.id), _same, lambda e: {}, shared_by=prefix,
        expires=lambda e: e.expires_at,
    )  # fmt: skip


def _tenant(tenant: Tenant | TenantHead) -> dict[str, str]:
    """Where it is in the platform's list; the platform itself is not in it."""
    if tenant.id == PLATFORM:
        return {}
    listed = f"{sort_key(tenant.created_at)}#{tenant.id}"
    return {"platform_key": join(PLATFORM, TENANTS), "listed": listed, "status": tenant.status.value}


REGISTRY: dict[type, Stored] = {
    Tenant: Stored(tables.TenantItem, "item", lambda e: SETTINGS_ID, _same, _tenant, shared_by=SETTINGS_ID),
    TenantHead: Stored(tables.TenantItem, "item", lambda e: SETTINGS_ID, _same, _tenant, listed_name="listed"),
    TenantLogo: Stored(tables.TenantItem, "item", lambda e: LOGO_ID, _same, lambda e: {}),
    IssuedNumber: _plain(tables.SequenceItem),
    Customer: Stored(
        tables.CustomerItem, "id", lambda e: e.id, _same,
        lambda e: {"currency": e.currency, **_created(e), **_due(e.due), **_at_stripe(e)},
        blind=lambda e: {"email_key": e.email.casefold()} if e.email else {},
        terms=lambda e: terms(e.name, e.email),
    ),
    ExternalIdClaim: _plain(tables.SequenceItem),
    Imported: _plain(tables.SequenceItem),
    PaymentMethod: _plain(
        # One that is detached stays, so that no late event brings it back, but no list shows it.
        tables.PaymentMethodItem,
        lambda e: _due(e.due) if e.detached_at else {"customer_key": join(e.tenant_id, e.customer_id)},
    ),
    Plan: Stored(
        tables.PlanItem, "item", lambda e: e.id, _plan_range,
        lambda e: {"status": "active" if e.active else "archived"},
        # Archiving a plan makes no new version: what was sold is in the versions, and they never change.
        also=lambda e: (version_id(e.id, e.plan_version),) if e.active else (),
        shared_by="plan#",  # not the versions
    ),
    Meter: Stored(tables.MeterItem, "id", lambda e: e.key, _same, lambda e: {}),
    Subscription: _plain(tables.SubscriptionItem, lambda e: {**_of_customer(e), "plan_id": e.plan_id}),
    Invoice: replace(_plain(tables.InvoiceItem, _invoice), listed_name="retried"),
    Payment: _plain(tables.PaymentItem, _payment),
    Refund: _plain(
        tables.RefundItem, lambda e: {**_of_customer(e), "payment_key": join(e.tenant_id, e.payment_id)}
    ),
    Dispute: _plain(
        tables.DisputeItem, lambda e: {**_of_customer(e), "payment_key": join(e.tenant_id, e.payment_id)}
    ),
    CreditNote: _plain(
        tables.CreditNoteItem,
        lambda e: {
            "invoice_key": join(e.tenant_id, e.invoice_id), "number_key": join(e.tenant_id, e.number), **_created(e),
        },
    ),
    LedgerEntry: Stored(
        tables.LedgerItem, "id", lambda e: e.id, _same, _ledger_entry, written=_cash_posting,
    ),
    Reconciliation: _plain(tables.ReconciliationItem, lambda e: _due(e.due)),
    ReconciledLine: _plain(tables.ReconciliationItem, _reconciled_line),
    Deposit: _plain(tables.ReconciliationItem, _deposit),
    DepositLine: _plain(tables.ReconciliationItem),
    TaxRateUpdates: _plain(tables.TaxRateUpdatesItem),
    Balance: _plain(tables.BalanceItem),
    Coupon: _plain(tables.CouponItem),
    Redemption: _plain(tables.RedemptionItem),
    UsageHistory: _plain(tables.UsagePeriodItem),
    UsageRejection: _plain(tables.UsageRejectionItem),
    Order: _plain(tables.OrderItem, lambda e: {**_of_customer(e), "currency": e.currency}),
    OrderReturn: _plain(tables.OrderReturnItem),
    Earning: _plain(tables.EarningItem, _earning),
    ProviderAccount: _plain(tables.ProviderAccountItem),
    AccountOwner: _plain(tables.ProviderAccountItem),
    ProviderBalance: Stored(
        tables.ProviderBalanceItem, "id", lambda e: e.id, _same,
        lambda e: {
            "marketplace_key": join(e.marketplace_id, OF_MARKETPLACE),
            "listed": f"{e.tenant_id}/{e.currency}",
            **_due(e.due), **_created(e), **_owed_part(e, e.balance, e.held),
        },
        listed_name="listed",
    ),
    AccountLine: _plain(
        tables.AccountLineItem,
        lambda e: {
            "account_key": join(e.tenant_id, e.account_id), "type": e.type.value, "created_at": sort_key(e.at),
        },
    ),
    Payout: _plain(tables.PayoutItem, _payout),
    ApiKey: Stored(
        tables.AccessItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="key_", caller=lambda e: e.caller
    ),
    Clock: _plain(tables.ClockItem, lambda e: {**_due(e.due), **_created(e)}),
    OAuthClient: Stored(
        tables.AccessItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="cli_", caller=lambda e: e.caller
    ),
    User: Stored(
        tables.AccessItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="usr_", caller=lambda e: e.caller
    ),
    EmailClaim: Stored(tables.AccessItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="email#"),
    Admins: Stored(tables.AccessItem, "id", lambda e: ADMINS_ID, _same, lambda e: {}, shared_by=ADMINS_ID),
    AuthorizationCode: _grant("code#"),
    Grant: _grant("grt_"),
    Session: _grant("ses_"),
    PortalLink: _portal("plk_"),
    PortalSession: _portal("pse_"),
    SigningKeys: Stored(tables.TenantItem, "item", lambda e: SIGNING_KEYS_ID, _same, lambda e: {}),
    WebhookEndpoint: Stored(
        tables.WebhookEndpointItem, "id", lambda e: e.id, _same, lambda e: {} if e.deleted_at else {"kept": "yes"},
        shared_by=ENDPOINT_PREFIX, expires=lambda e: e.expires_at,
    ),
    WebhookRoster: Stored(
        tables.WebhookEndpointItem, "id", lambda e: ROSTER_ID, _same, lambda e: {}, shared_by=ROSTER_ID
    ),
    Redelivery: _plain(tables.WebhookRedeliveryItem, lambda e: _due(e.due)),
    ReportRun: Stored(
        tables.ReportRunItem, "id", lambda e: e.id, _same, lambda e: _due(e.due),
        expires=lambda e: e.created_at + RUN_KEPT,
    ),
    RunClaim: Stored(
        tables.ReportRunItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="claim#",
        expires=lambda e: e.created_at + RUN_KEPT,
    ),
    RunsGoing: Stored(tables.ReportRunItem, "id", lambda e: e.id, _same, lambda e: {}, shared_by="going#"),
}  # fmt: skip


def tenant_of(entity: Any) -> str:
    """The tenant that owns an entity: its hash key."""
    return str(entity.id if isinstance(entity, (Tenant, TenantHead)) else entity.tenant_id)
