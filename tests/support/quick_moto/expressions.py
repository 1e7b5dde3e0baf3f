"""Conditions and updates are parsed once for each text; what is named in them is looked up each time.

A tree depends on its text alone. The names (``#name``) and values (``:value``) of a request come in when moto makes
operators of a condition's tree, or walks over a copy of an update's, which it does each time.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

from moto.dynamodb.comparisons import AttributePath, AttributeValue, ConditionExpressionParser
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser


def quicken() -> None:
    """Have moto remember what it parsed."""
    conditions = ConditionExpressionParser
    conditions.parse = _parsed_once(conditions.parse)
    conditions._make_operand = _of_its_own_words(conditions._make_operand)
    UpdateExpressionParser.make = staticmethod(cache(UpdateExpressionParser.make))
    validators.deepcopy = _copied  # type: ignore[attr-defined]
    DepthFirstTraverser.traverse_node_recursively = _walked


class _Trees(ConditionExpressionParser):
    """Parses, and makes no operators."""

    def _make_op_condition(self, node: Any) -> Any:
        return node


def _parsed_once(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A condition's operators, made of the tree that the same text had before."""
    known: dict[str, tuple[Any, list[str], list[str]]] = {}

    def wrapped(parser: ConditionExpressionParser) -> Any:
        if not parser.condition_expression or type(parser) is not ConditionExpressionParser:
            return parse(parser)
        said = parser.condition_expression
        if said not in known:
            reader = _Trees(said, parser.expression_attribute_names, parser.expression_attribute_values)
            known[said] = (parse(reader), reader.expr_attr_names_found, reader.expr_attr_values_found)
        tree, found_names, found_values = known[said]
        parser.expr_attr_names_found.extend(found_names)
        parser.expr_attr_values_found.extend(found_values)
        return parser._make_op_condition(tree)

    return wrapped


def _of_its_own_words(make_operand: Callable[..., Any]) -> Callable[..., Any]:
    """Values and names of this request: the tree may be of one with others."""
    kinds = ConditionExpressionParser.Kind

    def wrapped(parser: ConditionExpressionParser, node: Any) -> Any:
        if node.kind == kinds.EXPRESSION_ATTRIBUTE_VALUE:
            return AttributeValue(parser._lookup_expression_attribute_value(node.text))
        if node.kind == kinds.PATH:
            return AttributePath([_named(parser, each) for each in node.children])
        return make_operand(parser, node)

    return wrapped


def _named(parser: ConditionExpressionParser, node: Any) -> Any:
    return parser._lookup_expression_attribute_name(node.text) if node.text.startswith("#") else node.value


def _copied(each: Any) -> Any:
    """A deep copy; of a tree without the general way's detours, for each of its nodes hangs in one place."""
    if type(each) is str:
        return each
    if not isinstance(each, Node):
        return deepcopy(each)
    made = object.__new__(type(each))
    made.__dict__.update(vars(each))
    if each.children is not None:
        made.children = [_copied(child) for child in each.children]
        for child in made.children:
            if isinstance(child, Node):
                child.parent = made
    return made


def _walked(walker: DepthFirstTraverser, node: Any, child_id: int = -1, wanted: Any = None) -> Any:
    """moto's own walk (``DepthFirstTraverser.traverse_node_recursively``); what it looks for is listed once."""
    if not _is_of(type(node), Node):
        return node
    wanted = wanted or walker._processing_map()
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        walker.pre_processing_of_child(node, number)
        _walked(walker, child, number, wanted)
    for kind, process in wanted.items():
        if _is_of(type(node), kind):
            node = process(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
            break
    return node


_is_of = cache(issubclass)
