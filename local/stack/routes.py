"""What a deploy on the emulator still lacks: the HTTP API's routes, TTL, recovery, a concurrency for a small machine.

On AWS they come from the OpenAPI body that SAM makes of the template's; the emulator makes the API but ignores
the body. A table's TTL and its point-in-time recovery are ignored as well. So they are put in after a deploy, from
the same file.
"""

import os
import re
from functools import cache
from typing import Any

import yaml

from local.stack.deploy import client
from local.stack.settings import ROOT, STACK_NAME, Ports

ALIAS = "live"
WORKERS = (os.cpu_count() or 1) + 1
"""Of a function that a queue feeds: one waits for the emulator while the others work."""


SERVED_BY = re.compile(r"functions/\$\{(\w+)Aliaslive\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # ten times as quick, where it is
    """Reads CloudFormation's short tags (!Ref, !Sub, !GetAtt, ...) as plain values."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)


@cache
def template() -> dict[str, Any]:
    """The template as plain data; everybody gets the same, to read."""
    # A subclass of SafeLoader: it makes no objects.
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)  # noqa: S506
    return loaded


def api_routes(document: dict[str, Any]) -> dict[str, list[str]]:
    """Route keys by the logical id of the function that serves them, from the API's OpenAPI document."""
    found: dict[str, list[str]] = {}
    for path, methods in document["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"].items():
        (method,) = methods.values()
        served_by = SERVED_BY.search(method["x-amazon-apigateway-integration"]["uri"])
        assert served_by, path
        key = "$default" if method.get("isDefaultRoute") else f"ANY {path}"
        found.setdefault(served_by[1], []).append(key)
    return found


def function_names(document: dict[str, Any]) -> dict[str, str]:
    """Deployed function names by logical id."""
    return {
        logical_id: resource["Properties"]["FunctionName"].replace("${AWS::StackName}", STACK_NAME)
        for logical_id, resource in document["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def create_routes(ports: Ports, api_id: str) -> int:
    """Give the emulator's API an integration per function and a route per path; return how many routes."""
    gateway, functions = client("apigatewayv2", ports), client("lambda", ports)
    document = template()
    names = function_names(document)
    clear_routes(gateway, api_id)
    count = 0
    for logical_id, keys in api_routes(document).items():
        # The alias, not the function: that is what SAM points the API at, and a deploy moves it.
        arn = functions.get_alias(FunctionName=names[logical_id], Name=ALIAS)["AliasArn"]
        integration = gateway.create_integration(
            ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        for key in keys:
            target = f"integrations/{integration['IntegrationId']}"
            gateway.create_route(ApiId=api_id, RouteKey=key, Target=target)
            count += 1
    return count


def clear_routes(gateway: Any, api_id: str) -> None:
    """Forget what an earlier deploy put there: a path may have moved to another function."""
    for route in gateway.get_routes(ApiId=api_id, MaxResults="500")["Items"]:
        gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for integration in gateway.get_integrations(ApiId=api_id, MaxResults="500")["Items"]:
        gateway.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])


def limit_concurrency(ports: Ports) -> None:
    """Let a queue start no more workers than this machine has work for: fifty cold starts on two cores take minutes."""
    functions = client("lambda", ports)
    limits = {"MaximumConcurrency": WORKERS}
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if ":sqs:" not in mapping["EventSourceArn"]:
            continue  # of a stream, one batch is worked at a time
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=limits)


def enable_recovery(ports: Ports, outputs: dict[str, str]) -> None:
    """Switch on the point-in-time recovery that every table of the template asks for."""
    dynamodb = client("dynamodb", ports)
    wanted = {"PointInTimeRecoveryEnabled": True}
    for table in (name for output, name in outputs.items() if output.startswith("Table")):
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=wanted)


def enable_ttl(ports: Ports, outputs: dict[str, str]) -> None:
    """Switch on each TTL that the template asks for. Table names are in the outputs, as TableEvents."""
    dynamodb = client("dynamodb", ports)
    for logical_id, resource in template()["Resources"].items():
        ttl = resource["Properties"].get("TimeToLiveSpecification") if "Properties" in resource else None
        if ttl and resource["Type"] == "AWS::DynamoDB::Table":
            name = outputs["Table" + logical_id.removesuffix("Table")]
            described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            if described["TimeToLiveStatus"] != "ENABLED":
                dynamodb.update_time_to_live(
                    TableName=name,
                    TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["AttributeName"]},
                )
