"""`python -m operations.deploy`."""

import sys

from operations.deploy.command import command

if __name__ == "__main__":
    sys.exit(command())
