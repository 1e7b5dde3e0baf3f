"""The usage worker: counts the events of a batch of messages."""

from billing import bootstrap

lambda_handler = bootstrap.usage_worker().lambda_handler
