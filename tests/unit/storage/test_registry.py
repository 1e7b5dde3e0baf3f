"""Every entity has a name of its own, which outlives its class's: answers, sealed data and cursors depend on it."""

from dataclasses import fields

import pytest

from billing.domain.kernel.entity import in_words
from billing.domain.kernel.errors import NotFound
from billing.domain.ledger import LedgerEntry
from billing.domain.usage.event import UsageEvent
from billing.services.kernel.work import Found, Ref
from billing.storage.registry import REGISTRY

ENTITIES = [*REGISTRY, UsageEvent]
WORDS = {
    "Admins": "admins",
    "AuthorizationCode": "authorization code",
    "AccountLine": "account line",
    "AccountOwner": "account owner",
    "ApiKey": "api key",
    "Balance": "balance",
    "Coupon": "coupon",
    "CreditNote": "credit note",
    "Customer": "customer",
    "Deposit": "deposit",
    "DepositLine": "deposit line",
    "Dispute": "dispute",
    "Earning": "earning",
    "EmailClaim": "email claim",
    "ExternalIdClaim": "external id claim",
    "Grant": "grant",
    "ImportedObject": "imported object",
    "Invoice": "invoice",
    "IssuedNumber": "issued number",
    "LedgerEntry": "ledger entry",
    "Meter": "meter",
    "OauthClient": "oauth client",
    "Order": "order",
    "OrderReturn": "order return",
    "Payment": "payment",
    "PaymentMethod": "payment method",
    "Payout": "payout",
    "Plan": "plan",
    "PortalLink": "portal link",
    "PortalSession": "portal session",
    "ProviderAccount": "provider account",
    "ProviderBalance": "provider balance",
    "ReconciledLine": "reconciled line",
    "Reconciliation": "reconciliation",
    "Redemption": "redemption",
    "Session": "session",
    "SigningKeys": "signing keys",
    "Refund": "refund",
    "Subscription": "subscription",
    "ReportRun": "report run",
    "ReportRunClaim": "report run claim",
    "ReportRunsGoing": "report runs going",
    "TaxRateUpdates": "tax rate updates",
    "Tenant": "tenant",
    "TenantHead": "tenant head",
    "TenantLogo": "tenant logo",
    "TestClock": "test clock",
    "User": "user",
    "UsageEvent": "usage event",
    "UsageHistory": "usage history",
    "UsageRejection": "usage rejection",
    "WebhookEndpoint": "webhook endpoint",
    "WebhookRedelivery": "webhook redelivery",
    "WebhookRoster": "webhook roster",
}
"""By the name that never changes, what callers read. To rename an entry is to change answers, and to make sealed data
unreadable."""


def test_every_entity_is_called_what_it_always_was() -> None:
    """Issue 10: a class may be renamed (``TestClock`` became ``Clock``), and no answer changes with it."""
    assert {kind.entity_name: in_words(kind) for kind in ENTITIES} == WORDS


@pytest.mark.parametrize("kind", ENTITIES, ids=lambda kind: kind.entity_name)
def test_what_is_not_there_is_named_in_words(kind: type) -> None:
    """Issue 10: ``No usage event nope``, not ``No usage_event nope``."""
    with pytest.raises(NotFound, match=f"^No {WORDS[kind.entity_name]} nope$"):
        Found({}).require(Ref(kind, "ten_1", "nope"))


def test_personal_data_is_sealed_where_it_always_was() -> None:
    sealed = {kind.entity_name for kind in REGISTRY if any(each.metadata.get("personal") for each in fields(kind))}
    assert sealed == {
        "Tenant",
        "Customer",
        "PaymentMethod",
        "Payment",
        "Invoice",
        "CreditNote",
        "ProviderAccount",
        "User",
        "WebhookEndpoint",  # nothing personal, but secrets
    }
    assert LedgerEntry.entity_name not in sealed
