"""What access tokens cost: round trips, CPU time of verifying one, tokens per second."""
