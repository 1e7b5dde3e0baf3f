"""The flows that close a subscription's usage, ready to be cut; one of the meters is spread over two items."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.faults.crashes import Flow, Scene, recovery
from tests.faults.processes import Json
from tests.faults.usage import PERIOD, Event, Kind, count, message, metered_tenant, plan
from tests.faults.world import Tenant, World, post, step

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_KIND = Kind("calls", "sum", shards=2)
_METERED, _CHEAPER = plan("metered", _KIND.component()), plan("cheaper", _KIND.component(50_000))
_SWEEP = [step("sweep"), step("drain")]
_CHANGE_ROUTE = "PATCH /v1/subscriptions/{subscription_id}"
_LATEST = timedelta(days=36)
_NO_CARD: Json = {"paymentMethodId": None}


def _subscribed(world: World, at: datetime, *more: Json, **body: Any) -> tuple[Tenant, Json]:
    """A subscription that pays 1.00 a call, and nothing in advance.

    Args:
        more: plans, beside its own.
    """
    tenant = metered_tenant(world, at, (_KIND,), (_METERED, *more))
    answer = world.run(at, tenant.subscribe(planId="metered", quantities={}, **body)).last()
    assert (answer["status"], answer["body"]["data"]["state"]) == (201, "active"), answer
    made: Json = answer["body"]["data"]
    return tenant, made


def _used(world: World, at: datetime, *more: Json, **body: Any) -> tuple[Tenant, Json]:
    """The same, and 7.5 calls in its first days, some in each of the meter's items."""
    tenant, made = _subscribed(world, at, *more, **body)
    used = (("e0", at + DAY, "2.5"), ("e1", at + DAY + HOUR, "5"))
    _count(world, tenant, made, at + 5 * DAY, *used)
    return tenant, made


def _count(world: World, tenant: Tenant, made: Json, at: datetime, *used: tuple[str, datetime, str]) -> None:
    events = [Event(name, _KIND.key, when, much, subscription_id=made["id"]) for name, when, much in used]
    # The id of a message says which of the items it is counted into.
    assert world.run(at, count(*(message(tenant, f"m-{each.id}", [each]) for each in events))).all() == [[]]


def _renewal(world: World, at: datetime) -> Scene:
    tenant, _ = _used(world, at)
    want = {"subscriptions": [("active", 0, 0)], "usage": [("calls", "7.5")], "cents": 750}
    return Scene(at + PERIOD + HOUR, _SWEEP, recovery(), tenant, want)


def _cancel(world: World, at: datetime) -> Scene:
    tenant, made = _used(world, at)
    body = {"prorationBehavior": "none"}
    request = post("subscriptions", f"/v1/subscriptions/{made['id']}/cancel", tenant.key, "cancel", body)
    want = {"subscriptions": [("canceled", 0, 0)], "usage": [("calls", "7.5")], "cents": 750}
    return Scene(at + 10 * DAY, [request], recovery(request), tenant, want)


def _change(world: World, at: datetime, behavior: str, body: Json, **want: Any) -> Scene:
    tenant, made = _used(world, at, _CHEAPER, **body)
    request = tenant.change(made["id"], planId="cheaper", prorationBehavior=behavior)
    return Scene(at + 10 * DAY, [request], recovery(request), tenant, {"usage": [("calls", "7.5")], **want})


def _change_pending(world: World, at: datetime) -> Scene:
    return _change(world, at, "create_prorations", _NO_CARD, subscriptions=[("active", 1, 0)], cents=0)


def _change_invoiced(world: World, at: datetime) -> Scene:
    return _change(world, at, "invoice_now", {}, subscriptions=[("active", 0, 0)], cents=750)


def _pause(world: World, at: datetime) -> Scene:
    tenant, made = _used(world, at, **_NO_CARD)
    request = tenant.change(made["id"], "pause", paused=True)
    want = {"subscriptions": [("paused", 1, 0)], "usage": [("calls", "7.5")]}
    return Scene(at + 10 * DAY, [request], recovery(request), tenant, want)


def _last_look(world: World, at: datetime) -> Scene:
    """A month after a cancellation, what came late is billed, and nothing is taken after that."""
    tenant, made = _subscribed(world, at)
    body = {"prorationBehavior": "none"}
    cancel = post("subscriptions", f"/v1/subscriptions/{made['id']}/cancel", tenant.key, "cancel", body)
    answer = world.run(at + 10 * DAY, cancel).last()
    assert answer["status"] == 200, answer
    _count(world, tenant, made, at + 20 * DAY, ("late", at + 3 * DAY, "4"), ("later", at + 4 * DAY, "0.5"))
    want = {"subscriptions": [("canceled", 0, 0)], "usage": [("calls", "4.5")], "cents": 450}
    return Scene(at + 10 * DAY + _LATEST + HOUR, _SWEEP, recovery(), tenant, want)


FLOWS = (
    Flow("renew with usage", _renewal, keyed=False),
    Flow("cancel with usage", _cancel, route="POST /v1/subscriptions/{subscription_id}/cancel"),
    Flow("change the plan, usage waits", _change_pending, route=_CHANGE_ROUTE),
    Flow("change the plan, usage is charged", _change_invoiced, route=_CHANGE_ROUTE),
    Flow("pause with usage", _pause, route=_CHANGE_ROUTE),
    Flow("the last look at a canceled subscription's usage", _last_look, keyed=False),
)
