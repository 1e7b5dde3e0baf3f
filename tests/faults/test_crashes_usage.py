"""Crash injection (``crash_suite``): usage on its way to an invoice."""

from tests.faults import usage_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(usage_flows.FLOWS)
