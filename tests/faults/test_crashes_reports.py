"""Crash injection (``crash_suite``): the files of reports and exports."""

from tests.faults import report_flows
from tests.faults.crash_suite import cut_everywhere

test_a_flow_cut_at_any_call_ends_like_one_that_was_not = cut_everywhere(report_flows.FLOWS)
