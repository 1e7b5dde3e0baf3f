"""Crash injection (``crash_suite``): payments, refunds, disputes and saved methods."""

from tests.faults import payment_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(payment_flows.FLOWS)
