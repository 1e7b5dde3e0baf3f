"""What a unit of work writes of a caller: its item once, and then what changes of it, beside the counters."""

from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from billing.domain.access.caller import ACTIVE, Caller, digest
from billing.domain.kernel.times import format_time
from billing.storage.tables import CallerItem

USER_KEPT_S = 86_400
"""How long a user's counters are kept after the last call. A grant's revocation, which has to outlive every token that
was issued under it, stays longer than the hour that those live."""


def caller_item(caller: Caller) -> CallerItem:
    """The item of a new credential."""
    return CallerItem(
        caller_id=caller.id,
        tenant_id=caller.tenant_id,
        created_at=format_time(caller.created_at),
        **_attributes(caller),
    )


def _attributes(caller: Caller) -> dict[str, Any]:
    """What of an item may change."""
    return {
        "key_id": caller.principal,
        "scope": caller.scope,
        "scopes": caller.scopes,
        "status": caller.status,
        "minute_limit": caller.limits.per_minute if caller.limits else None,
        "slot_limit": caller.limits.per_slot if caller.limits else None,
        "key_expires_at": format_time(caller.expires_at) if caller.expires_at else None,
        "networks": caller.networks,
        "secret": caller.secret,
        "tokens_after": _tokens_after(caller),
    }


def _tokens_after(caller: Caller) -> int | None:
    return int(caller.tokens_after.timestamp()) if caller.tokens_after else None


def changes(caller: Caller, now: datetime) -> list[Action]:
    """The update that makes an item say what the caller is now; its counters stay."""
    if caller.lasting:
        return [_set(name, value) for name, value in _attributes(caller).items()]
    # Where there is none there never was one: an hour later no token needs it, and the item stays for a day.
    ended = [_set("tokens_after", _tokens_after(caller))] if caller.tokens_after else []
    if caller.status == ACTIVE:  # as if there were none: the first call makes one
        return [_set("status", None), *ended, _kept(now)]
    return [_set("status", caller.status), *ended, _set("expires_at", None)]


def revocations(caller: Caller, grants: dict[str, int], now: datetime) -> list[Action]:
    """The update that revokes grants, each until a time (Unix).

    The item of a user has to outlive the tokens, also where it was about to expire; that of a disabled one stays.
    """
    found: list[Action] = [Path([f"r{grant_id}"]).set(until) for grant_id, until in grants.items()]
    return [*found, _kept(now)] if not caller.lasting and caller.status == ACTIVE else found


def signature_once(tenant_id: str, signature: str, until: int) -> tuple[Model, list[Action], Condition | None]:
    """That a request's signature was accepted, on condition that it never was before.

    It is here because every function may update callers, and a signed read is committed like a write.

    Args:
        until: when its time stamp is too old by itself (Unix).
    """
    item = CallerItem(caller_id=f"sig#{tenant_id}#{digest(signature)}")
    return item, [_set("expires_at", until)], CallerItem.caller_id.does_not_exist()


class CallerWrites:
    """What a unit of work writes of callers; one operation for each item, however much of it changes."""

    def __init__(self) -> None:
        self._stated: dict[str, tuple[Caller, bool]] = {}
        self._revoked: dict[str, tuple[Caller, dict[str, int]]] = {}

    def state(self, caller: Caller, is_new: bool) -> None:
        """The caller is this from now on."""
        self._stated[caller.id] = (caller, is_new)

    def revoke_grant(self, caller: Caller, grant_id: str, until: datetime) -> None:
        """No token of a grant is let in until a time; each of them has expired by then."""
        _, grants = self._revoked.setdefault(caller.id, (caller, {}))
        grants[grant_id] = int(until.timestamp())

    def puts(self) -> list[tuple[Model, Condition | None]]:
        """New items."""
        made = [caller for caller, is_new in self._stated.values() if is_new and caller.lasting]
        return [(caller_item(caller), CallerItem.caller_id.does_not_exist()) for caller in made]

    def updates(self, now: datetime) -> list[tuple[Model, list[Action], Condition | None]]:
        """Changes of items that may be there, with counters that go on."""
        actions: dict[str, list[Action]] = {}
        callers: dict[str, Caller] = {}
        for caller, is_new in self._stated.values():
            if not is_new or (caller.status != ACTIVE and not caller.lasting):
                callers[caller.id] = caller
                actions[caller.id] = changes(caller, now)
        for caller, grants in self._revoked.values():
            stated = callers.setdefault(caller.id, caller)
            found = actions.setdefault(caller.id, [])
            # The time to live is set once: by what the caller is from now on, where that is said.
            found += revocations(stated, grants, now)[: len(grants) if found else None]
        return [
            (CallerItem(caller_id=each), actions[each], _belongs_to(callers[each]) if callers[each].lasting else None)
            for each in actions
        ]


def _belongs_to(caller: Caller) -> Condition:
    """That the item exists, and is the tenant's."""
    return CallerItem.tenant_id == caller.tenant_id


def _set(name: str, value: Any) -> Action:
    return Path(name).remove() if value is None else Path(name).set(value)


def _kept(now: datetime) -> Action:
    return Path("expires_at").set(int(now.timestamp()) + USER_KEPT_S)
