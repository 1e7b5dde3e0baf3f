"""The stack that an operator means, and who the operator is."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import boto3

from local.stack.outputs import variables_of
from operations.deploy.stack import found, require_working

Aws = Callable[[str], Any]
"""Gives a boto3 client by a service's name."""
_SETTINGS = ("DUE_SHARDS", "ISSUER", "STRIPE_SECRET_ID", "STRIPE_API_BASE", "REPORT_BUCKET")
"""Variables of the deployed billing worker by which the product's code decides, beside its tables and its key."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack.

    Args:
        outputs: by their names in the template.
        operator: whoever holds the credentials, as the audit log names it.
    """

    name: str
    outputs: dict[str, str]
    operator: str
    aws: Aws


def entered(name: str) -> Stack:
    """The stack of a name, which the product's code in this process is about from now on.

    Called before anything of ``billing.bootstrap`` is, which keeps what it makes.

    Raises:
        Failure: there is none, or it does not work.
        botocore.exceptions.ClientError: the credentials may not ask.
    """
    aws: Aws = cast(Aws, boto3.client)
    outputs = require_working(found(aws("cloudformation"), name), name).outputs
    worker = aws("lambda").get_function_configuration(FunctionName=f"{name}-billing-worker", Qualifier="live")
    told = worker["Environment"]["Variables"]
    os.environ |= {each: told[each] for each in _SETTINGS if each in told} | variables_of(outputs)
    os.environ.setdefault("DATABASE_TIMEOUT_S", "30")  # no request waits for it, and the line may be a slow one
    os.environ |= {"STACK": name, "SIGNING_KEY_ID": outputs["SigningKeyId"], "POWERTOOLS_SERVICE_NAME": "operator"}
    return Stack(name, outputs, principal(aws("sts").get_caller_identity()["Arn"]), aws)


def principal(arn: str) -> str:
    """How the audit log names whoever has these credentials.

    >>> principal("arn:aws:sts::111122223333:assumed-role/Operators/ada")
    'operator:assumed-role/Operators/ada'
    """
    return f"operator:{arn.rpartition(':')[2]}"
