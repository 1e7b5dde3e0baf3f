"""The stack on one machine, and what is run once beside one on AWS.

Its tools write what the product reads (the platform's key, the signing keys), with the product's own code.
"""

import sys
from pathlib import Path

_SHARED = str(Path(__file__).resolve().parents[2] / "layers" / "shared")
if _SHARED not in sys.path:
    sys.path.insert(0, _SHARED)
