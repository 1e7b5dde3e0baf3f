"""Forgives usage whose invoice is void or credited, so that no correction gives back what nobody paid."""

from collections.abc import Mapping, Sequence

from billing.domain.kernel.money import Money
from billing.domain.lines.line import InvoiceLine
from billing.domain.usage.period import UsageHistory, forgiven, history_id
from billing.services.kernel.work import Ref, Work

Left = Mapping[str, InvoiceLine | None]


def forgive(work: Work, tenant_id: str, lines: Sequence[InvoiceLine], before: Left, after: Left) -> None:
    """Note in the usage periods what was taken off an invoice's lines; without usage lines nothing is read.

    Args:
        before, after: by line id, what was and is left of each; None for nothing. Lines that are not named are whole.
    """
    # If nothing is left, everything is taken, including what credits for other lines had reduced.
    whole = {line.id: line.amount for line in lines if after.get(line.id, line) is None}
    taken = {line.id: whole.get(line.id) or _amount(line, before) - _amount(line, after) for line in lines}
    by_period: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        if line.usage is not None and not taken[line.id].is_zero:
            by_period.setdefault(line.usage.period_id, []).append(line)
    if not by_period:
        return
    refs = {each: Ref(UsageHistory, tenant_id, history_id(each)) for each in by_period}
    found = work.load(*set(refs.values()))
    histories = {ref: found.require(ref) for ref in refs.values()}
    for period_id, billed in by_period.items():
        period = histories[refs[period_id]].period(period_id)
        assert period is not None, "what an invoice bills is in its history"
        histories[refs[period_id]] = histories[refs[period_id]].having([forgiven(period, billed, taken)])
    for history in histories.values():
        work.save(history)


def _amount(line: InvoiceLine, left: Left) -> Money:
    kept = left.get(line.id, line)
    return kept.amount if kept is not None else Money.zero(line.amount.currency)
