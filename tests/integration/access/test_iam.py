"""Each function's IAM statements allow every DynamoDB call that it makes, and little else.

The emulators enforce no IAM: what is missing in a policy would be found on AWS, by a customer. So the calls of the
main job are recorded per function, and looked up in template.yaml.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from local.stack.routes import template
from tests.integration import lambdas
from tests.integration.access.walk import walk
from tests.integration.world import World
from tests.support.tables import plain_name

Needs = dict[str, set[tuple[str, str]]]
_TRANSACT = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


class Recorder:
    """Notes (action, table or table/index) for the function that is being called."""

    def __init__(self, tables: dict[str, str]) -> None:
        self.plain = {name: plain for plain, name in tables.items()}
        self.group: str | None = None
        self.needs: Needs = defaultdict(set)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.group is None:
            return
        for action, table in self._touched(model.name, params):
            self.needs[self.group].add((f"dynamodb:{action}", table))

    def _touched(self, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if operation == "TransactWriteItems":
            for item in params["TransactItems"]:
                ((kind, request),) = item.items()
                yield _TRANSACT[kind], self.plain[request["TableName"]]
        elif operation == "BatchGetItem":
            for table in params["RequestItems"]:
                yield operation, self.plain[table]
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            yield operation, self.plain[params["TableName"]] + index


@cache
def allowed() -> Needs:
    """What template.yaml lets each function do with the tables, by the folder of its code."""
    document = template()
    resources = document["Resources"]
    managed = {name: r["Properties"]["PolicyDocument"] for name, r in resources.items() if "ManagedPolicy" in r["Type"]}
    found: Needs = defaultdict(set)
    shared = document.get("Globals", {}).get("Function", {}).get("Policies", [])
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            group = resource["Properties"]["CodeUri"].rpartition("/")[2]
            for policy in [*shared, *resource["Properties"]["Policies"]]:
                granted = managed.get(policy, {"Statement": []}) if isinstance(policy, str) else policy
                for statement in granted["Statement"]:
                    found[group] |= set(_grants(statement))
    return found


def _grants(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    actions, targets = statement["Action"], statement["Resource"]
    for action in [actions] if isinstance(actions, str) else actions:
        for target in [targets] if isinstance(targets, str) else targets:
            match = re.fullmatch(r"\$?\{?(\w+Table)\.Arn\}?(/index/\w+)?", target)
            if match:
                yield action, plain_name(match[1]) + (match[2] or "")


@pytest.fixture(scope="module")
def needs(world: World) -> Needs:
    """The calls of a walk through every function."""
    from billing.bootstrap import storage

    recorder = Recorder(world.tables)
    plain_invoke = lambdas.invoke

    def invoke(group: str, lambda_event: Any) -> Any:
        recorder.group = group
        try:
            return plain_invoke(group, lambda_event)
        finally:
            recorder.group = None

    events = storage.database().client.meta.events
    events.register("provide-client-params.dynamodb.*", recorder.note)
    patch = pytest.MonkeyPatch()
    patch.setattr(lambdas, "invoke", invoke)
    walk(world)
    patch.undo()
    events.unregister("provide-client-params.dynamodb.*", recorder.note)
    return recorder.needs


def test_every_call_is_allowed(needs: Needs) -> None:
    missing = {group: sorted(calls - allowed()[group]) for group, calls in needs.items() if calls - allowed()[group]}
    assert missing == {}


def test_nothing_may_scan_or_delete() -> None:
    forbidden = {"dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:*", "dynamodb:BatchWriteItem"}
    assert {
        (group, action, table) for group, grants in allowed().items() for action, table in grants if action in forbidden
    } == set()


def test_a_function_that_only_reads_a_table_may_not_write_it(needs: Needs) -> None:
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem")
    excess = {
        (group, action, table)
        for group, grants in allowed().items()
        for action, table in grants
        if action in writes and (action, table) not in needs[group] and group in needs
    }
    assert excess == set()
