"""What a subscription gives back of its invoices' lines: never more than is left of them, and noted on them.

A change, a pause and an end give back the time that was billed and not used; a correction, usage. Credit notes,
disputes and refunds made at Stripe may have taken from the same lines before, and may want to afterwards. So what is
given back is limited by what is left on the invoice that billed it, and is a step of that invoice's ``credits`` from
the moment at which it is promised, be it billed at once or waiting for the next invoice.

    June for 100.00, of which a credit note took 80.00; half of June unused: 20.00 are given back, not 50.00
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.lines.crediting import at_most, given_back, left_of, with_steps
from billing.domain.lines.line import InvoiceLine, invoice_of
from billing.domain.subscriptions.changes import Step
from billing.domain.subscriptions.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Limited:
    """A step that gives back no more than is left, and the invoices that note what it gives back."""

    step: Step
    invoices: tuple[Invoice, ...]


def billed_on(subscription: Subscription) -> tuple[str, ...]:
    """The ids of the invoices whose lines a change, a pause or an end of it may give back."""
    places = (line.id or line.of_line for line in subscription.billed)
    return tuple(dict.fromkeys(invoice_of(place) for place in places if place))


def credits_of(step: Step, before: Subscription | None) -> list[InvoiceLine]:
    """The step's new credits for lines of invoices; those that waited before it are noted already."""
    waited = {id(line) for line in before.pending} if before is not None else set()
    return [line for line in step.lines if line.gives_back and id(line) not in waited]


def limited(step: Step, credits_: Iterable[InvoiceLine], invoices: Mapping[str, Invoice]) -> Limited:
    """The step with its credits as far as something is left to give back.

    Args:
        credits_: those of its lines that are limited: ``credits_of``.
        invoices: by id, those whose lines are given back.
    """
    now = dict(invoices)
    fewer: dict[int, InvoiceLine | None] = {}
    for line in credits_:
        invoice = now[line.credited_invoice_id or ""]
        less = _as_far_as_left(invoice, line)
        if less is not line:
            fewer[id(line)] = less
        if less is not None:
            now[invoice.id] = replace(invoice, credits=with_steps(invoice.credits, [given_back(less)]))
    changed = tuple(after for each, after in now.items() if after is not invoices[each])
    return Limited(_with_fewer(step, fewer) if fewer else step, changed)


def _as_far_as_left(invoice: Invoice, credit: InvoiceLine) -> InvoiceLine | None:
    """The credit of a line of the invoice: of what is void nothing; else no more than is left.

    What the payer has got back by a dispute, or in Stripe's dashboard, is of no line, so it counts for all together.
    """
    if invoice.status is InvoiceStatus.VOID:
        return None
    left = left_of(invoice.lines, invoice.credits)
    place = next(n for n, line in enumerate(invoice.lines) if line.id == credit.gives_back)
    most = min(left.to_give_back(place), left.billed - invoice.got_back.micros)
    return at_most(credit, max(most, Fraction(0)), left.taxes())


def _with_fewer(step: Step, fewer: Mapping[int, InvoiceLine | None]) -> Step:
    """The step with other lines in place of some, wherever they stand: None for none."""

    def replaced(lines: Collection[InvoiceLine]) -> tuple[InvoiceLine, ...]:
        found = (fewer.get(id(line), line) for line in lines)
        return tuple(line for line in found if line is not None)

    subscription = replace(step.subscription, pending=replaced(step.subscription.pending))
    return Step(subscription, replaced(step.lines), replaced(step.invoiced))
