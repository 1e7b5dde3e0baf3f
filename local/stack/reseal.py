"""After a rotation of data keys: `python -m local.stack.reseal --stack ledgerline-dev TENANT ...`.

Seals what is stored of a tenant under its newest data key, until nothing is left under an older one; with `--index`
email addresses and names are looked up under it, too (that takes four minutes more), and what is from before a release
can be found by what that release looks for. May be stopped and begun again at any time;
nobody notices it. It runs with the operator's own rights: no function may delete.
"""

import os
import time
from typing import TYPE_CHECKING

from local.stack.outputs import outputs_of, parser_of, variables_of

if TYPE_CHECKING:
    from billing.storage.resealing import Resealing

_RUNS = 10


def resealing(outputs: dict[str, str], pace_s: float) -> "Resealing":
    """The job, over a stack's tables."""
    os.environ |= variables_of(outputs)
    from billing.bootstrap import resealing as made  # reads the environment

    return made.resealing(pace_s)


def main() -> None:
    """Run it for each tenant that is named, and say how much was changed."""
    parser = parser_of("Seals personal data under the newest data key.")
    parser.add_argument("--index", action="store_true", help="make the indexes of addresses and names anew, too")
    parser.add_argument("--pace", type=float, default=0.1, help="seconds to rest after each page of 100 items")
    parser.add_argument("tenants", nargs="+", help="their ids; `platform` for the operator's own")
    options = parser.parse_args()
    job = resealing(outputs_of(options.stack), options.pace)
    for tenant_id in options.tenants:
        for _ in range(_RUNS):
            changed = job.reseal(tenant_id)
            print(f"{tenant_id}: {changed} items sealed anew")
            if not changed:
                break
            time.sleep(options.pace)
        if options.index:
            print(f"{tenant_id}: {job.index_anew(tenant_id)} addresses indexed anew")
            print(f"{tenant_id}: {job.complete(tenant_id)} items from before got what lists and searches look at")


if __name__ == "__main__":
    main()
