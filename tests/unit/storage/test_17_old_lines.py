"""Issue 17: lines that were stored before anything was recorded of their taxes are read as they were."""

import json
from dataclasses import replace

from billing.domain.invoicing.invoice import Invoice
from billing.domain.lines.tax_records import records_of
from billing.storage.codec import decode, encode
from billing.storage.packing import unpack
from tests.support.credited import VAT, line, usd
from tests.support.invoices import opened
from tests.unit.storage.test_codec import FakeSealer


def test_a_line_from_before_is_read_without_facts() -> None:
    now = line(usd(10_000), VAT)
    body = json.loads(unpack(encode(replace(opened(100), lines=(now,)), FakeSealer(), "ten_1", "in_1")))
    (stored,) = body["lines"]
    del stored["untaxed"]
    for tax in stored["taxes"]:
        del tax["base"], tax["facts"]
    (read,) = decode(Invoice, json.dumps(body), FakeSealer(), "ten_1", "in_1").lines
    assert read == now
    assert [(each.facts, each.taxable, each.tax) for each in records_of(read)] == [(None, usd(10_000), usd(2_000))]
