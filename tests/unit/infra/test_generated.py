"""template.yaml is what infra/ says, and what the generator makes of it reads as CloudFormation has it."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from local.stack.settings import ROOT
from scripts import template as generator


def test_the_template_is_current() -> None:
    assert (ROOT / "template.yaml").read_text() == generator.generate(), "make template"


def copied(tmp_path: Path) -> Path:
    for path in generator.INFRA.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    return tmp_path


def test_a_new_table_brings_its_variable_to_those_who_may_touch_it_and_its_output(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    with (folder / "tables.yaml").open("a") as tables:
        tables.write("  Parcels:\n    key: [tenant_id, id]\n    indexes:\n      by_due: [due_shard, due_at]\n")
    catalog = folder / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("on: [Plans, Meters]", "on: [Plans, Meters, Parcels/by_due]"))
    made = YAML().load(generator.generate(folder))
    knows = {
        name
        for name, each in made["Resources"].items()
        if each["Type"] == "AWS::Serverless::Function"
        and "Parcels" in each["Properties"]["Environment"]["Variables"].get("TABLES", ["", {}])[1]
    }
    assert knows == {"CatalogFunction"}
    assert "TableParcels" in made["Outputs"]
    index = made["Resources"]["ParcelsTable"]["Properties"]["GlobalSecondaryIndexes"][0]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize(
    ("part", "text", "said"),
    [
        ("catalog", "functions:\n  X:\n    descripton: typo\n", "descripton"),
        ("catalog", "title: Catalog\nfunktions: {}\n", "funktions"),
        (
            "catalog",
            "title: C\nfunctions:\n  X:\n    description: x\n    allow: {R: {do: Query, on: Plan/by_due}}\n",
            "no such",
        ),
        ("parcels", "title: Parcels\n", "no place"),
    ],
)
def test_what_a_part_cannot_mean_is_refused(tmp_path: Path, part: str, text: str, said: str) -> None:
    folder = copied(tmp_path)
    (folder / f"{part}.yaml").write_text(text)
    with pytest.raises(AssertionError, match=said):
        generator.generate(folder)
