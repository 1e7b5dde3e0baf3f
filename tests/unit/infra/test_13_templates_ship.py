"""Issue 13: the shared layer ships the templates of documents beside the code that uses them."""

from pathlib import Path

from tests.unit.infra.test_layers import ROOT, build

TEMPLATES = "billing/integrations/pdf/templates"


def test_issue_13_the_layer_has_every_template(tmp_path: Path) -> None:
    """A layer without them would import, and fail at its first document."""
    build(tmp_path, LEDGERLINE_LAYERS="empty")
    shipped = {each.name for each in (tmp_path / "SharedLayer/python" / TEMPLATES).glob("*.typ")}
    assert shipped == {each.name for each in (ROOT / "layers/shared" / TEMPLATES).glob("*.typ")}
    assert {"invoice.typ", "credit_note.typ", "style.typ"} <= shipped
