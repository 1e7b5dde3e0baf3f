"""Metrics: all of them for the stack, one of them by route."""

from datetime import UTC, datetime

from billing.edge.metrics import embedded


def test_only_the_first_metric_is_counted_by_its_dimension() -> None:
    """80 routes with three metrics each would be $72 a month; with one they are $24."""
    line = embedded(
        datetime(2026, 11, 29, tzinfo=UTC),
        "ledgerline-prod",
        ("route", "GET /v1/invoices"),
        {"duration_ms": (12, "Milliseconds"), "server_errors": (0, "Count")},
    )
    whole, by_route = line["_aws"]["CloudWatchMetrics"]
    assert (whole["Dimensions"], [each["Name"] for each in whole["Metrics"]]) == (
        [["stack"]],
        ["duration_ms", "server_errors"],
    )
    assert (by_route["Dimensions"], [each["Name"] for each in by_route["Metrics"]]) == (
        [["stack", "route"]],
        ["duration_ms"],
    )
    assert (line["stack"], line["route"], line["duration_ms"], line["server_errors"]) == (
        "ledgerline-prod",
        "GET /v1/invoices",
        12,
        0,
    )
