"""Words of CloudFormation as YAML, in the form in which template.yaml has them; names as it makes them."""

import re
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.tag import Tag

Json = Any


def loader() -> YAML:
    """Reads and writes YAML with its comments and CloudFormation's short tags."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # a folded scalar would be another text
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def tagged(tag: str, value: str) -> TaggedScalar:
    """``!Ref Value`` and its like."""
    return TaggedScalar(value=value, style='"' if tag == "!Sub" else None, tag=Tag(suffix=tag))


def flow(**values: Json) -> CommentedMap:
    """A mapping on one line."""
    made = CommentedMap(values)
    made.fa.set_flow_style()
    return made


def in_line(values: Iterable[Json]) -> CommentedSeq:
    """A list on one line."""
    made = CommentedSeq(values)
    made.fa.set_flow_style()
    return made


def intrinsic(tag: str, values: CommentedSeq) -> CommentedSeq:
    """``!If [...]`` and its like."""
    values.yaml_set_ctag(Tag(suffix=tag))
    return values


def condition(name: str, then: Json, otherwise: Json | None = None) -> CommentedSeq:
    """``!If [name, then, otherwise]``; without ``otherwise``, the property is left out."""
    return intrinsic("!If", in_line([name, then, tagged("!Ref", "AWS::NoValue") if otherwise is None else otherwise]))


def tags() -> CommentedSeq:
    """The tags of everything that has any."""
    return CommentedSeq([flow(Key="project", Value="ledgerline"), flow(Key="stage", Value=tagged("!Ref", "Stage"))])


def as_list(value: Json) -> list[Json]:
    """A single value is a list of one."""
    return list(value) if isinstance(value, list) else [value]


def dashed(name: str) -> str:
    """StripeWebhook -> stripe-webhook."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def under(name: str) -> str:
    """StripeWebhook -> stripe_webhook."""
    return dashed(name).replace("-", "_")
