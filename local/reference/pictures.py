"""Writes the pictures of documents in docs/screenshots: ``python -m local.reference.pictures [FOLDER]``."""

import sys
from pathlib import Path

from billing.integrations.pdf.renderer import PdfRenderer
from billing.integrations.pdf.report import ReportPdfs
from local.reference.document_samples import SAMPLES
from local.reference.report_samples import REPORTS
from local.reference.statement_samples import STATEMENTS

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
_DOTS_PER_INCH = 90


def main() -> None:
    """One PNG for the first page of each sample."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    renderer, reports = PdfRenderer(), ReportPdfs()
    pages = {name: renderer.pictures(make(), _DOTS_PER_INCH) for name, make in (SAMPLES | STATEMENTS).items()}
    pages |= {name: reports.pictures(make(), _DOTS_PER_INCH) for name, make in REPORTS.items()}
    for name, made in pages.items():
        path = folder / f"{name}.png"
        path.write_bytes(made[0])
        print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
