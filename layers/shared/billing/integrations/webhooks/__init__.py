"""Outgoing webhooks as receivers see them: signed, and dialled at addresses that were judged first."""
