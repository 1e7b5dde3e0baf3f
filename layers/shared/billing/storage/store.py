"""Reading entities: batches, pages, and the tenant directory. ``unit_of_work`` writes them."""

import json
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from billing.domain.kernel.entity import Entity
from billing.domain.kernel.errors import Unauthenticated
from billing.domain.kernel.times import sort_key
from billing.domain.tenant import PLATFORM, SETTINGS_ID, Tenant
from billing.services.kernel.work import Found, Page, Query, Ref
from billing.storage.codec import Sealer, decode, encode
from billing.storage.cursors import SealedCursors
from billing.storage.database import Database, Key, hash_name, raw, table_name
from billing.storage.packing import unpack
from billing.storage.registry import REGISTRY, Stored, join
from billing.storage.tables import PlanItem, TenantItem

E = TypeVar("E", bound=Entity)
_INDEX_KEYS = {
    "customer": "customer_key",
    "subscription": "subscription_key",
    "invoice": "invoice_key",
    "payment": "payment_key",
    "intent": "intent_key",
    "email": "email_key",
    "stripe": "stripe_key",
    "number": "number_key",
    "account": "account_key",
    "pending": "pending_key",
    "marketplace": "marketplace_key",
    "platform": "platform_key",
    "transaction": "transaction_key",
    "cash": "cash_key",
    "open": "open_key",
    "user": "user_key",
    "failed": "failed_key",
}
_BLIND = {"email"}
_LISTS = {"marketplace", "platform", "failed"}
"""Indexes in another order than that of ids: of what belongs to others than the tenant that lists it, and _SOONEST."""
_SOONEST = {"failed"}
"""Indexes by when something comes, read from the first to come."""
_PAGES_AT_MOST = 20
_LONGEST_ID = 256
_FILTERED_PAGE = 100
_PAGE_TEXT = 2_000_000
"""A page ends early, with a cursor, after this many characters of stored text (a few invoices of 500 lines): Lambda
answers with 6 MB at most, and the API's form of an entity is about as long as the stored one."""


