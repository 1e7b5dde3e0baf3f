"""The catalogue of events: what a tenant's subscribers can be told. An event that is not in it cannot be emitted."""

from enum import StrEnum


class EventType(StrEnum):
    """The type of an event, with what it means; the object in the event is the resource that the type begins with.

    To add one: a member here; the OpenAPI document lists it (`make openapi`). One that was ever emitted keeps its name.
    """

    meaning: str

    def __new__(cls, name: str, meaning: str) -> "EventType":
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    CUSTOMER_CREATED = "customer.created", "A customer was created."
    CUSTOMER_UPDATED = "customer.updated", "A customer was changed, or its default payment method was."
    CUSTOMER_DELETED = "customer.deleted", "A customer was deleted, and what it said of a person; its books stay."
    CUSTOMER_PARKED = "customer.parked", "The erasure of a customer failed for a day; deleting it again tries it again."
    SUBSCRIPTION_CREATED = "subscription.created", "A subscription was created."
    SUBSCRIPTION_UPDATED = "subscription.updated", "A subscription was changed, renewed or activated."
    SUBSCRIPTION_TRIAL_WILL_END = "subscription.trial_will_end", "A trial ends in three days, or sooner."
    SUBSCRIPTION_PAST_DUE = "subscription.past_due", "An invoice of a subscription could not be charged."
    SUBSCRIPTION_PAUSED = "subscription.paused", "A subscription was paused, on request or after dunning."
    SUBSCRIPTION_RESUMED = "subscription.resumed", "A paused subscription runs again."
    SUBSCRIPTION_CANCELED = "subscription.canceled", "A subscription has ended."
    SUBSCRIPTION_PARKED = "subscription.parked", "A subscription's next step failed for a day; nobody tries it again."
    INVOICE_CREATED = "invoice.created", "An invoice was created, as a draft."
    INVOICE_FINALIZED = "invoice.finalized", "An invoice has its number, and asks for its amount."
    INVOICE_PAID = "invoice.paid", "Nothing of an invoice is left to be paid."
    INVOICE_PAYMENT_FAILED = "invoice.payment_failed", "A charge of an invoice failed, or nothing could be charged."
    INVOICE_NOT_CHARGEABLE = (
        "invoice.not_chargeable",
        "No card can be charged an invoice's amount; it waits.",
    )
    INVOICE_VOIDED = "invoice.voided", "An invoice was made void."
    INVOICE_UNCOLLECTIBLE = "invoice.uncollectible", "An invoice was given up as a bad debt."
    INVOICE_PARKED = "invoice.parked", "An invoice's next step failed for a day; nobody tries it again."
    PAYMENT_REQUIRES_ACTION = "payment.requires_action", "A payer's bank asks the payer to authenticate a payment."
    PAYMENT_SUCCEEDED = "payment.succeeded", "A payment succeeded."
    PAYMENT_FAILED = "payment.failed", "A payment was declined or taken back."
    PAYMENT_PARKED = "payment.parked", "A payment's outcome could not be learned for a day; nobody asks again."
    PAYMENT_METHOD_PARKED = (
        "payment_method.parked",
        "A payment method that was removed could not be detached at Stripe for a day; nobody tries it again.",
    )
    REFUND_CREATED = "refund.created", "A refund was begun, here or at the card processor."
    REFUND_SUCCEEDED = "refund.succeeded", "A refund is on its way to the payer."
    REFUND_FAILED = "refund.failed", "A refund failed, or the bank sent it back."
    REFUND_PARKED = "refund.parked", "A refund's outcome could not be learned for a day; nobody asks again."
    DISPUTE_OPENED = "dispute.opened", "A payer's bank disputes a payment."
    DISPUTE_CLOSED = "dispute.closed", "A dispute was won, lost or withdrawn."
    CREDIT_NOTE_CREATED = "credit_note.created", "A credit note was issued on an invoice."
    ORDER_CREATED = "order.created", "An order was made; nothing is paid yet."
    ORDER_PAID = "order.paid", "An order was paid: its providers have earned their shares."
    ORDER_REFUNDED = "order.refunded", "An order was refunded, in part or as a whole."
    ORDER_EXPIRED = "order.expired", "An order was not paid in time, or was canceled."
    ORDER_PARKED = "order.parked", "An order's next step failed for a day; nobody tries it again."
    EARNING_RELEASED = "earning.released", "A provider's earning can be paid out from now on."
    EARNING_PARKED = "earning.parked", "An earning could not be released for a day; nobody tries it again."
    PAYOUT_CREATED = "payout.created", "A payout was begun; the marketplace and the provider are told."
    PAYOUT_UPDATED = "payout.updated", "A payout is on its way to the provider's bank."
    PAYOUT_PAID = "payout.paid", "A payout has arrived; a bank may still send it back."
    PAYOUT_FAILED = "payout.failed", "A payout failed, or the bank sent it back."
    PAYOUT_CANCELED = "payout.canceled", "A payout was canceled before anything was sent."
    PAYOUT_PARKED = "payout.parked", "A payout's next step failed for a day; nobody tries it again."
    PROVIDER_ACCOUNT_UPDATED = "provider_account.updated", "What Stripe says of a provider's account has changed."
    PROVIDER_ACCOUNT_PARKED = (
        "provider_account.parked",
        "A provider's scheduled payout failed for a day; nobody tries it again.",
    )
    COUPON_REDEEMED = "coupon.redeemed", "A customer redeemed a coupon; the object is the redemption."
    USAGE_EVENTS_REJECTED = "usage.events_rejected", "Accepted usage events could not be counted; each says why."
    RECONCILIATION_PARKED = (
        "reconciliation.parked",
        "The comparison with Stripe's account failed for a day; it begins again. The platform alone is told.",
    )
    TEST_CLOCK_PARKED = "test_clock.parked", "A test clock's reminder failed again and again; nobody tries it again."
    WEBHOOK_ENDPOINT_TEST = (
        "webhook_endpoint.test",
        "Somebody tests an endpoint: it goes to that one alone, whatever types of event that one asks for.",
    )
    WEBHOOK_ENDPOINT_FAILING = "webhook_endpoint.failing", "Nothing has reached an endpoint for a day."
    WEBHOOK_ENDPOINT_DISABLED = (
        "webhook_endpoint.disabled",
        "Nothing is sent to an endpoint any more; it says why: a 410, five days of failures, or somebody's wish.",
    )
    WEBHOOK_REDELIVERY_PARKED = (
        "webhook_redelivery.parked",
        "What was to be delivered again since a time failed for a day; nobody goes on with it.",
    )
    REPORT_RUN_DONE = "report_run.done", "The file of a report or an export is there, to be downloaded."
    REPORT_RUN_FAILED = "report_run.failed", "A report or an export was given up; asking for it again begins anew."
