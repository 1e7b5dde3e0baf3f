"""Use cases of outgoing webhooks: endpoints, deliveries, sending, and the feed of events."""
