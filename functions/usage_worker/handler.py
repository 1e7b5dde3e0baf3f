"""The usage worker: counts the events of a batch of messages."""

from billing.bootstrap.usage import usage_worker

lambda_handler = usage_worker().lambda_handler
