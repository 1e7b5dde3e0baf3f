"""What is left of each thing once its customer is erased.

A document that was issued stays as it was printed, for as long as the law wants it (docs/decisions/0051-erasure.md);
what is not on it goes at once: the tenant's own notes about the customer (``metadata``), and the card.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.domain.customers.customer import PaymentMethod
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import BillingReason, Invoice, PartySnapshot
from billing.domain.invoicing.terms import OwnTerms, Terms
from billing.domain.marketplace.order import Order
from billing.domain.payments.payment import Payment
from billing.domain.payments.refund import Refund
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.usage.rejection import UsageRejection

NOBODY = PartySnapshot("", None, None, None)
_NULLED = ("email", "address", "taxId", "taxIdStatus", "poNumber", "card", "externalId")
_EMPTIED: dict[str, Any] = {"metadata": {}, "customFields": [], "properties": {}}
_WITH_REASON = ("cn_", "re_")
"""Ids of what has a reason in the tenant's own words."""


def method(each: PaymentMethod, at: datetime) -> PaymentMethod:
    """A saved method, of which nothing is shown."""
    return replace(each, card=None, detached_at=each.detached_at or at)


def subscription(each: Subscription) -> Subscription:
    """A subscription without the tenant's notes and its own id of it."""
    return replace(each, metadata={}, external_id=None)


def payment(each: Payment) -> Payment:
    """A payment without the card and the notes; what Stripe says of it later brings the card back to nobody."""
    return replace(each, card=None, metadata={}, erased=True)


def refund(each: Refund) -> Refund:
    """A refund without the tenant's own words."""
    return replace(each, reason=None)


def order(each: Order) -> Order:
    """An order without the notes."""
    return replace(each, metadata={})


def invoice(each: Invoice, *, kept: bool) -> Invoice:
    """An invoice.

    Args:
        kept: whether the law still wants what was issued; a draft that never was issued, it does not.
    """
    after = replace(each, metadata={})
    if kept and each.number is not None:
        return after
    lines = each.lines
    if each.reason is BillingReason.MANUAL:  # the tenant's own words; others name a plan
        lines = tuple(replace(line, description="") for line in lines)
    return replace(after, buyer=NOBODY, terms=_terms(each.terms), lines=lines)


def credit_note(each: CreditNote, *, kept: bool) -> CreditNote:
    """A credit note: always issued."""
    after = replace(each, metadata={})
    if kept:
        return after
    lines = tuple(replace(line, description="") for line in each.lines)
    return replace(after, buyer=NOBODY, terms=_terms(each.terms), reason=None, lines=lines)


def rejection(each: UsageRejection, subscription_ids: frozenset[str]) -> UsageRejection:
    """Events that were never counted, without the properties of those of a customer's subscriptions."""
    events = tuple(
        replace(one, event=replace(one.event, properties={})) if one.event.subscription_id in subscription_ids else one
        for one in each.events
    )
    return replace(each, events=events)


def copied(said: Any, subscription_ids: frozenset[str]) -> Any:
    """A copy of a text about the customer without the person; one about rejected usage is about several customers.

    Args:
        subscription_ids: the customer's.
    """
    about = said.get("object")
    if not isinstance(about, dict) or "events" not in about:
        return told(said)
    events = [told(each) if each["subscriptionId"] in subscription_ids else each for each in about["events"]]
    return said | {"object": about | {"events": events}}


def told(value: Any) -> Any:
    """JSON as an event or a stored response has it, without what it says of a person.

    The name goes wherever it stands beside an email: of a customer and of a document's buyer, not of a plan.
    A seller is the tenant, and stays.
    """
    if isinstance(value, list):
        return [told(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: each if name == "seller" else told(each) for name, each in value.items()}
    found |= {name: None for name in _NULLED if name in value}
    found |= {name: empty for name, empty in _EMPTIED.items() if name in value}
    if "email" in value and "name" in value:
        found["name"] = ""
    if "reason" in value and str(value.get("id", "")).startswith(_WITH_REASON):
        found["reason"] = None
    return found


def _terms(terms: Terms | None) -> Terms | None:
    if terms is None:
        return None
    own = OwnTerms(terms.own.net_days)
    return replace(terms, po_number=None, custom_fields=(), own=own)