class Store:
    """Typed reads over the tables."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.sealer = sealer
        self._cursors = SealedCursors(sealer)

    def load(self, refs: Iterable[Ref[Any]], extra: dict[Any, set[Key]]) -> tuple[Found, dict[Any, dict[Key, Any]]]:
        """All of ``refs`` in one consistent batch, with ``extra`` raw items (the idempotency record) beside them."""
        keys = {model: set(wanted) for model, wanted in extra.items()}
        places = {ref: _place(ref) for ref in refs if _may_exist(ref)}
        for stored, key in places.values():
            keys.setdefault(stored.model, set()).add(key)
        if not keys:
            return Found({}), {}
        items = self.database.batch_get(keys)
        entities = {}
        for ref, (stored, key) in places.items():
            item = items[stored.model].get(key)
            if item is not None:
                entities[ref] = self._decode(ref.kind, item, ref.tenant_id, ref.id)
        return Found(entities), items

    def query(self, query: Query[E], tenant_id: str) -> Page[E]:
        """A page of a tenant's entities, or of the platform's for it, newest first (ids sort by time)."""
        owner_id = PLATFORM if query.of_platform else query.of_tenant or tenant_id
        if query.index not in _BLIND or len(query.value or "") > _LONGEST_ID:
            return self._query(query, tenant_id, query.value or "")
        keys = self.sealer.blinds(owner_id, (query.value or "").casefold())
        pages = [self._query(query, tenant_id, each) for each in keys]
        return pages[0] if len(pages) == 1 else self._merged(pages, query, tenant_id)

    def _merged(self, pages: list[Page[E]], query: Query[E], tenant_id: str) -> Page[E]:
        """One page of several that begin at the same place: while an index is made anew, some are under each key.

        An item that moved from one to the other in between is on both.
        """
        stored = REGISTRY[query.kind]
        ended = [stored.id_of(page.items[-1]) for page in pages if page.next_cursor and page.items]
        found = {stored.id_of(each): each for page in pages for each in page.items}
        # What comes after the end of one page is not known of that one: it is the next page's.
        items = [found[each] for each in sorted(found, reverse=True) if not ended or each >= max(ended)]
        if len(items) > query.limit or any(page.next_cursor for page in pages):
            return self._page(items[: query.limit], stored, query, tenant_id, _cursor_scope(query))
        return Page(items, None, query.limit)

    def _query(self, query: Query[E], tenant_id: str, value: str) -> Page[E]:
        stored = REGISTRY[query.kind]
        owner_id = PLATFORM if query.of_platform else query.of_tenant or tenant_id
        scope = _cursor_scope(query)
        after = self._cursors.opened(tenant_id, scope, query.start) if query.start else None
        if query.behind is not None:
            after = stored.range_of(query.behind)
        if any(len(text) > _LONGEST_ID for text in (value, query.id or "", *query.filters.values())):
            return Page([], None, query.limit)
        request = _query_request(query, stored, owner_id, value)
        items: list[E] = []
        length = 0
        place = _place_name(query, stored)
        for _ in range(_PAGES_AT_MOST):
            following = _from(request, stored, after, place, query.id)
            answer = self.database.call(partial(self.database.client.query, **following))
            for item in answer["Items"]:
                after = item[place]["S"]
                text = unpack(item["body"]["S"])
                length += len(text)
                # What is listed by its marketplace, or by the platform, belongs to another tenant; nothing else does.
                of = item["tenant_id"]["S"]
                items.append(decode(query.kind, text, self.sealer, of, _id_of(stored, item[stored.range_name]["S"])))
                if len(items) > 1 and (len(items) > query.limit or length > _PAGE_TEXT):
                    return self._page(items[:-1], stored, query, tenant_id, scope)
            if "LastEvaluatedKey" not in answer:
                return Page(items, None, query.limit)
            after = answer["LastEvaluatedKey"][place]["S"]
        # A filter that matches hardly anything: return what was found so far, and a cursor to continue.
        return Page(items, self._cursors.sealed(tenant_id, scope, after or ""), query.limit)

    def _page(self, items: list[E], stored: Stored, query: Query[E], tenant_id: str, scope: str) -> Page[E]:
        place = _place_name(query, stored)
        of_last = stored.indexed(items[-1])
        last = of_last[place] if place != stored.range_name else stored.range_of(stored.id_of(items[-1]))
        return Page(items, self._cursors.sealed(tenant_id, scope, last), query.limit)

    def _decode(self, kind: type[E], item: dict[str, Any], tenant_id: str, entity_id: str) -> E:
        return decode(kind, item["body"]["S"], self.sealer, tenant_id, entity_id)


@dataclass(frozen=True, slots=True)
class _Cached:
    tenant: Tenant
    until: float


class TenantDirectory:
    """Tenants by id, cached for a minute per worker. Only settings are cached, never credentials.

    Args:
        sealer: opens a tenant's own personal data; it asks this directory for every other key.
        found_platform: makes the platform's own record, which the first use of a platform key founds.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        cache_s: int,
        sealer: Callable[[], Sealer],
        found_platform: Callable[[], Tenant] | None = None,
    ) -> None:
        self._sealer = sealer
        self._database = database
        self._clock = clock
        self._cache_s = cache_s
        self._found_platform = found_platform
        self._cached: dict[str, _Cached] = {}

    def for_strangers(self) -> "TenantDirectory":
        """The same tenants from the same cache, where anybody may name one: that founds no platform."""
        made = copy(self)
        made._found_platform = None
        return made

    def forget(self) -> None:
        """Read every tenant anew: what is kept is of other tables."""
        self._cached.clear()

    def get(self, tenant_id: str) -> Tenant:
        """The tenant.

        Raises:
            Unauthenticated: the credential names a tenant that does not exist.
        """
        cached = self._cached.get(tenant_id)
        if cached is None or cached.until <= self._clock().timestamp():
            return self._read_anew(tenant_id)
        return cached.tenant

    def data_keys(self, tenant_id: str, at_least: int = 1) -> tuple[str, ...]:
        """A tenant's data keys as KMS wrapped them, the first one first.

        Args:
            at_least: how many there are if what says so is true. A text of another worker's may be sealed under a key
                that was made within the minute for which this one does not look: then it looks at once.

        Raises:
            Unauthenticated: there is no such tenant.
        """
        known = self.get(tenant_id).data_keys
        return known if len(known) >= at_least else self._read_anew(tenant_id).data_keys

    def index_keys(self, tenant_id: str) -> tuple[int, ...]:
        """The numbers of a tenant's data keys under which addresses are looked for, the one to write under first."""
        return self.get(tenant_id).index_keys

    def _read_anew(self, tenant_id: str) -> Tenant:
        now = self._clock().timestamp()
        tenant = self._read(tenant_id)
        self._cached[tenant_id] = _Cached(tenant, now + self._cache_s)
        return tenant

    def _read(self, tenant_id: str) -> Tenant:
        item = self._item(tenant_id)
        if item is None and tenant_id == PLATFORM and self._found_platform is not None:
            self._store_if_absent(self._found_platform())
            item = self._item(tenant_id)
        if item is None:
            raise Unauthenticated("The credential's tenant does not exist")
        body = item["body"]["S"]
        # Sealed under its own keys, which stand beside: nobody can look those up yet.
        said = json.loads(unpack(body))
        data_keys = (said["data_key"], *(each["wrapped"] for each in said.get("later_keys", ())))
        return decode(Tenant, body, self._sealer(), tenant_id, SETTINGS_ID, data_keys)

    def _item(self, tenant_id: str) -> dict[str, Any] | None:
        key = (tenant_id, SETTINGS_ID)
        return self._database.batch_get({TenantItem: {key}})[TenantItem].get(key)

    def _store_if_absent(self, tenant: Tenant) -> None:
        body = encode(tenant, self._sealer(), tenant.id, SETTINGS_ID, tenant.data_keys)
        item = TenantItem(tenant_id=tenant.id, item=SETTINGS_ID, version=1, body=body)
        self._database.held(  # or another worker was first, and its key is the platform's
            lambda: self._database.client.put_item(
                TableName=table_name(TenantItem),
                Item=item.serialize(),
                ConditionExpression="attribute_not_exists(tenant_id)",
            )
        )


