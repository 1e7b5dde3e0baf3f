"""What holds for every test."""

from hypothesis import settings

# No deadline: a busy machine is no broken law.
settings.register_profile("ledgerline", deadline=None)
settings.load_profile("ledgerline")
