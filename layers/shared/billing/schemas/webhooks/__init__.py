"""Outgoing webhooks: the shapes of their requests and responses."""
