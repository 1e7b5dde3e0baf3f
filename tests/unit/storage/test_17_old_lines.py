"""Issue 17: lines that were stored before anything was recorded of their taxes are read as they were."""

import json

from billing.domain.lines.line import InvoiceLine
from billing.domain.lines.tax_records import records_of
from billing.storage.codec import _reader, _writer
from tests.support.credited import VAT, line, usd


def test_a_line_from_before_is_read_without_facts() -> None:
    now = line(usd(10_000), VAT)
    stored = json.loads(json.dumps(_writer(InvoiceLine)(now)))
    del stored["untaxed"]
    for tax in stored["taxes"]:
        del tax["base"], tax["facts"]
    read = _reader(InvoiceLine)(stored)
    assert read == now
    assert [(each.facts, each.taxable, each.tax) for each in records_of(read)] == [(None, usd(10_000), usd(2_000))]
