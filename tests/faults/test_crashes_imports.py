"""Crash injection (``crash_suite``): an import from Stripe with saved cards."""

from tests.faults import import_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(import_flows.FLOWS)
