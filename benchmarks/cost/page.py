"""docs/cost.md: its prose is written by hand, its tables by this module, between marks."""

import re
from collections.abc import Callable

from benchmarks import ROOT
from benchmarks.cost.bills import Bill, Sheet, total
from benchmarks.cost.inputs import Facts, Given, Measured
from benchmarks.prices import ALL, GB, METRIC, MILLION, MONTH_DAYS, RECOVERY, STORED, TRACE

PAGE = ROOT / "docs" / "cost.md"
_MARKED = re.compile(r"(<!-- (\w[\w-]*) -->\n).*?(<!-- end -->)", re.DOTALL)
MIX = {
    "GET customer": 0.30,
    "GET invoice": 0.30,
    "list 20 invoices": 0.20,
    "create customer": 0.10,
    "payment intent: form, an amount": 0.10,
}
"""Of a million requests: four reads and a write."""
ROUTES = (
    "GET customer",
    "list 20 invoices",
    "create customer",
    "create subscription: trial",
    "create subscription: charged, saved card",
    "pay invoice",
    "payment intent: form, an amount",
    "payment: an amount",
    "refund: an amount",
    "order: pay by a saved card, two sellers",
    "Stripe webhook: an invoice is paid",
    "Stripe webhook: settled already",
)
STAGES = {"dev": False, "staging": True, "prod": True}
"""Which have SnapStart (infra/stack.yaml, HasSnapStart)."""


def rendered(text: str, sheet: Sheet) -> str:
    """The page with its tables as they are to be.

    Raises:
        KeyError: a mark that names no table.
    """
    return _MARKED.sub(lambda mark: mark[1] + TABLES[mark[2]](sheet) + mark[3], text)


def sheet() -> Sheet:
    """From the committed figures and the template as it is."""
    return Sheet(Measured.load(), Facts(), Given())


def _usd(amount: float) -> str:
    return f"{amount:,.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _bills(columns: dict[str, Bill]) -> str:
    """Bills beside each other, and what they come to."""
    names = list(dict.fromkeys(name for bill in columns.values() for name in bill))
    rows = [[name, *(_usd(bill.get(name, 0.0)) for bill in columns.values())] for name in names]
    rows.append(["**together**", *(f"**{_usd(total(bill))}**" for bill in columns.values())])
    return _table(["USD", *columns], rows)


def _idle(made: Sheet) -> str:
    return _bills({stage: made.idle(snapshots) for stage, snapshots in STAGES.items()})


def _million(made: Sheet) -> str:
    return _bills(
        {
            "requests": made.mixed(MIX),
            "invoices": made.invoices(),
            "usage events": made.usage_events(),
            "webhooks sent": made.deliveries(),
        }
    )


def _routes(made: Sheet) -> str:
    rows = []
    for name in ROUTES:
        bill, kept = made.call(name), made.kept(name)
        events = made.events(made.measured.calls[name]["events"])
        writes = made.measured.calls[name]["write_units"]
        whole = total(bill) + events + kept["kept until it expires"]
        rows.append([name, f"{writes:g}", _usd(whole), _usd(kept["a month of what stays"])])
    return _table(["a million of", "write units each", "USD", "USD a month for what stays"], rows)


def _stays(made: Sheet) -> str:
    a_month = STORED.usd + RECOVERY.usd
    invoice = made.measured.calls["renewal in the worker, charged"]["stored_bytes"]
    usage = made.kept("GET customer")["kept until it expires"]
    rows = [
        ["a million invoices", f"{invoice * MILLION / GB:,.1f} GB", _usd(invoice * MILLION / GB * a_month)],
        ["a million audit rows (400 days, all together)", "", _usd(usage)],
        ["each of the API's routes that is called", "a metric", _usd(METRIC.usd)],
        [f"all {made.facts.routes} of them", "", _usd(made.facts.routes * METRIC.usd)],
        ["`EnableTracing`, a million requests", "", _usd(TRACE.usd * MILLION)],
    ]
    return _table(["what", "", "USD a month"], rows)


def _given(made: Sheet) -> str:
    known = made.given
    rows = [
        ["a request to DynamoDB", f"{known.dynamodb_s * 1000:g} ms"],
        ["a request to Stripe", f"{known.stripe_s * 1000:g} ms"],
        ["a receiver of webhooks", f"{known.receiver_s * 1000:g} ms"],
        ["what Lambda logs of an invocation", f"{known.platform_line_bytes} bytes"],
        ["a line of the API's log", f"{known.access_line_bytes} bytes"],
        ["Lambda asks an empty queue", f"{known.pollers * known.polls_per_min} times a minute"],
        ["a queue's data key is asked for", f"{known.queue_key_calls_per_h} times an hour, by either side"],
        ["a month", f"{MONTH_DAYS:.1f} days"],
    ]
    return _table(["taken as given", ""], rows)


def _prices(_: Sheet) -> str:
    rows = []
    for each in ALL:
        amount = f"{each.usd * each.per:,.4f}".rstrip("0").rstrip(".")
        many = f"{each.per:,} {each.unit}" if each.per > 1 else f"a {each.unit}"
        rows.append([each.name, amount, many, each.at, f"{each.source}; {each.note}" if each.note else each.source])
    return _table(["what", "USD", "for", "as of", "source"], rows)


def _measured(made: Sheet) -> str:
    return f"Measured until {made.measured.at} on {made.measured.machine}.\n"


TABLES: dict[str, Callable[[Sheet], str]] = {
    "idle": _idle,
    "million": _million,
    "routes": _routes,
    "stays": _stays,
    "given": _given,
    "prices": _prices,
    "measured": _measured,
}
