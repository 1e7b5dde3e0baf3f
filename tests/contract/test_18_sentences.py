"""Issue 18: the dashboard's sentences are about events that there are, and all that happens with a customer has one."""

import re

from billing.domain.kernel.event_types import EventType
from local.stack.settings import ROOT

_KINDS = {"creditNote": "credit_note"}
_OF_A_CUSTOMER = {
    "customer", "subscription", "invoice", "payment", "refund", "dispute", "credit_note", "order", "coupon", "usage",
}  # fmt: skip


def told() -> set[str]:
    """The types of events that have a sentence, out of the table's text."""
    text = (ROOT / "dashboard" / "ui" / "sentences.js").read_text()
    found: set[str] = set()
    for kind, block in re.findall(r"^const (\w+) = \{\n((?:  \w+: \(.*\n)+)\};", text, re.MULTILINE):
        found |= {f"{_KINDS.get(kind, kind)}.{name}" for name in re.findall(r"^  (\w+):", block, re.MULTILINE)}
    for kind, name in re.findall(r"^  (\w+): \{ (\w+): \(", text, re.MULTILINE):
        found.add(f"{kind}.{name}")
    return found


def test_18_every_sentence_is_about_a_type_of_the_catalogue() -> None:
    assert told() - {each.value for each in EventType} == set()


def test_18_everything_that_happens_with_a_customer_has_its_sentence() -> None:
    wanted = {each.value for each in EventType if each.value.partition(".")[0] in _OF_A_CUSTOMER}
    assert len(wanted) > 30
    assert wanted - told() == set()
