"""Services know a card processor, not Stripe: its event names and its metadata are the adapter's."""

from pathlib import Path

import pytest

from billing.integrations.stripe.events import HANDLED

SERVICES = Path(__file__).parents[4] / "layers" / "shared" / "billing" / "services"
OURS = {"refund.created", "refund.failed"}
"""What an event of our own is called, too (``EventType``)."""


@pytest.mark.parametrize("path", sorted(SERVICES.rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICES)))
def test_no_service_names_an_event_or_a_key_of_stripes_metadata(path: Path) -> None:
    """Issue 10, item 5."""
    text = path.read_text()
    assert [name for name in sorted(HANDLED - OURS) if f'"{name}"' in text] == []
    assert '["tenant_id"]' not in text
