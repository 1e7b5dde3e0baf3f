"""A deployed stack as CloudFormation tells of it, and where it is reached."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.console import Failure

GOOD_STATES = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""States in which a stack works; after a rollback it is what it was before."""
ONLY_A_NAME = "REVIEW_IN_PROGRESS"
"""A first change set that nobody executed: the stack has a name, and nothing else. The next deploy makes it."""


class Names(dict[str, str]):
    """Names by what they are of; one that the stack has not is a failure that says so."""

    def __missing__(self, name: str) -> str:
        raise Failure(f"the stack tells nothing of {name}: it is of another release; deploy this one")


@dataclass(frozen=True)
class Stack:
    """What there is under a name.

    Args:
        place: the account and the Region, ``111122223333/us-east-1``: a name is taken once in each.
        parameters: as the last deploy left them.
    """

    name: str
    place: str
    status: str
    outputs: dict[str, str]
    parameters: dict[str, str]

    @property
    def stripe_api_base(self) -> str:
        """Where the stack asks Stripe; so do we, on its behalf."""
        return self.parameters["StripeApiBase"]

    @property
    def tables(self) -> dict[str, str]:
        """Names of the tables, as the product's code names them."""
        found = {each.removeprefix("Table"): name for each, name in self.outputs.items() if each.startswith("Table")}
        plain = {each: "".join(f"_{c.lower()}" if c.isupper() else c for c in each).lstrip("_") for each in found}
        return Names({plain[each]: name for each, name in found.items()})


@dataclass(frozen=True)
class Addresses:
    """Where a stack is reached.

    Args:
        webhook, connect_webhook: what Stripe is given: for the account, and for the accounts connected to it.
    """

    api: str
    webhook: str
    connect_webhook: str

    @classmethod
    def of(cls, stack: Stack, api: str | None, webhook: str | None, connect_webhook: str | None) -> "Addresses":
        """The stack's own, or others that lead to it."""
        return cls(
            (api or stack.outputs["ApiUrl"]).rstrip("/"),
            webhook or stack.outputs["StripeWebhookUrl"],
            connect_webhook or stack.outputs["StripeConnectWebhookUrl"],
        )


def found(cloudformation: Any, name: str) -> Stack | None:
    """The stack of a name; None where there is none."""
    try:
        told = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    outputs = Names({each["OutputKey"]: each["OutputValue"] for each in told.get("Outputs", [])})
    parameters = Names({each["ParameterKey"]: each["ParameterValue"] for each in told.get("Parameters", [])})
    return Stack(name, place_of(told["StackId"]), told["StackStatus"], outputs, parameters)


def place_of(arn: str) -> str:
    """The account and the Region of what an ARN names.

    >>> place_of("arn:aws:cloudformation:us-east-1:111122223333:stack/ledgerline-dev/4f7b0a5e")
    '111122223333/us-east-1'
    """
    region, account = arn.split(":")[3:5]
    return f"{account}/{region}"


def waiting_change_sets(cloudformation: Any, name: str) -> set[str]:
    """The ids of a stack's change sets that could be executed, and are not."""
    try:
        pages = list(cloudformation.get_paginator("list_change_sets").paginate(StackName=name))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # there is no stack yet
            return set()
        raise
    found = [each for page in pages for each in page["Summaries"]]
    return {each["ChangeSetId"] for each in found if each.get("ExecutionStatus") == "AVAILABLE"}


def require_deployable(stack: Stack | None) -> None:
    """Nothing stands in the way of a deploy.

    Raises:
        Failure: the stack is in a state in which CloudFormation changes nothing.
    """
    if stack is None or stack.status in GOOD_STATES or stack.status == ONLY_A_NAME:
        return
    name, status = stack.name, stack.status
    if status.endswith("_IN_PROGRESS"):
        raise Failure(f"{name} is {status}: somebody deploys it now; wait until that is over")
    if status == "ROLLBACK_COMPLETE":
        raise Failure(f"{name} never came up: aws cloudformation delete-stack --stack-name {name}, then deploy again")
    if status == "UPDATE_ROLLBACK_FAILED":
        raise Failure(f"{name} is half-way: aws cloudformation continue-update-rollback --stack-name {name}")
    raise Failure(f"{name} is {status}: look at its events in the CloudFormation console, mend that, deploy again")


def require_working(stack: Stack | None, name: str) -> Stack:
    """A stack that works.

    Raises:
        Failure: there is none, or it does not.
    """
    if stack is None:
        raise Failure(f"there is no stack {name} in this account and Region: deploy it, or set AWS_PROFILE, AWS_REGION")
    if stack.status == ONLY_A_NAME:
        raise Failure(
            f"{name} was never made, for nobody executed its change set: deploy it, and say y to the question"
        )
    if stack.status not in GOOD_STATES:
        raise Failure(f"{name} is {stack.status}: look at its events in the CloudFormation console, then deploy again")
    return stack
