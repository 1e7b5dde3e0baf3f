"""Crash injection (``crash_suite``): events on their way to webhook endpoints."""

from tests.faults import webhook_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(webhook_flows.FLOWS)
