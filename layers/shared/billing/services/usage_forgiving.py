"""Usage whose invoice is void or credited: forgiven, so that no correction gives back what nobody paid."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.domain.lines import InvoiceLine
from billing.domain.money import Money
from billing.domain.usage_period import UsagePeriod, forgiven
from billing.services.ports import Ref, Work

Left = Mapping[str, InvoiceLine | None]


def forgive(work: Work, tenant_id: str, lines: Sequence[InvoiceLine], before: Left, after: Left) -> None:
    """Note in the usage periods of an invoice's lines what was taken off them; nothing is read where there are none.

    Args:
        before, after: by line id, what was and is left of each; None for nothing. A line that is not named is whole.
    """
    taken: dict[str, list[tuple[InvoiceLine, Money]]] = {}
    for line in lines:
        off = _amount(line, before) - _amount(line, after)
        if line.usage is not None and not off.is_zero:
            taken.setdefault(line.usage.period_id, []).append((line, off))
    if not taken:
        return
    refs: dict[str, Ref[Any]] = {each: Ref(UsagePeriod, tenant_id, each) for each in taken}
    found = work.load(*refs.values())
    for period_id, ref in refs.items():
        work.save(forgiven(found.require(ref), taken[period_id]))


def _amount(line: InvoiceLine, left: Left) -> Money:
    kept = left.get(line.id, line)
    return kept.amount if kept is not None else Money.zero(line.amount.currency)
