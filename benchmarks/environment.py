"""The environment of the product's functions, worked out from template.yaml: what it declares is made, and named.

A variable that a function gets in a deploy is here without anybody's thinking of it; one that nobody knows to make
stops the benchmark, with its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from local.stack.routes import template

_QUEUE = ("FifoQueue", "VisibilityTimeout")  # as long as deployed: no message that is being worked comes a second time

_KEY = ("KeySpec", "KeyUsage")


def function_variables(document: Mapping[str, Any]) -> dict[str, Any]:
    """Every variable of every function: a value, or the logical id of what it names (the tags are dropped)."""
    found = dict(document["Globals"]["Function"]["Environment"]["Variables"])
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            found |= resource["Properties"].get("Environment", {}).get("Variables", {})
    return found


def resolved(known: Mapping[str, str], make: Callable[[str, Mapping[str, Any]], str]) -> dict[str, str]:
    """Every variable of every function with a value of this machine's.

    Args:
        known: what the caller has made already, by the variable's name or by the logical id.
        make: makes a resource of the template that is not known, and returns its name.
    """
    document = template()
    resources, parameters = document["Resources"], document["Parameters"]
    made = {"AWS::StackName": "ledgerline-bench"} | dict(known)

    def value_of(name: str, said: Any) -> str:
        wanted = str(said).removesuffix(".Arn")
        if name in made:
            return made[name]
        if wanted in made:
            return made[wanted]
        if wanted in parameters:
            return str(parameters[wanted].get("Default", ""))
        if wanted not in resources:
            return str(said)
        made[wanted] = make(wanted, resources[wanted])
        return made[wanted]

    return {name: value_of(name, said) for name, said in sorted(function_variables(document).items())}


def furnished(known: Mapping[str, str]) -> dict[str, str]:
    """Make the queues, the bucket and the key that functions are told of; the whole environment.

    Raises:
        KeyError: a variable names something that nobody made.
    """
    return resolved(known, _made)


def _made(logical_id: str, resource: Mapping[str, Any]) -> str:
    """A queue's URL, a key's ARN, or a bucket's name."""
    if resource["Type"] == "AWS::KMS::Key":
        kind: Any = {name: resource["Properties"][name] for name in _KEY if name in resource["Properties"]}
        return str(boto3.client("kms").create_key(**kind)["KeyMetadata"]["Arn"])
    if resource["Type"] == "AWS::S3::Bucket":
        boto3.client("s3").create_bucket(Bucket=f"bench-{logical_id.lower()}")
        return f"bench-{logical_id.lower()}"
    if resource["Type"] != "AWS::SQS::Queue":
        raise KeyError(f"nobody made {logical_id}, a {resource['Type']}")
    properties = resource["Properties"]
    attributes: Any = {name: str(properties[name]).lower() for name in _QUEUE if name in properties}
    name = logical_id + (".fifo" if properties.get("FifoQueue") else "")
    return str(boto3.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def queue_arn(url: str) -> str:
    """What an SQS event calls the queue of a URL."""
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])
