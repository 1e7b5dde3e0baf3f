"""Outgoing webhooks: where a tenant wants to be told of events, and what became of the telling."""
