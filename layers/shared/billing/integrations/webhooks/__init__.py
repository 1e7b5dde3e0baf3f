"""What outgoing webhooks have to do with the outside."""
