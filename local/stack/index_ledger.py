"""Once, for a stack from before reports: `python -m local.stack.index_ledger --stack ledgerline-dev TENANT ...`.

Puts a tenant's ledger entries into the index that reports read, those that are not in it. May be stopped and begun
again at any time; nobody notices it. Nothing of an entry is changed (`storage/journal_index.py` says why that may be).
It runs with the operator's own rights.
"""

import os
from typing import TYPE_CHECKING

from local.stack.outputs import outputs_of, parser_of, variables_of

if TYPE_CHECKING:
    from billing.storage.journal_index import JournalIndex


def journal_index(outputs: dict[str, str], pace_s: float) -> "JournalIndex":
    """The job, over a stack's tables."""
    os.environ |= variables_of(outputs)
    from billing.bootstrap import resealing as made  # reads the environment

    return made.journal_index(pace_s)


def main() -> None:
    """Run it for each tenant that is named, and say how much was indexed."""
    parser = parser_of("Puts ledger entries into the index that reports read.")
    parser.add_argument("--pace", type=float, default=0.1, help="seconds to rest after each page of 100 entries")
    parser.add_argument("tenants", nargs="+", help="their ids")
    options = parser.parse_args()
    job = journal_index(outputs_of(options.stack), options.pace)
    for tenant_id in options.tenants:
        print(f"{tenant_id}: {job.fill(tenant_id)} entries indexed")


if __name__ == "__main__":
    main()
