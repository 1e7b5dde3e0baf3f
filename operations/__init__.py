"""What runs a deployed stack: `python -m operations --help`."""

import local.stack  # noqa: F401 - puts the product's code on the path
