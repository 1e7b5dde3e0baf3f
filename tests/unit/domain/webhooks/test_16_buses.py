"""Issue 16, scenario 42: which EventBridge buses events may go to."""

import pytest

from billing.domain.webhooks.addresses import BadTarget
from billing.domain.webhooks.buses import check_bus, partition_of

OURS, REGION = "999988887777", "eu-central-1"


def arn(partition: str = "aws", region: str = REGION, account: str = "111122223333", name: str = "ledgerline") -> str:
    return f"arn:{partition}:events:{region}:{account}:event-bus/{name}"


@pytest.mark.parametrize("name", ["default", "ledgerline", "team/orders.v1_x-y"])
def test_16_a_bus_of_another_account_is_one(name: str) -> None:
    check_bus(arn(name=name), OURS, REGION)


@pytest.mark.parametrize(
    ("bus", "reason"),
    [
        (arn(account=OURS), "own_account"),
        (arn(region="us-east-1"), "other_region"),
        (arn("aws-cn"), "other_partition"),
        (arn("aws-us-gov"), "other_partition"),
        (arn(account="1111"), "invalid_format"),
        (arn(account=""), "invalid_format"),
        (arn(name=""), "invalid_format"),
        (arn(name="a b"), "invalid_format"),
        (arn(name="a\nb"), "invalid_format"),
        (arn() + "\n", "invalid_format"),
        (arn(name="x" * 257), "invalid_format"),
        (arn(name="aws.partner/example.com/1"), "invalid_format"),
        (arn().replace(":events:", ":sqs:"), "invalid_format"),
        (arn().replace("event-bus/", "rule/"), "invalid_format"),
        ("ledgerline", "invalid_format"),
        ("", "invalid_format"),
    ],
)
def test_16_scenario_42_a_bus_that_events_may_not_go_to_says_why(bus: str, reason: str) -> None:
    with pytest.raises(BadTarget) as refused:
        check_bus(bus, OURS, REGION)
    assert refused.value.reason == reason


def test_16_a_stack_that_does_not_know_its_account_sends_to_no_bus() -> None:
    """Else a forgotten variable would make our own buses everybody's."""
    with pytest.raises(BadTarget):
        check_bus(arn(), "", REGION)


def test_16_partitions() -> None:
    assert [partition_of(each) for each in ("eu-central-1", "cn-north-1", "us-gov-west-1")] == [
        "aws",
        "aws-cn",
        "aws-us-gov",
    ]
