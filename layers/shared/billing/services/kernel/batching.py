"""Splits things into parts that a message or a call can take: not too many in each, and not too large."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def packed(things: Iterable[T], size_of: Callable[[T], int], most: int, largest: int) -> Iterator[list[T]]:
    """The things in their order, in parts that are as full as they can be.

    Args:
        size_of: gives a thing's size; a thing larger than ``largest`` is a part by itself.
        most: the most things in a part.
        largest: the largest size of a part.
    """
    part: list[T] = []
    size = 0
    for thing in things:
        more = size_of(thing)
        if part and (len(part) == most or size + more > largest):
            yield part
            part, size = [], 0
        part.append(thing)
        size += more
    if part:
        yield part
