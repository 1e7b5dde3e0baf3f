"""The process dies, or an answer is lost, at every call of every flow: the end state is that of a quiet day."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import Any

import pytest

from tests.faults import billing_flows, order_flows, payment_flows, payout_flows, report_flows, usage_flows
from tests.faults.crashes import MODES, Enumeration, Flow, Scene, recovery
from tests.faults.processes import Json, Lane
from tests.faults.stack import Stack
from tests.faults.world import Tenant, World, iso, post, step


def _first_charge(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    request = tenant.subscribe()
    # Stripe's webhooks are faster than the client's retry.
    return Scene(at, [request], [tenant.deliver(), *recovery(request)], tenant)


def _trial(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    request = tenant.subscribe(trialDays=14)
    return Scene(at, [request], recovery(request), tenant)


def _renewal(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    assert world.run(at, tenant.subscribe()).last()["status"] == 201
    return Scene(at + timedelta(days=32), [step("sweep"), step("drain")], recovery(), tenant)


def _pay(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    unpaid, _ = world.run(at, tenant.subscribe("one", paymentMethodId=None), tenant.subscribe("two")).all()
    request = post("invoices", f"/v1/invoices/{unpaid['body']['data']['latestInvoiceId']}/pay", tenant.key, "pay", {})
    return Scene(at, [request], recovery(request), tenant)


def _credit_note(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    made = world.run(at, tenant.subscribe()).last()
    path = f"/v1/invoices/{made['body']['data']['latestInvoiceId']}/credit-notes"
    request = post("invoices", path, tenant.key, "credit", {"amount": 3_000_000, "refund": True})
    return Scene(at, [request], recovery(request), tenant)


def _credit_open_invoice(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at)
    unpaid = world.run(at, tenant.subscribe(paymentMethodId=None)).last()
    path = f"/v1/invoices/{unpaid['body']['data']['latestInvoiceId']}/credit-notes"
    request = post("invoices", path, tenant.key, "credit", {"amount": 6_499_000})
    return Scene(at, [request], recovery(request), tenant)


def _undecided(world: World, at: datetime, kind: str) -> tuple[Tenant, Json]:
    """A subscription whose charge got no answer: the payment is pending."""
    tenant = world.new_tenant(at)
    world.control("faults", kind=kind, method="POST", path="payment_intents$", times=50)
    answer = world.run(at, tenant.subscribe()).last()
    world.clear_faults()
    assert answer["body"]["data"]["state"] == "incomplete", answer
    return tenant, answer


def _webhook(world: World, at: datetime) -> Scene:
    tenant, _ = _undecided(world, at, "drop_after")
    charge = tenant.charges()[0]
    delivery = world.delivery(world.event_of(charge["payment_intent"]))
    return Scene(at + timedelta(seconds=5), [delivery], recovery(delivery), tenant)


def _settle(world: World, at: datetime) -> Scene:
    tenant, _ = _undecided(world, at, "drop_before")
    return Scene(at + timedelta(seconds=90), [step("sweep"), step("drain")], recovery(), tenant)


def _advance(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, clock=True)
    assert world.run(at, tenant.subscribe()).last()["status"] == 201
    target = {"frozenTime": iso((at + timedelta(days=64)).replace(microsecond=0))}
    request = post("test_clocks", f"/v1/test-clocks/{tenant.clock_id}/advance", tenant.key, "advance", target)
    return Scene(at, [request, step("drain")], recovery(request), tenant)


def _customer(world: World, at: datetime) -> Scene:
    tenant = world.new_tenant(at, customers=0)
    request = post("customers", "/v1/customers", tenant.key, "customer", {"name": "Zoë", "email": "zoe@example.org"})
    return Scene(at, [request], [step("later", seconds=15), request], tenant)


def _tenant(world: World, at: datetime) -> Scene:
    world.new_tenant(at, customers=0)  # the first one founds the platform, too
    body: dict[str, Any] = {"name": "New", "mode": "test", "currency": "USD"}
    request = post("tenants", "/v1/tenants", world.platform_key, f"tenant-{at:%Y%m%d}", body)
    return Scene(at, [request], [step("later", seconds=15), request], None)


def _feed(world: World, at: datetime) -> Scene:
    """The stream brings its records again where they were not all placed."""
    tenant = world.new_tenant(at)
    assert world.run(at, tenant.subscribe(trialDays=14)).last()["status"] == 201
    feed = step("feed", tenant_id=tenant.id)
    return Scene(at, [feed], [step("feed", tenant_id=tenant.id, copies=2, shuffle=1), feed], tenant)


FLOWS = (
    Flow("create a subscription with a first charge", _first_charge, route="POST /v1/subscriptions"),
    Flow("create a subscription with a trial", _trial, route="POST /v1/subscriptions"),
    Flow("renew a due subscription", _renewal, keyed=False),
    Flow("pay an open invoice", _pay, route="POST /v1/invoices/{invoice_id}/pay"),
    Flow("credit an invoice back to the card", _credit_note, route="POST /v1/invoices/{invoice_id}/credit-notes"),
    Flow("credit an open invoice", _credit_open_invoice, route="POST /v1/invoices/{invoice_id}/credit-notes"),
    Flow("apply Stripe's webhook", _webhook, keyed=False, route="stripe-event"),
    Flow("settle a pending payment by the sweep", _settle, keyed=False),
    Flow("advance a test clock over two periods", _advance, route="POST /v1/test-clocks/{clock_id}/advance"),
    Flow("create a customer", _customer, route="POST /v1/customers"),
    Flow("create a tenant", _tenant),
    Flow("give events their places", _feed, keyed=False),
    *billing_flows.FLOWS,
    *payment_flows.FLOWS,
    *usage_flows.FLOWS,
    *order_flows.FLOWS,
    *payout_flows.FLOWS,
    *report_flows.FLOWS,
)


Found = dict[str, Future[dict[str, list[str]]]]


@pytest.fixture(scope="module")
def found(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Found]:
    """Every enumeration that was asked for, in two lanes: most of the time one waits for the emulator."""
    selected = (item for item in request.session.items if isinstance(item, pytest.Function))
    wanted: list[dict[str, Any]] = [item.callspec.params for item in selected if item.module is request.module]
    modes: dict[str, list[str]] = {}
    for params in wanted:
        modes.setdefault(params["flow"].name, []).append(params["mode"])
    lanes: SimpleQueue[Lane] = SimpleQueue()
    lanes.put(stack.main)
    lanes.put(stack.lane())

    def enumerate_cuts(flow: Flow) -> dict[str, list[str]]:
        lane = lanes.get()
        try:
            return Enumeration(stack.world(lane=lane), flow).run(modes[flow.name])
        finally:
            lanes.put(lane)

    with ThreadPoolExecutor(2) as pool:
        yield {flow.name: pool.submit(enumerate_cuts, flow) for flow in FLOWS if flow.name in modes}
    stack.main.clear_faults()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name.replace(" ", "-"))
def test_a_flow_cut_at_any_call_ends_like_one_that_was_not(found: Found, flow: Flow, mode: str) -> None:
    """One subscription, one invoice a period, one charge an attempt, balanced books, equal replays."""
    problems = found[flow.name].result()[mode]
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems)
