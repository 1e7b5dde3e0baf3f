"""Reports and exports of many invoices: time, memory, calls, and what they cost."""
