"""Functions learn the names of their tables from one short variable, whatever CloudFormation calls a table."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.config import Settings, named_tables, tables_variable
from local.stack.outputs import variables_of as operators
from tests.support.tables import plain_name, table_definitions
from tests.support.transformed import functions, of_type, tables_of, variables_of

TABLES = sorted(of_type("AWS::DynamoDB::Table"))
NAMES = st.text("abcXYZ019_.-", min_size=3, max_size=40)


def evaluated(value: Any, names: dict[str, str]) -> Any:
    """What CloudFormation makes of the functions that the variable is written with."""
    match value:
        case {"Fn::Sub": [str(text), dict(parts)]}:
            return re.sub(r"\$\{(\w+)\}", lambda found: str(evaluated(parts[found[1]], names)), text)
        case {"Fn::Join": [str(between), whole]}:
            return between.join(evaluated(whole, names))
        case {"Fn::Split": [str(at), whole]}:
            return evaluated(whole, names).split(at)
        case {"Ref": str(logical_id)}:
            return names[logical_id]
    raise AssertionError(value)


def told(function: str, names: dict[str, str]) -> dict[str, str]:
    """The settings' tables of a function in a stack that has them under such names."""
    text = evaluated(variables_of(function)["TABLES"], names)
    return Settings.from_environment({"TABLES": text, "KMS_KEY_ID": "key"}).tables


@pytest.mark.parametrize("stack", ["ledgerline-staging", "a-CustomersTable-b", "x"])
def test_a_function_gets_the_names_that_cloudformation_made(stack: str) -> None:
    names = {each: f"{stack}-{each}-1ABCDEFGHIJKL" for each in TABLES}
    for each in functions().values():
        wanted = {plain_name(table): names[f"{table}Table"] for table in tables_of(each["name"])}
        if wanted:
            assert told(each["name"], names) == wanted


@given(st.data())
def test_any_other_name_arrives_too(data: st.DataObject) -> None:
    """A restored table comes into the stack under the name that it was restored under (docs/operations.md)."""
    parts = st.sampled_from([f"-{each}-" for each in TABLES])
    names = {each: "".join(data.draw(st.tuples(NAMES, parts, NAMES) | st.tuples(NAMES))) for each in TABLES}
    wanted = {plain_name(table): names[f"{table}Table"] for table in tables_of("BillingWorkerFunction")}
    assert told("BillingWorkerFunction", names) == wanted


def test_a_plain_name_says_which_table_of_the_template_it_is() -> None:
    """A name that the reader would spell otherwise (``OAuth``) would be read wrongly."""
    short = named_tables(" ".join(f"{plain}=stack/1A" for plain in table_definitions()))
    assert sorted(short.values()) == [f"stack-{each}-1A" for each in TABLES]


@given(st.dictionaries(st.text("abc_", min_size=1), NAMES))
def test_full_names_are_read_as_they_are_written(names: dict[str, str]) -> None:
    assert named_tables(tables_variable(names)) == names


def test_an_operators_command_knows_every_table_of_the_stack() -> None:
    outputs = {f"Table{each.removesuffix('Table')}": f"ledgerline-dev-{each}-1ABCDEFGHIJKL" for each in TABLES}
    settings = Settings.from_environment(operators(outputs | {"KeyId": "key", "ApiUrl": "https://api.example"}))
    assert settings.tables == {plain_name(each): f"ledgerline-dev-{each}-1ABCDEFGHIJKL" for each in TABLES}
    assert settings.kms_key_id == "key"
