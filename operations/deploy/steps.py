"""The names of a deploy's steps, for whoever needs no more of it."""

STEPS = ("account", "build", "deploy", "stripe-key", "webhook", "connect-webhook", "platform-key", "tenant")
"""In this order; each is a method of ``operations.deploy.run.Deploy``."""
