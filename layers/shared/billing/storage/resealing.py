"""Sealing anew what an old data key sealed, and making the index of addresses anew: the operator's job of a rotation.

Both go through a tenant's items a page at a time, may be stopped at any point and begun again, and do again without
harm what they did. No writer is in their way, nor they in a writer's: an item is changed in place, without a new
version, and only where it is still the text that was read. A writer replaces the whole item, under the newest key.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from billing.domain.access.user import EmailClaim, User
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.credit_note import CreditNote
from billing.domain.invoicing.invoice import Invoice
from billing.domain.marketplace.order import Order
from billing.domain.payments.payment import Payment
from billing.domain.tenant import SETTINGS_ID, Tenant
from billing.services.access.users import claim_ref
from billing.services.kernel.work import Ref, Units
from billing.storage.codec import Sealer, decode, personal_fields
from billing.storage.database import Database, hash_name, raw, table_name
from billing.storage.packing import pack, unpack
from billing.storage.registry import REGISTRY, Stored, join
from billing.storage.search import hashed, row
from billing.storage.tables import AccessItem, CustomerItem, SearchItem

_PAGE = 100
_SEALED = re.compile(r"v[12]\.|v3\.([0-9]+)\.")
_ALL_KNOW_AFTER_S = 120.0
"""Twice as long as a worker keeps a tenant's settings: then all write under the new key, and look under both."""
_WITH_NEW_ATTRIBUTES: tuple[type[Any], ...] = (Tenant, Customer, CreditNote, Payment, Order, Invoice)
_OF_TIME = ("due_shard", "due_at")
"""Index attributes that come and go: an item that has none is not waiting, or a writer is just about to say so."""
_Item = dict[str, Any]


class IndexSealer(Sealer, Protocol):
    """A sealer that says a text's key in the index under a certain data key."""

    def blind_under(self, tenant_id: str, text: str, number: int) -> str:
        """The key under the tenant's data key of this number."""


