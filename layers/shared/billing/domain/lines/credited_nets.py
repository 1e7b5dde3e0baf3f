"""How the net of a credit note divides among the lines of its invoice: what reports tell by plan and by period.

It is kept with the note, because what it takes of each line depends on what had come back of the invoice before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing.domain.kernel.money import Money
from billing.domain.lines.crediting import LineLeft, left_of
from billing.domain.lines.line import CreditStep, InvoiceLine


@dataclass(frozen=True, slots=True)
class CreditedNet:
    """What of a credit note's net is one line's.

    Args:
        line_id: the invoice's line; None where nobody knows, on a note from before it was kept.
    """

    line_id: str | None
    net: Money
    component: str | None = None
    plan_id: str | None = None


def of_named(lines: Sequence[InvoiceLine], nets: Iterable[tuple[str | None, Money]]) -> tuple[CreditedNet, ...]:
    """The nets of a note that names the lines it credits; none where it names none.

    Args:
        lines: the invoice's.
        nets: by the id of a line.
    """
    by_id = {line.id: line for line in lines}
    return tuple(_of(by_id[line_id], net) for line_id, net in nets if line_id is not None)


def of_all(
    lines: Sequence[InvoiceLine], before: Iterable[CreditStep], after: Iterable[CreditStep], net: Money
) -> tuple[CreditedNet, ...]:
    """The nets of a note that takes the same share of all lines; only of those of which it takes something.

    Rounded as running sums; the last of them takes the remainder that the rounding of the taxes leaves. So they sum to
    the note's net: of 10.00 off 20.00 and 10.00, 6.67 and 3.33.

    Args:
        lines: the invoice's.
        before, after: what came back of it, without the note and with it.
        net: the note's.
    """
    pairs = zip(left_of(lines, before).lines, left_of(lines, after).lines, strict=True)
    taken = [(line, _net(had) - _net(has)) for line, (had, has) in zip(lines, pairs, strict=True)]
    taken = [(line, share) for line, share in taken if share]
    found: list[CreditedNet] = []
    exact, given = Fraction(0), Money.zero(net.currency)
    for n, (line, share) in enumerate(taken, 1):
        exact += share
        upto = net if n == len(taken) else Money.rounded(exact, net.currency)
        found.append(_of(line, upto - given))
        given = upto
    return tuple(found)


def _of(line: InvoiceLine, net: Money) -> CreditedNet:
    return CreditedNet(line.id, net, line.component, line.plan_id)


def _net(left: LineLeft) -> Fraction:
    return left.amount - sum(left.taxes.values(), Fraction(0))