def _place(ref: Ref[Any]) -> tuple[Stored, Key]:
    stored = REGISTRY[ref.kind]
    return stored, (ref.tenant_id, stored.range_of(ref.id))


def _may_exist(ref: Ref[Any]) -> bool:
    """Whether there may be such an entity; a stranger chooses ids, and what cannot be is not looked for.

    DynamoDB refuses a longer key. And where a table has several kinds, an id of another kind is none of this one: a
    user's id names no key, and a session's no grant.
    """
    stored = REGISTRY[ref.kind]
    begins = stored.shared_by if stored.range_of(ref.id) == ref.id else None  # a plan's key says itself what it is
    return len(ref.id) <= _LONGEST_ID and (begins is None or ref.id.startswith(begins))


def _place_name(query: Query[Any], stored: Stored) -> str:
    """The attribute that says where in a list an item is."""
    return stored.listed_name if query.index in _LISTS and stored.listed_name else stored.range_name


def _id_of(stored: Stored, range_key: str) -> str:
    return range_key.removeprefix("plan#") if stored.model is PlanItem else range_key


def _cursor_scope(query: Query[Any]) -> str:
    """What a cursor is bound to: the query without its page size and place."""
    bounds = [str(t) for t in (query.created_from, query.created_to)]
    if query.payable_from or query.payable_to or query.overdue_at:
        bounds += [str(t) for t in (query.payable_from, query.payable_to, query.overdue_at is not None)]
    if query.id is not None or query.of_tenant is not None:
        bounds += [f"id {query.id}", f"of {query.of_tenant}"]
    return json.dumps(
        [query.kind.entity_name, query.index, query.value, sorted(query.filters.items()), query.of_platform, *bounds]
    )


