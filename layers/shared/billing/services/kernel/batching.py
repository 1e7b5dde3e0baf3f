"""Things in parts that are neither too many nor too large: what a message or a call takes."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def packed(things: Iterable[T], size_of: Callable[[T], int], most: int, largest: int) -> Iterator[list[T]]:
    """The things in their order, in parts that are as full as they can be.

    Args:
        size_of: from a thing to its size; one that is larger than ``largest`` is a part by itself.
        most: so many are in a part at most.
        largest: and so large they are together.
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
