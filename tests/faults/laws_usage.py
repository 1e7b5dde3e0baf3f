"""What holds of usage at rest: what was counted in closed slots is what is billed, and costs what its periods say."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from tests.faults.books import Books, Json, micros


def usage(books: Books) -> Iterator[str]:
    """What is billed of each meter is what its closed slots show, and costs what its periods say that it cost.

    Closed are those before the slot that the subscription counts into. A closing whose commit failed left others that
    take nothing any more; they are billed with the next one. A component is the same in every plan that has its key.
    """
    components = {each["key"]: each for plan in books.bodies("plans") for each in plan["components"] if each["meter"]}
    meters = {each["key"]: each for each in books.bodies("meters")}
    for subscription in books.bodies("subscriptions"):
        items = _slots(books, subscription["id"])
        name = f"subscription {subscription['id']}"
        yield from (
            f"{name}: slot {slot} of {meter} is open, and {subscription['usage_slot']} is counted into"
            for slot, meter, item in items
            if slot < subscription["usage_slot"] and meter in subscription["meters"] and "closed" not in item
        )
        own = [each for each in books.bodies("invoices") if each["subscription_id"] == subscription["id"]]
        lines = [*subscription["pending"], *(line for invoice in own for line in invoice["lines"])]
        # Components of one meter that filter alike share what it shows, each from when its plan came.
        alike: dict[str, list[Json]] = defaultdict(list)
        for component in components.values():
            alike[json.dumps([component["meter"], component["filters"]], sort_keys=True)].append(component)
        for same in alike.values():
            keys = {each["key"] for each in same}
            shown = _shown(books, subscription, same, meters[same[0]["meter"]], items)
            billed = sum((Decimal(line["quantity"] or 0) for line in lines if line["component"] in keys), Decimal(0))
            if shown != billed:
                yield f"{name}: closed slots show {shown} of {same[0]['meter']}, and {billed} are billed"
        yield from (f"{name}: {problem}" for problem in _charges(books, subscription, own, lines, components))


def _shown(
    books: Books, subscription: Json, same: list[Json], meter: Json, items: list[tuple[int, str, Json]]
) -> Decimal:
    """What closed slots show, of periods that were billed, and of the parts of them whose plan prices the meter."""
    group_by, filters = same[0]["group_by"], same[0]["filters"]
    cells: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for slot, key, item in items:
        for name, value in item.items():
            text, _, dimensions = name.partition(" ")
            start, _, rest = text.partition("/")
            if key != meter["key"] or slot >= subscription["usage_slot"] or not rest or rest.endswith("/trial"):
                continue
            end, _, since = rest.partition("/")
            if not _was_billed(books, subscription, start, end):
                continue
            values = dict(zip(meter["dimensions"], json.loads(dimensions or "[]"), strict=True))
            if all(values[each] in wanted for each, wanted in filters.items()):
                group = json.dumps([values[each] for each in group_by])
                cells[f"{start}/{end}", group][since or start].append(value)
    keys = {each["key"] for each in same}
    total = Decimal(0)
    for parts in cells.values():
        so_far: list[str] = []
        for begins in sorted(parts, key=datetime.fromisoformat):
            before = _together(meter["aggregation"], so_far)
            so_far += parts[begins]
            if keys & _priced(books, subscription, begins):
                total += _together(meter["aggregation"], so_far) - before
    return total


def _priced(books: Books, subscription: Json, begins: str) -> set[str]:
    """The components of the plan that was in force then, or when the subscription began."""
    at = max(_time(begins), _time(subscription["began_at"] or subscription["created_at"]))
    named = {"plan_id": subscription["plan_id"], "plan_version": subscription["plan_version"]}
    key = next((past["plan"] for past in subscription["past_terms"] if at < _time(past["until"])), named)
    (plan,) = {
        each["id"]: each
        for each in books.bodies("plans")
        if (each["id"], each["plan_version"]) == (key["plan_id"], key["plan_version"])
    }.values()
    return {each["key"] for each in plan["components"]}


def _was_billed(books: Books, subscription: Json, start: str, end: str) -> bool:
    """Whether a period was billed: what comes before it begins waits for that."""
    if subscription["state"] == "canceled":
        return _time(start) < _time(subscription["canceled_at"])
    if _time(start) < _time(subscription["current_period"]["start"]):
        return True
    key = f"{subscription['id']}#{start}/{end}"
    return any(each["id"] == key and each["charges"] for each in _usage_periods(books))


def _charges(
    books: Books, subscription: Json, invoices: list[Json], lines: list[Json], components: dict[str, Json]
) -> Iterator[str]:
    """What the periods say that was billed is on the lines; what was void or credited is forgiven there."""
    if any(each["status"] == "void" or each["credits"] for each in invoices):
        return
    billed: Counter[str] = Counter()
    for period in _usage_periods(books):
        if period["subscription_id"] == subscription["id"]:
            for charge in period["charges"]:
                billed[charge["component"]] += sum(_net(line) for line in charge["lines"])
    for line in lines:
        if line["component"] in components:
            billed[line["component"]] -= _net(line)
    yield from (f"{key} is billed, by its periods, {more} more than on lines" for key, more in billed.items() if more)


def _usage_periods(books: Books) -> Iterator[Json]:
    """The periods of all histories."""
    for history in books.bodies("usage_periods"):
        yield from history["periods"]


def _net(line: Json) -> int:
    """What a line comes to without its discounts: a credit is net of those of what it gives back."""
    return micros(line["amount"]) - sum(micros(each["amount"]) for each in line["discounts"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _together(aggregation: str, values: list[str]) -> Decimal:
    if not values:
        return Decimal(0)
    if aggregation == "last":  # an order, a separator, and the number
        return Decimal(max(values).partition("\x1f")[2])
    if aggregation == "max":
        return max(map(Decimal, values))
    return sum(map(Decimal, values), Decimal(0))


def _slots(books: Books, subscription_id: str) -> list[tuple[int, str, Json]]:
    """Items of totals: slot, meter, and the item itself."""
    found: list[tuple[int, str, Json]] = []
    for row in books.rows["usage_totals"]:
        kind, *parts = row["item"].split("#")
        if kind == "total" and row["subscription_key"].endswith(f"#{subscription_id}"):
            found.append((int(parts[0]), parts[1], row))
    return found


def metered(books: Books) -> set[str]:
    """The components that bill usage."""
    return {each["key"] for plan in books.bodies("plans") for each in plan["components"] if each["meter"]}
