"""Issue 17, number 7: every request that docs/import.md shows is one that the API takes."""

import json
import re
from pathlib import Path

import pytest

from billing.schemas.imports.csv_ours import TABLES
from tests.integration.world import Json, Tenant

TEXT = (Path(__file__).parents[3] / "docs" / "import.md").read_text()
BODIES = [json.loads(each) for each in re.findall(r"```json\s(.*?)```", TEXT, re.DOTALL)]


@pytest.mark.parametrize("body", [each for each in BODIES if each.get("dryRun") is not False], ids=str)
def test_17_a_dry_run_of_the_document_is_begun(tenant: Tenant, body: Json) -> None:
    answer = tenant.post("/v1/imports", body)
    assert answer.status == 202, answer.json
    links = answer.data["uploadUrls"] or {"": answer.data["uploadUrl"]}
    assert links.keys() == {each["kind"] for each in body.get("csv", [{"kind": ""}])}


def test_17_the_import_of_the_document_lacks_nothing_but_its_dry_run(tenant: Tenant) -> None:
    (body,) = [each for each in BODIES if each.get("dryRun") is False]
    assert tenant.post("/v1/imports", body).error["code"] == "resource.not_found"


def test_17_the_columns_in_bold_are_those_that_a_file_needs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\*\*`id`.*)\|$", TEXT, re.MULTILINE)
    needed = {kind: set(re.findall(r"\*\*`(\w+)`\*\*", row)) for kind, row in rows}
    assert needed == {kind: set(TABLES[kind].required) for kind in ("customers", "subscriptions")}
