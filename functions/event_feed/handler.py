"""The feed: gives each event that was committed its place among its tenant's."""

from billing.bootstrap.events import feed_worker

lambda_handler = feed_worker().lambda_handler