def _query_request(query: Query[Any], stored: Stored, tenant_id: str, value: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    filters = []
    for n, (name, wanted) in enumerate(query.filters.items()):
        names[f"#f{n}"] = _INDEX_KEYS.get(name, name)
        values[f":f{n}"] = raw(join(tenant_id, wanted) if name in _INDEX_KEYS else wanted)
        filters.append(f"#f{n} = :f{n}")
    for bound, operator in ((query.created_from, ">="), (query.created_to, "<")):
        if bound is not None:
            placeholder = ":from" if operator == ">=" else ":to"
            values[placeholder] = raw(sort_key(bound))
            filters.append(f"created_at {operator} {placeholder}")
    filters += _payable(query, values)
    request: dict[str, Any] = {
        "TableName": table_name(stored.model),
        "ScanIndexForward": query.index in _SOONEST,
        "Limit": _FILTERED_PAGE if filters else query.limit + 1,
    }
    if query.index:
        names["#hash"] = _INDEX_KEYS[query.index]
        values[":hash"] = raw(join(tenant_id, value))
        request["IndexName"] = f"by_{query.index}"
    else:
        names["#hash"] = hash_name(stored.model)
        values[":hash"] = raw(tenant_id)
        request["ConsistentRead"] = True
    if query.begins is not None:
        values[":begins"] = raw(query.begins)
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    return {**request, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


def _payable(query: Query[Any], values: dict[str, Any]) -> Iterator[str]:
    """The conditions on when an invoice is to be paid.

    What was finalized before there were due dates is taken by its creation, until it is written again.
    """
    bounds = (
        (query.payable_from, ">=", ":payable_from"),
        (query.payable_to, "<", ":payable_to"),
        (query.overdue_at, "<", ":overdue_at"),
    )
    for bound, operator, placeholder in bounds:
        if bound is not None:
            values[placeholder] = raw(sort_key(bound))
            old = f"attribute_not_exists(payable_by) AND attribute_exists(number_key) AND created_at {operator}"
            yield f"(payable_by {operator} {placeholder} OR ({old} {placeholder}))"


def _from(request: dict[str, Any], stored: Stored, after: str | None, place: str, only: str | None) -> dict[str, Any]:
    """The request for what comes after (is older than) a range key; or for the one of an id, which has no next page."""
    condition = "#hash = :hash"
    values = dict(request["ExpressionAttributeValues"])
    names = {**request["ExpressionAttributeNames"], "#range": place}
    if only is not None:
        values[":id"] = raw(stored.range_of(only))
        condition += " AND #range = :id"
    elif stored.shared_by is not None and "IndexName" not in request:
        # Only this kind, not the others beside it: ids have no character above "~".
        values[":low"], values[":high"] = (
            raw(stored.shared_by),
            raw(f"{stored.shared_by}~" if after is None else _just_before(after)),
        )
        condition += " AND #range BETWEEN :low AND :high"
    elif after is None and ":begins" in values:
        condition += " AND begins_with(#range, :begins)"
    elif after is not None and ":begins" in values:
        values[":high"] = raw(_just_before(after))
        condition += " AND #range BETWEEN :begins AND :high"
    elif after is not None:
        values[":after"] = raw(after)
        condition += f" AND #range {'>' if request['ScanIndexForward'] else '<'} :after"
    else:
        del names["#range"]
    return {
        **request,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _just_before(key: str) -> str:
    """A text below ``key`` and above every id that sorts before it: ids have no character above ``~``."""
    return key[:-1] + chr(ord(key[-1]) - 1) + "~"
