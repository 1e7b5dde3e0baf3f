"""What holds of the lines that bill time: no instant is billed twice or given back twice, and no line is lost.

An instant of a component is paid for once, whatever was changed, paused and resumed. It is billed again only where what
was billed for it had come back in full by another way than a credit for time: a credit note, a refund, a dispute.

    June for 100.00, all of it credited; paused on the 16th (nothing is left to give back) and resumed: 50.00 again
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.faults.books import Books, Json, micros
from tests.faults.laws_usage import metered

_UNIT = 1_000  # micro-units of a cent


What = tuple[Any, ...]
"""What tells a line from others of its component, also before it has an id."""


def lines_of_time(books: Books, left: Collection[What] = ()) -> Iterator[str]:
    """Every law of the lines of subscriptions.

    Args:
        left: lines (``what``) that were in force when somebody changed to another interval with ``none``. That bills
            the new cycle from the change on and gives nothing back of the old one, as it says.
    """
    invoices = [invoice for invoice in books.bodies("invoices") if invoice["subscription_id"]]
    for subscription in books.bodies("subscriptions"):
        own = [invoice for invoice in invoices if invoice["subscription_id"] == subscription["id"]]
        name = f"subscription {subscription['id']}"
        yield from (f"{name}: {problem}" for problem in _billed_once(books, subscription["pending"], own, left))
        yield from (f"{name} {problem}" for problem in _kept(subscription, own))
    ids = Counter(line["id"] for invoice in books.bodies("invoices") for line in invoice["lines"])
    yield from (f"{n} lines with the id {line}" for line, n in ids.items() if n > 1)


def _kept(subscription: Json, own: list[Json]) -> Iterator[str]:
    """What a subscription counts as billed is on an invoice, as it stands there, or waits for one."""
    by_id = {line["id"]: (line, invoice) for invoice in own for line in invoice["lines"]}
    placed = Counter(what(line) for line in (*subscription["pending"], *(line for line, _ in by_id.values())))
    waits = (line for line in subscription["billed"] if micros(line["amount"]) and not line["id"])
    lost = Counter(what(line) for line in waits) - placed
    yield from (f"counts as billed what is nowhere: {line}" for line in lost)
    for billed in (line for line in subscription["billed"] if line["id"]):
        line, invoice = by_id.get(billed["id"], (None, None))
        if line is None or invoice is None:
            yield f"counts as billed what is nowhere: {billed['id']}"
        elif billed != line and not (invoice["credits"] and 0 < micros(billed["amount"]) < micros(line["amount"])):
            yield f"counts as billed otherwise than it is: {billed['id']}"


def what(line: Json) -> What:
    """See ``What``."""
    period = line["period"] or {}
    return (line["component"], micros(line["amount"]), period.get("start"), period.get("end"), line["quantity"])


# --- time -----------------------------------------------------------------------------------------------------------


def _billed_once(books: Books, pending: list[Json], own: list[Json], left: Collection[What]) -> Iterator[str]:
    """A line counts once for its time, a credit takes that back: none or one everywhere.

    1 June to 1 July billed, given back from 16 June and billed anew from there makes one. What waits for an invoice
    counts with what is on one, so a line that is in both places is a second one. What is void is in neither: its lines
    are owed by nobody, and what it gave back waits again.

    A line of which nothing is left to be given back is looked at with its own credits alone: a change that finds
    nothing left gives nothing back, and bills anew.
    """
    by_usage = metered(books)  # its late lines have the time of others; what it bills is in ``usage``
    standing = [invoice for invoice in own if invoice["status"] != "void"]
    spent = {line["id"] for invoice in standing for line in _spent(invoice)}
    spent |= {line["id"] for invoice in standing for line in invoice["lines"] if what(line) in left}
    apart: dict[str, list[Json]] = defaultdict(list)
    for line in (*pending, *(line for invoice in standing for line in invoice["lines"])):
        about = (line["credits"] or line["of_line"]) if _net(line) < 0 else line["id"]
        if line["component"] not in by_usage and line["period"] is not None:
            apart[about if about in spent else ""].append(line)
    for lines in apart.values():
        yield from _covered(lines)


def _spent(invoice: Json) -> Iterator[Json]:
    """The lines of an invoice of which nothing is left to be given back.

    Of a line counts what was given back of it; of its invoice everything, also what a credit note took of no line in
    particular, or a dispute took that is not won. What was not given back while it was open is given once it is won.
    """
    lines = {line["id"]: _gross(line) for line in invoice["lines"]}
    for line in invoice["lines"]:
        own = line["credits"] or line["of_line"]
        if _net(line) < 0 and own in lines:  # it gives back a line of the same invoice
            lines[own] += lines.pop(line["id"])
    came_back = sum(micros(step["amount"]) for step in invoice["credits"])
    came_back += max(sum(micros(each) for each in invoice["taken_back"].values()), 0)
    left = sum(amount for amount in lines.values() if amount > 0) - came_back
    for line in invoice["lines"]:
        named = sum(micros(step["amount"]) for step in invoice["credits"] if step["line_id"] == line["id"])
        if _net(line) > 0 and min(left, lines[line["id"]] - named) < _UNIT:
            yield line


def _covered(lines: Iterable[Json]) -> Iterator[str]:
    """Where the number of lines less the number of credits is anything but none or one.

    Seconds may be: what is worth less than half a cent is given back in no line.
    """
    by_component: dict[str, list[_Span]] = defaultdict(list)
    for line in lines:
        start, end = (datetime.fromisoformat(line["period"][name]) for name in ("start", "end"))
        if _net(line) and start < end:
            by_component[line["component"]].append(_Span(start, end, _net(line)))
    for component, spans in by_component.items():
        instants = sorted({each for span in spans for each in (span.start, span.end)})
        for start, end in pairwise(instants):
            over = [span for span in spans if span.start <= start < span.end]
            billed = sum(1 if span.net > 0 else -1 for span in over)
            if billed not in (0, 1) and min(span.worth(start, end) for span in over) >= Fraction(_UNIT, 2):
                yield f"{component} is billed {billed} times from {start:%Y-%m-%dT%H:%M:%SZ} on"


@dataclass(frozen=True)
class _Span:
    start: datetime
    end: datetime
    net: int

    def worth(self, start: datetime, end: datetime) -> Fraction:
        """What of it a part of its time comes to."""
        part, whole = (Fraction(each.total_seconds()) for each in (end - start, self.end - self.start))
        return abs(self.net) * part / whole


def _net(line: Json) -> int:
    return micros(line["amount"]) - sum(micros(each["amount"]) for each in line["discounts"])


def _gross(line: Json) -> int:
    """With the taxes that come on top."""
    return _net(line) + sum(micros(tax["amount"]) for tax in line["taxes"] if not tax["inclusive"])
