"""The tables, one PynamoDB model each; template.yaml creates them, with the same keys and indexes.

An item is its keys, the attributes that an index or a filter needs, the ``version`` that every update is
conditional on, and the entity as JSON in ``body`` (``codec``).
"""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class TenantItem(Model):
    class Meta:
        table_name = "tenants"

    tenant_id = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    platform_key = UnicodeAttribute(null=True)
    listed = UnicodeAttribute(null=True)
    status = UnicodeAttribute(null=True)
    version = NumberAttribute()
    body = UnicodeAttribute()


class CallerItem(Model):
    """A credential or a user with its counters (``callers``); only ever updated in place after it was made."""

    class Meta:
        table_name = "callers"

    caller_id = UnicodeAttribute(hash_key=True)
    tenant_id = UnicodeAttribute()
    key_id = UnicodeAttribute()
    scope = UnicodeAttribute(null=True)
    scopes = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    minute_limit = NumberAttribute(null=True)
    slot_limit = NumberAttribute(null=True)
    created_at = UnicodeAttribute()
    key_expires_at = UnicodeAttribute(null=True)
    networks = UnicodeAttribute(null=True)
    secret = UnicodeAttribute(null=True)
    tokens_after = NumberAttribute(null=True)


class _Entity(Model):
    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    body = UnicodeAttribute()


class _Dated(_Entity):
    """An entity that the alarm clock may have to wake; the index is sparse."""

    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)


class _OfCustomer(_Dated):
    customer_key = UnicodeAttribute(null=True)
    status = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)


class AccessItem(_Entity):
    """API keys, users and OAuth clients: what is listed and edited; their ids begin with different prefixes."""

    class Meta:
        table_name = "access"


class GrantItem(_Entity):
    """Authorization codes, grants and sessions: what ends by itself; their ids begin with different prefixes."""

    class Meta:
        table_name = "grants"

    user_key = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class SearchItem(Model):
    """That a customer has a term by which it is found; written by ``search``."""

    class Meta:
        table_name = "search"

    term_key = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(null=True)


class CustomerItem(_Dated):
    class Meta:
        table_name = "customers"

    email_key = UnicodeAttribute(null=True)
    stripe_key = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)


class PaymentMethodItem(_Dated):
    class Meta:
        table_name = "payment_methods"

    customer_key = UnicodeAttribute(null=True)


class PlanItem(Model):
    class Meta:
        table_name = "plans"

    tenant_id = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute(null=True)
    version = NumberAttribute()
    body = UnicodeAttribute()


class MeterItem(_Entity):
    class Meta:
        table_name = "meters"


class SubscriptionItem(_OfCustomer):
    class Meta:
        table_name = "subscriptions"

    plan_id = UnicodeAttribute(null=True)


class InvoiceItem(_OfCustomer):
    class Meta:
        table_name = "invoices"

    subscription_key = UnicodeAttribute(null=True)
    number_key = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    payable_by = UnicodeAttribute(null=True)
    failed_key = UnicodeAttribute(null=True)
    retried = UnicodeAttribute(null=True)


class PaymentItem(_OfCustomer):
    class Meta:
        table_name = "payments"

    intent_key = UnicodeAttribute(null=True)
    invoice_id = UnicodeAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    subscription_id = UnicodeAttribute(null=True)
    method_id = UnicodeAttribute(null=True)
    currency = UnicodeAttribute(null=True)


class RefundItem(_OfCustomer):
    class Meta:
        table_name = "refunds"

    payment_key = UnicodeAttribute()


class DisputeItem(_OfCustomer):
    class Meta:
        table_name = "disputes"

    payment_key = UnicodeAttribute()


class CreditNoteItem(_Entity):
    class Meta:
        table_name = "credit_notes"

    invoice_key = UnicodeAttribute()
    number_key = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)


class BalanceItem(_Entity):
    class Meta:
        table_name = "balances"


class CouponItem(_Entity):
    class Meta:
        table_name = "coupons"


class RedemptionItem(_Entity):
    class Meta:
        table_name = "redemptions"


class SequenceItem(_Entity):
    """What a tenant has once: its next numbers (``numbers``), which numbers are issued, and whose an external id is."""

    class Meta:
        table_name = "sequences"

    prefix = UnicodeAttribute(null=True)


class LedgerItem(_Entity):
    class Meta:
        table_name = "ledger"

    posted_key = UnicodeAttribute(null=True)
    posted = UnicodeAttribute(null=True)
    transaction_key = UnicodeAttribute(null=True)
    cash_key = UnicodeAttribute(null=True)


class OrderItem(_OfCustomer):
    class Meta:
        table_name = "orders"

    currency = UnicodeAttribute(null=True)


class OrderReturnItem(_Entity):
    class Meta:
        table_name = "order_returns"


