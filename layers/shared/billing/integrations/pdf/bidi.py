"""Right-to-left text: the order in which the runs of one line are drawn.

The Unicode Bidirectional Algorithm (UAX #9) without explicit embeddings and isolates, which `text.clean`
takes out of user text beforehand (in a company's name they serve only to make it read as another). It is
written out here because the ready implementations on PyPI are under the LGPL.
"""

from __future__ import annotations

from itertools import groupby
from unicodedata import bidirectional

_CLOSING = {")": "(", "]": "[", "}": "{"}
_OPENING = frozenset(_CLOSING.values())
_NEUTRAL = frozenset({"B", "S", "WS", "ON"})
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


def base_level(text: str) -> int:
    """0 for a left-to-right paragraph, 1 for a right-to-left one, by its first strong letter (P2, P3)."""
    for char in text:
        kind = bidirectional(char)
        if kind in _RIGHT_TO_LEFT:
            return 1
        if kind == "L":
            return 0
    return 0


def levels(text: str, base: int) -> list[int]:
    """The embedding level of each character; odd ones are drawn from right to left."""
    if base == 0 and text.isascii():
        return [0] * len(text)
    original = [bidirectional(char) or "L" for char in text]
    kinds = _resolve_weak(original, "R" if base else "L")
    _resolve_brackets(text, kinds, base)
    _resolve_neutral(kinds, base)
    result = [_implicit_level(kind, base) for kind in kinds]
    _reset_trailing_space(original, result, base)
    return result


def visual_order(run_levels: list[int]) -> list[int]:
    """Indices of the runs from left to right (rule L2)."""
    order = list(range(len(run_levels)))
    odd = [level for level in run_levels if level % 2]
    for level in range(max(run_levels, default=0), min(odd, default=1) - 1, -1):
        start = 0
        for is_run, group in groupby(order, key=lambda index: run_levels[index] >= level):
            end = start + len(list(group))
            if is_run:
                order[start:end] = order[start:end][::-1]
            start = end
    return order


def _resolve_weak(original: list[str], sor: str) -> list[str]:
    kinds = _marks_and_numbers(original, sor)
    _join_separators(kinds)
    _join_terminators(kinds)
    last_strong = sor
    for index, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS", "BN"):  # W6
            kinds[index] = "ON"
        elif kind in ("L", "R"):
            last_strong = kind
        elif kind == "EN" and last_strong == "L":  # W7
            kinds[index] = "L"
    return kinds


def _marks_and_numbers(original: list[str], sor: str) -> list[str]:
    kinds: list[str] = []
    last_strong = sor
    for given in original:
        kind = given
        if kind == "NSM":  # W1
            kind = kinds[-1] if kinds else sor
        if kind in ("L", "R", "AL"):
            last_strong = kind
        elif kind == "EN" and last_strong == "AL":  # W2
            kind = "AN"
        kinds.append(kind)
    return ["R" if kind == "AL" else kind for kind in kinds]  # W3


def _join_separators(kinds: list[str]) -> None:
    for index in range(1, len(kinds) - 1):  # W4: 1.5 and 1,5 are one number
        before, kind, after = kinds[index - 1 : index + 2]
        if before == after and ((kind == "CS" and before in ("EN", "AN")) or (kind == "ES" and before == "EN")):
            kinds[index] = before


def _join_terminators(kinds: list[str]) -> None:
    start = 0
    for kind, group in groupby(list(kinds)):  # W5: 5% and $5 are one number
        end = start + len(list(group))
        if kind == "ET" and ("EN" in kinds[max(0, start - 1) : start] or "EN" in kinds[end : end + 1]):
            kinds[start:end] = ["EN"] * (end - start)
        start = end


def _strong(kind: str) -> str | None:
    if kind in ("EN", "AN", "R"):
        return "R"
    return "L" if kind == "L" else None


def _resolve_brackets(text: str, kinds: list[str], base: int) -> None:
    """Rule N0: both brackets of a pair get one direction, or `אבג (דהו) Ltd` closes on the wrong side."""
    embedding = "R" if base else "L"
    for start, end in _bracket_pairs(text, kinds):
        inside = {_strong(kind) for kind in kinds[start + 1 : end]} - {None}
        if not inside:
            continue
        direction = embedding
        if embedding not in inside:
            before = next((s for s in map(_strong, reversed(kinds[:start])) if s), embedding)
            direction = before
        kinds[start] = kinds[end] = direction


def _bracket_pairs(text: str, kinds: list[str]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    stack: list[int] = []
    for index, char in enumerate(text):
        if kinds[index] != "ON":
            continue
        if char in _OPENING:
            stack.append(index)
        elif char in _CLOSING:
            for depth in range(len(stack) - 1, -1, -1):
                if text[stack[depth]] == _CLOSING[char]:
                    pairs.append((stack[depth], index))
                    del stack[depth:]
                    break
    return sorted(pairs)


def _resolve_neutral(kinds: list[str], base: int) -> None:
    embedding = "R" if base else "L"
    start = 0
    for neutral, group in groupby(list(kinds), key=_NEUTRAL.__contains__):  # N1, N2
        end = start + len(list(group))
        if neutral:
            before = _strong(kinds[start - 1]) if start else embedding
            after = _strong(kinds[end]) if end < len(kinds) else embedding
            kinds[start:end] = [before if before == after and before else embedding] * (end - start)
        start = end


def _implicit_level(kind: str, base: int) -> int:
    if base == 0:
        return {"R": 1, "AN": 2, "EN": 2}.get(kind, 0)  # I1
    return 1 if kind == "R" else 2  # I2


def _reset_trailing_space(original: list[str], result: list[int], base: int) -> None:
    for index in range(len(original) - 1, -1, -1):  # L1
        if original[index] not in ("WS", "S", "B", "BN"):
            return
        result[index] = base
