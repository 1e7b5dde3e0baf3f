"""The publisher: for each event and each endpoint that wants it, a delivery."""

from billing.bootstrap.deliveries import publisher_worker

lambda_handler = publisher_worker().lambda_handler
