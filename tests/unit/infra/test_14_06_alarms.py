"""Issue 14, number 6: what the reconciliation tells sets an alarm of its own off, and not that of parked items."""

import pytest

from tests.support.transformed import of_type, said
from tests.unit.infra.test_alarms import alarm, fires

MESSAGES = {
    "LedgerDiffers": "reconciliation: stripe and the ledger differ",
    "ProvidersNotCovered": "reconciliation: stripe has less than providers are owed",
}


@pytest.mark.parametrize(("name", "message"), MESSAGES.items())
def test_its_message_sets_its_alarm_off(name: str, message: str) -> None:
    found = of_type("AWS::Logs::MetricFilter")[name]["Properties"]
    assert found["FilterPattern"] == f'{{ $.message = "{message}" }}'
    assert said(found["LogGroupName"]) == "BillingWorkerLog"
    (metric,) = found["MetricTransformations"]
    assert said(metric["MetricName"]) == said(alarm(name)["MetricName"])
    assert fires(alarm(name), {10.0: 1.0})
    assert not fires(alarm(name), {})


def test_parked_items_are_another_alarm() -> None:
    pattern = of_type("AWS::Logs::MetricFilter")["ParkedItems"]["Properties"]["FilterPattern"]
    assert pattern == '{ ($.level = "CRITICAL") && ($.message != "reconciliation: *") }'


@pytest.mark.parametrize(
    "function", ["StripeWebhook", "Payouts", "Orders", "Payments", "Invoices", "Subscriptions", "ProviderAccounts"]
)
def test_14_a_critical_line_of_a_function_that_is_no_worker_sets_an_alarm_off(function: str) -> None:
    """A bank sends a payout back: the webhook hears of it, and the workers' logs have no line of it."""
    found = of_type("AWS::Logs::MetricFilter")[f"CriticalOf{function}"]["Properties"]
    assert (said(found["LogGroupName"]), found["FilterPattern"]) == (f"{function}Log", '{ $.level = "CRITICAL" }')
    (metric,) = found["MetricTransformations"]
    assert said(metric["MetricName"]) == said(alarm("CriticalLines")["MetricName"])
    assert fires(alarm("CriticalLines"), {10.0: 1.0})
    assert not fires(alarm("CriticalLines"), {})