@dataclass(frozen=True, slots=True)
class Resealing:
    """The job.

    Args:
        newest_key: gives the number of a tenant's newest data key.
        pause: sleeps, in seconds.
        pace_s: how long to rest after each page, so that tenants have their capacity.
    """

    database: Database
    sealer: IndexSealer
    units: Units
    newest_key: Callable[[str], int]
    pause: Callable[[float], None]
    pace_s: float = 0.0

    def reseal(self, tenant_id: str) -> int:
        """Seal every personal field of a tenant's under its newest key; how many items were changed.

        What a writer has just changed is left alone, and so is what expires by itself (events, kept responses). A
        worker seals under the key before for a minute after a rotation: run it again until it changes nothing.
        """
        return sum(self._resealed(*found) for found in self._older(tenant_id))

    def older(self, tenant_id: str) -> int:
        """How many items ``reseal`` would change now."""
        return sum(1 for _ in self._older(tenant_id))

    def _older(self, tenant_id: str) -> Iterator[tuple[type[Any], Stored, _Item, dict[str, Any], list[str]]]:
        """The items of which something is under an older key, with what they say and the names of those fields."""
        newest = self.newest_key(tenant_id)
        for kind, stored in REGISTRY.items():
            names = personal_fields(kind)
            for item in self._items(stored, tenant_id) if names else ():
                body = json.loads(unpack(item["body"]["S"]))
                numbers = ((name, _number(body.get(name))) for name in names)
                if old := [name for name, number in numbers if number is not None and number < newest]:
                    yield kind, stored, item, body, old

    def index_anew(self, tenant_id: str) -> int:
        """Have addresses be looked up under the newest data key, and nothing lead to them under an older one.

        While it lasts, they are looked for under both; nobody is unfindable for a moment. Returns how many were indexed
        anew.
        """
        newest, settings, count = self.newest_key(tenant_id), self._settings(tenant_id), 0
        begun = settings.next_index_key
        if begun is not None and begun != newest:
            # It was cut off, and the keys rotated since. Some are under 2 by now, others under 1: were 3 the next
            # one at once, look-ups under 3 and 1 would not find those of 2.
            count += self._index_under(tenant_id, begun)
            settings = self._settings(tenant_id)
        if settings.index_key != newest:
            count += self._index_under(tenant_id, newest)
        self._drop_old_claims(tenant_id, newest)
        return count

    def complete(self, tenant_id: str) -> int:
        """Give items from before the index attributes and the terms of a search that new ones have; how many got any.

        Run twice it changes nothing the second time, but that terms are put again.
        """
        number, count = self._settings(tenant_id).index_keys[0], 0
        for kind in _WITH_NEW_ATTRIBUTES:
            stored = REGISTRY[kind]
            for item in self._items(stored, tenant_id):
                entity = decode(kind, item["body"]["S"], self.sealer, tenant_id, item[stored.range_name]["S"])
                wanted = stored.indexed(entity)
                missing = {name: value for name, value in wanted.items() if name not in item and name not in _OF_TIME}
                count += int(bool(missing) and self._replace(stored, item, missing))
        self._terms(tenant_id, number)
        return count

    def _index_under(self, tenant_id: str, number: int) -> int:
        self._change(tenant_id, next_index_key=number)
        self.pause(_ALL_KNOW_AFTER_S)
        count = self._customers(tenant_id, number) + self._users(tenant_id, number)
        self._terms(tenant_id, number)
        old = self._settings(tenant_id).index_key
        if old != number:  # while everybody writes, looks and forgets under both, nothing is left behind
            self._terms(tenant_id, old, gone=True)
        self._change(tenant_id, index_key=number, next_index_key=None)
        self.pause(_ALL_KNOW_AFTER_S)
        return count

    def _resealed(self, kind: type[Any], stored: Stored, item: _Item, body: dict[str, Any], old: list[str]) -> bool:
        entity_id, tenant_id = item[stored.range_name]["S"], item["tenant_id"]["S"]
        for name in old:
            place = f"{kind.entity_name}/{entity_id}/{name}"
            body[name] = self.sealer.seal(tenant_id, place, self.sealer.open(tenant_id, place, body[name]))
        return self._replace(stored, item, {"body": _packed(body)})

    def _customers(self, tenant_id: str, newest: int) -> int:
        count, stored = 0, REGISTRY[Customer]
        for item in self._items(stored, tenant_id):
            body = json.loads(unpack(item["body"]["S"]))
            if body.get("email") is None:
                continue
            email = json.loads(self.sealer.open(tenant_id, f"Customer/{item['id']['S']}/email", body["email"]))
            key = join(tenant_id, self.sealer.blind_under(tenant_id, email.casefold(), newest))
            if item.get("email_key", {}).get("S") != key:
                count += self._replace(stored, item, {"email_key": key})
        return count

    def _terms(self, tenant_id: str, number: int, *, gone: bool = False) -> None:
        """Put every customer's terms under a key, or take away those under an old one."""
        for item in self._items(REGISTRY[Customer], tenant_id):
            found: _Item | None = item
            while found is not None and not self._put_terms(tenant_id, found, number, gone):
                found = self._again(tenant_id, item["id"]["S"])  # a writer was faster: by what it wrote, then

    def _put_terms(self, tenant_id: str, item: _Item, number: int, gone: bool) -> bool:
        customer_id, table = item["id"]["S"], table_name(SearchItem)
        customer = decode(Customer, item["body"]["S"], self.sealer, tenant_id, customer_id)
        terms = REGISTRY[Customer].terms(customer)
        if not terms:
            return True
        hashes = [self.sealer.blind_under(tenant_id, hashed(each), number) for each in terms]
        rows = [row(tenant_id, customer_id, each).serialize() for each in hashes]
        keys = [{name: each[name] for name in ("term_key", "id")} for each in rows]
        writes: list[_Item] = [{"Put": {"TableName": table, "Item": each}} for each in rows]
        if gone:
            writes = [{"Delete": {"TableName": table, "Key": each}} for each in keys]
        unchanged = {
            "TableName": table_name(CustomerItem),
            "Key": {"tenant_id": item["tenant_id"], "id": item["id"]},
            "ConditionExpression": "body = :before",
            "ExpressionAttributeValues": {":before": item["body"]},
        }
        request = [{"ConditionCheck": unchanged}, *writes]
        return self.database.held(lambda: self.database.client.transact_write_items(TransactItems=request))

    def _again(self, tenant_id: str, customer_id: str) -> _Item | None:
        key = (tenant_id, customer_id)
        return self.database.batch_get({CustomerItem: {key}})[CustomerItem].get(key)

    def _users(self, tenant_id: str, newest: int) -> int:
        """Whose an address is says an item whose id is the key: there is another one first, then the old one goes."""
        count = 0
        for item in self._items(REGISTRY[User], tenant_id):
            unit = self.units.begin(tenant_id)
            ref = Ref(User, tenant_id, item["id"]["S"])
            email = unit.load(ref).require(ref).email
            claim = claim_ref(tenant_id, self.sealer.blind_under(tenant_id, email.casefold(), newest))
            if unit.load(claim).get(claim) is None:
                unit.save(EmailClaim(claim.id, tenant_id, ref.id))
                unit.commit()
                count += 1
        return count

    def _drop_old_claims(self, tenant_id: str, newest: int) -> None:
        for item in list(self._items(REGISTRY[EmailClaim], tenant_id)):
            user_id = json.loads(unpack(item["body"]["S"]))["user_id"]
            ref = Ref(User, tenant_id, user_id)
            email = self.units.begin(tenant_id).load(ref).require(ref).email
            wanted = claim_ref(tenant_id, self.sealer.blind_under(tenant_id, email.casefold(), newest))
            if item["id"]["S"] != wanted.id:
                key = {"tenant_id": item["tenant_id"], "id": item["id"]}
                self.database.call(
                    lambda key=key: self.database.client.delete_item(TableName=table_name(AccessItem), Key=key)  # type: ignore[misc]
                )

    def _settings(self, tenant_id: str) -> Tenant:
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        return self.units.begin(tenant_id).load(ref).require(ref)

    def _change(self, tenant_id: str, **fields: int | None) -> None:
        """Under the tenant's version: whoever changes it at the same moment is not overwritten; run it again then."""
        unit = self.units.begin(tenant_id)
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        unit.save(replace(unit.load(ref).require(ref), **fields))  # type: ignore[arg-type]
        unit.commit()

    def _items(self, stored: Stored, tenant_id: str) -> Iterator[_Item]:
        names, values = {"#hash": hash_name(stored.model)}, {":hash": raw(tenant_id)}
        condition = "#hash = :hash"
        if stored.shared_by is not None:
            names["#range"], values[":begins"] = stored.range_name, raw(stored.shared_by)
            condition += " AND begins_with(#range, :begins)"
        request: dict[str, Any] = {
            "TableName": table_name(stored.model),
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
            "Limit": _PAGE,
        }
        while True:
            answer = self.database.call(lambda: self.database.client.query(**request))
            yield from (item for item in answer["Items"] if "body" in item)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            self.pause(self.pace_s)

    def _replace(self, stored: Stored, item: _Item, values: dict[str, str]) -> bool:
        """Change attributes of an item, if its text is still the one that was read."""
        key = {"tenant_id": item["tenant_id"], stored.range_name: item[stored.range_name]}
        return self.database.held(  # or a writer was faster
            lambda: self.database.client.update_item(
                TableName=table_name(stored.model),
                Key=key,
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="body = :before",
                ExpressionAttributeNames={f"#{name}": name for name in values},  # "status" is a word of DynamoDB's
                ExpressionAttributeValues={
                    ":before": item["body"], **{f":{name}": raw(value) for name, value in values.items()}
                },
            )
        )  # fmt: skip


def _number(sealed: Any) -> int | None:
    """The number of the key under which a text is sealed; None where it is not sealed."""
    found = _SEALED.match(sealed) if isinstance(sealed, str) else None
    return None if found is None else int(found[1] or 1)


def _packed(body: dict[str, Any]) -> str:
    return pack(json.dumps(body, separators=(",", ":"), ensure_ascii=False))
