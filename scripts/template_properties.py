"""What resources of the template have alike: how an alias moves, keys of tables, log groups."""

from collections.abc import Iterable

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from scripts.template_yaml import flow, in_line, tagged


def gradual() -> CommentedMap:
    """How the alias of a function that answers requests moves to a new version; back again where the API has faults.

    Workers move at once: a queue has no share of its messages to try a version with.
    """
    alarms = in_line([tagged("!Ref", "ApiFaultsAlarm")])
    return CommentedMap(Enabled=tagged("!Ref", "GradualDeploys"), Type=tagged("!Ref", "DeployBy"), Alarms=alarms)


def key_schema(keys: Iterable[str]) -> CommentedSeq:
    """Hash key and, where there is one, range key."""
    return CommentedSeq(
        flow(AttributeName=each, KeyType=kind) for each, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    )


def log_group(name: str) -> CommentedMap:
    """A log group under the stack's key, kept for as long as the parameter says."""
    kept, key = tagged("!Ref", "LogRetentionDays"), tagged("!GetAtt", "Key.Arn")
    properties = CommentedMap(LogGroupName=tagged("!Sub", name), RetentionInDays=kept, KmsKeyId=key)
    return CommentedMap(
        Type="AWS::Logs::LogGroup", DeletionPolicy="Delete", UpdateReplacePolicy="Delete", Properties=properties
    )
