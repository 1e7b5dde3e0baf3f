"""Issue 14: what the benchmarks give the functions is what the template gives them, without a list of its own."""

import re

import pytest

from benchmarks.environment import _made, function_variables, resolved
from benchmarks.imports.table import environment
from local.stack.routes import template
from local.stack.settings import ROOT


def test_14_every_variable_of_every_function_has_a_value() -> None:
    """PAYOUT_QUEUE_URL was missing once, and every benchmark of a function that wakes a worker with it."""
    made = resolved({"StripeSecret": "stripe", "STAGE": "dev"}, lambda name, _: f"a {name}")
    assert set(made) == set(function_variables(template()))
    assert (made["PAYOUT_QUEUE_URL"], made["BILLING_QUEUE_URL"]) == ("a PayoutQueue", "a BillingQueue")
    assert (made["STRIPE_SECRET_ID"], made["STAGE"], made["KMS_KEY_ID"]) == ("stripe", "dev", "a Key")
    assert made["STRIPE_PLATFORM_COUNTRY"] == "US"


def test_14_what_the_settings_read_and_a_deploy_sets_is_there() -> None:
    """Every name that ``Settings`` asks for and the template declares, by its text."""
    asked = set(re.findall(r'env(?:\.get\(|\[)"([A-Z_]+)"', (ROOT / "layers/shared/billing/config.py").read_text()))
    declared = set(function_variables(template()))
    assert {each for each in asked if each.endswith("_QUEUE_URL")} <= declared
    assert asked & declared <= set(environment())


def test_14_what_nobody_knows_to_make_stops_the_benchmark_with_its_name() -> None:
    with pytest.raises(KeyError, match="Bus, a AWS::Events::EventBus"):
        _made("Bus", {"Type": "AWS::Events::EventBus"})
