"""EventBridge buses that events may go to: a tenant's own, and never ours."""

import re

from billing.domain.webhooks.addresses import BadTarget

LONGEST_ARN = 400
_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):events:(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+):(?P<account>[0-9]{12})"
    r":event-bus/(?P<name>[A-Za-z0-9._/-]{1,256})"
)


def check_bus(arn: str, own_account: str, region: str) -> None:
    """Refuse a bus that events may not go to.

    PutEvents takes any ARN that the caller's role lets through, so a bus of our own account would be within our own
    reach: whoever named it would have us deliver into our own house (the confused deputy). What lies in another account
    decides by the bus's own policy, which has to name us and, as a condition, the tenant (``events:source``).

    Args:
        arn: of the bus.
        own_account: the account that this stack is in.
        region: that this stack is in; PutEvents reaches no other.

    Raises:
        BadTarget: the reason is ``invalid_format``, ``other_partition``, ``other_region`` or ``own_account``.
    """
    parts = _ARN.fullmatch(arn)
    if parts is None or len(arn) > LONGEST_ARN or parts["name"].startswith(("/", "aws.partner/")):
        raise BadTarget("invalid_format")
    if parts["partition"] != partition_of(region):
        raise BadTarget("other_partition")
    if parts["region"] != region:
        raise BadTarget("other_region")
    if parts["account"] == own_account or not own_account:
        raise BadTarget("own_account")


def partition_of(region: str) -> str:
    """Which of AWS's partitions a region is in."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
