"""`python -m operations.doctor`."""

import sys

from operations.doctor.command import command

if __name__ == "__main__":
    sys.exit(command())
