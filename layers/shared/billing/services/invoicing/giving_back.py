"""A subscription's step, limited to what is left of the lines that it gives back, and noted on their invoices."""

from billing.domain.invoicing import giving_back
from billing.domain.invoicing.giving_back import Limited, billed_on
from billing.domain.invoicing.invoice import Invoice
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.subscription import Subscription
from billing.services.kernel.work import Found, Ref, Work

MOST_NOTED = 25
"""Invoices in one commit that note what is given back of them: time is billed on a few, but a meter that is corrected
may touch those of sixty days at once. They come last, and those beyond this are limited alike, and not noted: a credit
note that follows on them is limited by what it credits alone."""


def refs(subscription: Subscription) -> tuple[Ref[Invoice], ...]:
    """What a load has to bring for ``limited``: the invoices that billed the running period."""
    return tuple(Ref(Invoice, subscription.tenant_id, each) for each in billed_on(subscription))


def limited(work: Work, found: Found, before: Subscription | None, step: Step) -> Step:
    """The step as far as something is left to give back; what it gives back is staged on the invoices that billed it.

    Args:
        found: a load with ``refs``; what it did not bring (those that billed usage) is read.
        before: the subscription as it was.
    """
    after = previewed(work, found, before, step)
    for invoice in after.invoices[:MOST_NOTED]:
        work.save(invoice)
    return after.step


def previewed(work: Work, found: Found, before: Subscription | None, step: Step) -> Limited:
    """The same, and nothing is staged."""
    credits_ = sorted(giving_back.credits_of(step, before), key=lambda line: line.usage is not None)
    if not credits_:
        return Limited(step, ())
    wanted = [Ref(Invoice, step.subscription.tenant_id, line.credited_invoice_id or "") for line in credits_]
    missing = [ref for ref in dict.fromkeys(wanted) if found.get(ref) is None]
    more = work.load(*missing) if missing else found
    known = {ref.id: found.get(ref) or more.require(ref) for ref in wanted}
    return giving_back.limited(step, credits_, known)
