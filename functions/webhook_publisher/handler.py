"""The publisher: for each event and each endpoint that wants it, a delivery."""

from billing.bootstrap.deliveries import publisher_edge

lambda_handler = publisher_edge().lambda_handler
