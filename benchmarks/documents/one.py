"""Renders invoices in this fresh interpreter and prints the CPU time that each took, as JSON.

    python -m benchmarks.documents.one LINES SHARED

SHARED is the ``layers/shared`` of some checkout. The first invoice has LINES lines, then come ten of three and one of
five hundred. Only what every renderer of invoices had from the first on is used: an older checkout can be measured.
"""

import json
import resource
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billing.services.invoicing.documents import InvoiceDocument

_START = time.process_time()
_LATER = 10
_BIG = 500


def invoice(number: int, count: int) -> "InvoiceDocument":
    """An invoice of so many lines; no two of different numbers share a line."""
    from billing.domain.kernel.money import Money
    from billing.services.invoicing.documents import DocumentLine, InvoiceDocument, Party

    day = datetime(2026, 11, 1, tzinfo=UTC)
    price, zero = Money(4_999_000, "EUR"), Money.zero("EUR")
    total = Money(4_999_000 * count, "EUR")
    lines = tuple(
        DocumentLine(f"Position {number}.{each}", Decimal(1), price, price, day, day.replace(month=12))
        for each in range(count)
    )
    return InvoiceDocument(
        number=f"ACME-{number:06}",
        status="open",
        issued_at=day,
        due_at=day,
        currency="EUR",
        timezone="Europe/Berlin",
        locale="de-DE",
        seller=Party("Ledger Works GmbH", ("Friedrichstraße 12", "10117 Berlin", "DE"), "DE123456788"),
        buyer=Party("Müller Maschinenbau AG", ("Königsallee 92a", "40212 Düsseldorf", "DE")),
        lines=lines,
        subtotal=total,
        discount=zero,
        tax=zero,
        total=total,
        amount_paid=zero,
        amount_due=total,
    )


def main() -> None:
    """Render, and say how long it took and how much memory the process had at most."""
    first, shared = int(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, shared)
    from billing.integrations.pdf.renderer import PdfRenderer

    renderer = PdfRenderer()
    figures = {"import_ms": (time.process_time() - _START) * 1000}
    started = time.perf_counter()

    def timed(document: "InvoiceDocument") -> float:
        before = time.process_time()
        content = renderer.render_invoice(document)
        took = (time.process_time() - before) * 1000
        assert content.startswith(b"%PDF-")
        figures["bytes"] = len(content)
        return took

    figures["first_ms"] = timed(invoice(1, first))
    figures["first_wall_ms"] = (time.perf_counter() - started) * 1000
    figures["later_ms"] = median(timed(invoice(n, 3)) for n in range(2, 2 + _LATER))
    figures["small_bytes"] = figures["bytes"]
    figures["big_ms"] = timed(invoice(2 + _LATER, _BIG))
    figures["big_bytes"] = figures.pop("bytes")
    figures["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
