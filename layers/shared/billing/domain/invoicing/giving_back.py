"""What a subscription gives back of its invoices' lines: never more than is left of them, and noted on them.

A change, a pause and an end give back the time that was billed and not used; a correction, usage. Credit notes,
disputes and refunds made at Stripe may have taken from the same lines before, and may want to afterwards. So what is
given back is limited by what is left on the invoice that billed it, and is a step of that invoice's ``credits`` from
the moment at which it is promised, be it billed at once or waiting for the next invoice.

    June for 100.00, of which a credit note took 80.00; half of June unused: 20.00 are given back, not 50.00

What is not given because a dispute holds the money is withheld until that is decided: if the money comes back, the
credit is given, as far as something is left then; if it is lost, the payer has it already.

    June for 100.00, disputed; half of June unused: nothing, and 50.00 withheld; won: 50.00; lost: nothing
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from billing.domain.invoicing.invoice import Invoice, InvoiceStatus
from billing.domain.lines.crediting import at_most, given_back, gross, left_of, with_steps
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
        less, withheld = _as_far_as_left(invoice, line)
        if less is not line:
            fewer[id(line)] = less
        if less is not None or withheld is not None:
            now[invoice.id] = _noted(invoice, less, withheld)
    changed = tuple(after for each, after in now.items() if after is not invoices[each])
    return Limited(_with_fewer(step, fewer) if fewer else step, changed)


def released(invoice: Invoice) -> tuple[Invoice, tuple[InvoiceLine, ...]]:
    """The invoice after a dispute of it was decided, and the credits that were withheld until then.

    They are limited anew by what is left now; what another dispute still holds goes on waiting.
    """
    after, lines = replace(invoice, withheld=()), []
    for line in invoice.withheld:
        less, withheld = _as_far_as_left(after, line)
        after = _noted(after, less, withheld)
        lines += [less] if less is not None else []
    return after, tuple(lines)


def _noted(invoice: Invoice, given: InvoiceLine | None, withheld: InvoiceLine | None) -> Invoice:
    """The invoice with a credit that is given, and one that is not."""
    if given is not None:
        invoice = replace(invoice, credits=with_steps(invoice.credits, [given_back(given)]))
    return invoice if withheld is None else replace(invoice, withheld=(*invoice.withheld, withheld))


def _as_far_as_left(invoice: Invoice, credit: InvoiceLine) -> tuple[InvoiceLine | None, InvoiceLine | None]:
    """The credit of a line of the invoice, and what of it is withheld: of what is void nothing; else no more than is
    left.

    What the payer has got back by a dispute, or in Stripe's dashboard, is of no line, so it counts for all together.
    """
    if invoice.status is InvoiceStatus.VOID:
        return None, None
    left = left_of(invoice.lines, invoice.credits)
    place = next(n for n, line in enumerate(invoice.lines) if line.id == credit.gives_back)
    of_line, of_all = left.to_give_back(place), left.billed - invoice.got_back.micros
    less = at_most(credit, max(min(of_line, of_all), Fraction(0)), left.taxes())
    most = min(of_line, of_all + invoice.may_come_back.micros, Fraction(-gross(credit).micros))
    most += gross(less).micros if less is not None else 0
    return less, at_most(credit, max(most, Fraction(0)), left.taxes())


def _with_fewer(step: Step, fewer: Mapping[int, InvoiceLine | None]) -> Step:
    """The step with other lines in place of some, wherever they stand: None for none."""

    def replaced(lines: Collection[InvoiceLine]) -> tuple[InvoiceLine, ...]:
        found = (fewer.get(id(line), line) for line in lines)
        return tuple(line for line in found if line is not None)

    subscription = replace(step.subscription, pending=replaced(step.subscription.pending))
    return Step(subscription, replaced(step.lines), replaced(step.invoiced))