class EarningItem(_Dated):
    class Meta:
        table_name = "earnings"

    account_key = UnicodeAttribute(null=True)
    pending_key = UnicodeAttribute(null=True)
    status = UnicodeAttribute(null=True)
    owed_part = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)


class ProviderAccountItem(_Entity):
    class Meta:
        table_name = "provider_accounts"


class ProviderBalanceItem(_Dated):
    class Meta:
        table_name = "provider_balances"

    marketplace_key = UnicodeAttribute(null=True)
    listed = UnicodeAttribute(null=True)
    owed_part = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)


class AccountLineItem(_Entity):
    class Meta:
        table_name = "account_lines"

    account_key = UnicodeAttribute()
    type = UnicodeAttribute()
    created_at = UnicodeAttribute()


class PayoutItem(_Dated):
    class Meta:
        table_name = "payouts"

    account_key = UnicodeAttribute()
    marketplace_key = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()


class ClockItem(_Dated):
    class Meta:
        table_name = "test_clocks"

    created_at = UnicodeAttribute(null=True)


class ReconciliationItem(_Dated):
    class Meta:
        table_name = "reconciliations"

    open_key = UnicodeAttribute(null=True)
    status = UnicodeAttribute(null=True)


class TaxRateUpdatesItem(_Entity):
    class Meta:
        table_name = "tax_rate_updates"


class UsageEventItem(Model):
    """A counted event, or a value of a ``unique`` meter that was seen; written by ``usage``."""

    class Meta:
        table_name = "usage_events"

    event_key = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute()


class UsageTotalItem(Model):
    """Totals of a slot, or a day of an hourly series; written by ``usage``."""

    class Meta:
        table_name = "usage_totals"

    subscription_key = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute(null=True)


class UsagePeriodItem(_Entity):
    class Meta:
        table_name = "usage_periods"


class UsageRejectionItem(_Entity):
    class Meta:
        table_name = "usage_rejections"


class MrrMovementItem(Model):
    """Movements of MRR, by their time (``mrr_movements``); written once, never changed."""

    class Meta:
        table_name = "mrr_movements"

    moved_key = UnicodeAttribute(hash_key=True)
    moved = UnicodeAttribute(range_key=True)
    body = UnicodeAttribute()


class IdempotencyItem(Model):
    class Meta:
        table_name = "idempotency"

    record_id = UnicodeAttribute(hash_key=True)
    state = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    status = NumberAttribute(null=True)
    body = UnicodeAttribute(null=True)
    progress = UnicodeAttribute(null=True)
    subject = UnicodeAttribute(null=True)
    touched_at = UnicodeAttribute()
    expires_at = NumberAttribute()


class EventItem(Model):
    class Meta:
        table_name = "events"

    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    created_at = UnicodeAttribute()
    object_id = UnicodeAttribute()
    customer_id = UnicodeAttribute(null=True)
    test_clock_id = UnicodeAttribute(null=True)
    occurred_at = UnicodeAttribute(null=True)
    body = UnicodeAttribute()
    expires_at = NumberAttribute()


class EventFeedItem(Model):
    """An event's place in its tenant's feed, the mark that it has one, or how far the feed is (``webhooks.feed``)."""

    class Meta:
        table_name = "event_feed"

    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    last = NumberAttribute(null=True)
    place = NumberAttribute(null=True)
    event_id = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    object_id = UnicodeAttribute(null=True)
    customer_id = UnicodeAttribute(null=True)
    test_clock_id = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    placed_at = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class AuditItem(Model):
    class Meta:
        table_name = "audit"

    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    request_id = UnicodeAttribute()
    at = UnicodeAttribute()
    principal = UnicodeAttribute()
    method = UnicodeAttribute()
    route = UnicodeAttribute()
    status = NumberAttribute()
    ip = UnicodeAttribute(null=True)
    duration_ms = NumberAttribute()
    expires_at = NumberAttribute()


class WebhookEndpointItem(_Entity):
    """Webhook endpoints (``we_...``), of which deleted ones expire, and one roster that says which there are."""

    class Meta:
        table_name = "webhook_endpoints"

    kept = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class WebhookHealthItem(Model):
    """How an endpoint fares (``storage.webhooks.health``); only ever updated in place."""

    class Meta:
        table_name = "webhook_health"

    tenant_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute()


class WebhookDeliveryItem(Model):
    """Deliveries, and the log of their attempts; written by ``webhooks.deliveries``."""

    class Meta:
        table_name = "webhook_deliveries"

    owner_key = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute()


class WebhookRedeliveryItem(_Dated):
    class Meta:
        table_name = "webhook_redeliveries"


class ReportRunItem(_Dated):
    """Runs, and beside them whose run what was asked for is."""

    class Meta:
        table_name = "report_runs"

    expires_at = NumberAttribute(null=True)
