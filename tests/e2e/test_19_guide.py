"""Issue 19: every command of docs/guide works as it stands there, and prints what the page says."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from local.client import Client
from local.stack.settings import ROOT
from tests.e2e import guide
from tests.e2e.conftest import Stack
from tests.e2e.test_16_examples import free_port

PAGES = [ROOT / "README.md", *(page for page in sorted(guide.GUIDE.glob("*.md")) if page.name != "README.md")]


def reader(stack: Stack, folder: Path, **settings: str) -> None:
    """Make of a folder what somebody has who has said `make run`: the project, and a tenant like the demo's."""
    for name in ("docs", "examples", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    wanted = {"name": "Demo tenant", "mode": "test", "currency": "USD", "invoicePrefix": "DEMO"}
    made = Client(asdict(stack), key=stack.platform_api_key).post("/v1/tenants", wanted | settings)
    theirs = asdict(stack) | {"api_key": made["apiKey"], "tenant_id": made["id"]}
    (folder / ".local").mkdir()
    (folder / ".local" / "stack.json").write_text(json.dumps(theirs))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_19_the_guide_does_what_it_says(stack: Stack, tmp_path: Path, page: Path) -> None:
    reader(stack, tmp_path)
    guide.check(page, tmp_path, PORT=str(free_port()))


def test_19_the_first_calls_work_where_tax_is_charged(stack: Stack, tmp_path: Path) -> None:
    """Their amounts are others then, so that what they print is not what the page says."""
    reader(stack, tmp_path, taxProvider="builtin")
    page = tmp_path / "page.md"
    page.write_text((guide.GUIDE / "first-hour.md").read_text().split("\n## When something changes\n")[0])
    assert any("DEMO-000001" in text for _, text in guide.printed(page, tmp_path))
