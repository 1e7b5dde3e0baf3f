"""What holds for every test."""

import os

from hypothesis import HealthCheck, settings

# The same cases in every run: what fails for one fails for everybody. No deadline, and data may be slow to make: a busy
# machine is no broken law.
settings.register_profile("ledgerline", derandomize=True, database=None, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
# LAWS=search make test: other cases in every run, to find what the usual ones do not.
settings.register_profile("search", parent=settings.get_profile("ledgerline"), derandomize=False)
settings.load_profile("search" if os.environ.get("LAWS") == "search" else "ledgerline")
