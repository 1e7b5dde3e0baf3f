"""Issue 17: docs/finance.md names every account and every kind of entry, and its worked month sums to zero."""

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import billing
from billing.domain.ledger import Account

_COMPOSED = {
    "credit_applied", "order_refunded", "order_refund_undone", "order_dispute_lost", "order_dispute_reopened",
    "payout_returned",
}  # fmt: skip
"""Kinds that no call names literally."""
PAGE = Path("docs/finance.md").read_text(encoding="utf-8")


def kinds() -> Iterator[str]:
    """Kinds of entries as the sources of the domain name them: ``"invoice_finalized"`` as an argument of an entry."""
    (root,) = billing.__path__
    makers = {"LedgerEntry", "_entry", "reversed_entry"}
    modules = ("ledger", "marketplace/books", "marketplace/payout_entries", "payments/balance_line", "reconciliation")
    for name in (*modules, "invoicing/settlement"):
        for node in ast.walk(ast.parse((Path(root) / "domain" / f"{name}.py").read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            named = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
            if named in makers and isinstance(node, ast.Call):
                words = (each.value for each in node.args if isinstance(each, ast.Constant))
                yield from (each for each in words if isinstance(each, str) and re.fullmatch(r"[a-z]+(_[a-z]+)*", each))


def test_every_account_is_in_the_chart() -> None:
    chart = PAGE.split("## Chart of accounts")[1].split("### What happens")[0]
    assert [each.value for each in Account if f"`{each.value}`" not in chart] == []


def test_every_kind_of_entry_has_an_example() -> None:
    examples = PAGE.split("### What happens")[1].split("### A month")[0]
    found = set(kinds())
    assert len(found) > 15
    found = {f"payout_{each}" if each in ("claimed", "sent", "unsent") else each for each in found} | _COMPOSED
    assert sorted(each for each in found if f"`{each}`" not in examples) == []


def test_the_worked_month_sums_to_what_it_says_and_to_zero() -> None:
    table = PAGE.split("### A month of one customer")[1].split("##")[0]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    numbers = [[Decimal(cell or "0") for cell in row[2:]] for row in rows[2:] if "aging" not in row[1]]
    *days, sums = numbers
    assert [sum(column) for column in zip(*days, strict=True)] == sums
    assert all(sum(row) == 0 for row in numbers)
