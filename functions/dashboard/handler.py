"""The dashboard: a page, and the files that it is made of."""

from pathlib import Path

from billing.bootstrap.dashboard import dashboard

lambda_handler = dashboard(Path(__file__).parent / "assets").lambda_handler
