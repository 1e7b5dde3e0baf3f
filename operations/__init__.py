"""What runs a deployed stack: `python -m operations --help`."""
