"""Events, their feed, and what is kept of outgoing webhooks."""
