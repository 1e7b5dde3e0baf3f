"""What the product costs, side by side with its budgets and with a peer: ``make bench``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# On AWS a layer puts `billing` on the path; the benchmarks are started by hand.
sys.path.insert(0, str(ROOT / "layers" / "shared"))
