"""Crash injection (``crash_suite``): subscriptions, invoices and what stands around them."""

from tests.faults import subscription_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(subscription_flows.FLOWS)
