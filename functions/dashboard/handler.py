"""The dashboard and the API's reference: pages, and the files that they are made of."""

from pathlib import Path

from billing.bootstrap.dashboard import dashboard

lambda_handler = dashboard(Path(__file__).parent / "assets").lambda_handler
