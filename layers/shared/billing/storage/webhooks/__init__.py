"""Outgoing webhooks in DynamoDB, beside what goes through the unit of work."""
