"""Transfers, their reversals and the balances that they move; through the real SDK."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client, merged


@pytest.fixture
def provider(api: stripe.StripeClient, control: Control) -> str:
    return onboarded(api, control)


_platforms = count(1)
"""Keys of platforms: an example of a law has a Stripe account of its own."""


def onboarded(api: stripe.StripeClient, control: Control) -> str:
    account = api.v1.accounts.create({"type": "express"})
    control.post(f"accounts/{account.id}/onboard")
    return account.id


def charge(api: stripe.StripeClient, amount: int = 10_000, card: str = "pm_card_bypassPending", **params: Any) -> str:
    """The id of a charge; by default one whose money is available at once."""
    body: Any = {
        "amount": amount,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "allowed_payment_method_types": ["card"],
    }
    return str(api.v1.payment_intents.create(merged(body, params)).latest_charge)


def send(api: stripe.StripeClient, provider: str, amount: int = 4000, **params: Any) -> stripe.Transfer:
    return api.v1.transfers.create(merged({"amount": amount, "currency": "usd", "destination": provider}, params))


def balance(api: stripe.StripeClient, account: str | None = None) -> tuple[int, int]:
    """Available and pending US cents."""
    options: Any = {"stripe_account": account} if account else {}
    sums = api.v1.balance.retrieve({}, options)
    available, pending = ({line.currency: line.amount for line in part} for part in (sums.available, sums.pending))
    return available.get("usd", 0), pending.get("usd", 0)


def lines(api: stripe.StripeClient, account: str | None = None) -> list[stripe.BalanceTransaction]:
    options: Any = {"stripe_account": account} if account else {}
    return list(api.v1.balance_transactions.list({"limit": 100}, options).auto_paging_iter())


def test_a_transfer_moves_available_money(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    transfer = send(api, provider, transfer_group="order_1", metadata={"payout": "po_1"}, description="March")
    assert (transfer.amount, transfer.destination, transfer.reversed) == (4000, provider, False)
    assert (transfer.transfer_group, transfer.metadata["payout"]) == ("order_1", "po_1")
    # 10,000 less 2.9 % + 30 on the platform before the transfer.
    assert balance(api) == (10_000 - 320 - 4000, 0)
    assert balance(api, provider) == (4000, 0)
    kinds = [(line.type, line.net) for line in lines(api)]
    assert kinds == [("transfer", -4000), ("charge", 9680)]
    (arrived,) = lines(api, provider)
    assert (arrived.type, arrived.net, arrived.source) == ("payment", 4000, transfer.destination_payment)


def test_a_transfer_expands_its_ends(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    expand = ["destination", "destination_payment", "balance_transaction.source"]
    transfer: Any = send(api, provider, expand=expand)
    assert transfer.destination.id == provider
    assert (transfer.destination_payment.amount, transfer.destination_payment.source_transfer) == (4000, transfer.id)
    assert transfer.balance_transaction.source.id == transfer.id


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_bypassPending"])
def test_no_more_than_what_is_available_can_be_sent(api: stripe.StripeClient, provider: str, card: str) -> None:
    charge(api, card=card)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, 9681)
    assert (caught.value.http_status, caught.value.code) == (400, "balance_insufficient")
    assert api.v1.transfers.list().data == []
    assert balance(api, provider) == (0, 0)


def test_another_currencys_balance_does_not_help(api: stripe.StripeClient, provider: str) -> None:
    charge(api, currency="eur")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, 100)
    assert caught.value.code == "balance_insufficient"


def test_money_becomes_available_when_the_days_have_passed(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    made = charge(api, card="pm_card_visa")
    line = str(api.v1.charges.retrieve(made).balance_transaction)
    assert (balance(api), api.v1.balance_transactions.retrieve(line).status) == ((0, 9680), "pending")
    control.post("balance/settle")
    assert (balance(api), api.v1.balance_transactions.retrieve(line).status) == ((9680, 0), "available")
    assert api.v1.events.list({"limit": 1}).data[0].type == "balance.available"
    assert send(api, provider, 9680).amount == 9680


def test_a_transfer_out_of_a_charge_needs_no_balance_and_settles_with_it(
    api: stripe.StripeClient, control: Control, provider: str
) -> None:
    made = charge(api, card="pm_card_visa")
    transfer = send(api, provider, source_transaction=made)
    source = api.v1.charges.retrieve(made)
    assert transfer.transfer_group == source.transfer_group == f"group_{source.payment_intent}"
    assert (balance(api), balance(api, provider)) == ((0, 5680), (0, 4000))
    control.post("balance/settle")
    assert (balance(api), balance(api, provider)) == ((5680, 0), (4000, 0))


def test_all_transfers_of_a_charge_are_never_more_than_it(api: stripe.StripeClient, provider: str) -> None:
    made = charge(api)
    send(api, provider, 6000, source_transaction=made)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, 4001, source_transaction=made)
    assert caught.value.param == "amount"
    assert send(api, provider, 4000, source_transaction=made).amount == 4000


BAD: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"destination": "acct_1none"}, "resource_missing", "destination"),
    ({"amount": 0}, "parameter_invalid_integer", "amount"),
    ({"currency": "xxx"}, None, "currency"),
    ({"source_transaction": "ch_none"}, "resource_missing", "source_transaction"),
    ({"source_type": "bank_account"}, None, "source_type"),
]


@pytest.mark.parametrize(("params", "code", "param"), BAD)
def test_a_senseless_transfer_is_refused_by_name(
    api: stripe.StripeClient, provider: str, params: dict[str, Any], code: str | None, param: str | None
) -> None:
    charge(api)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, **params)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert balance(api) == (9680, 0)


def test_a_transfer_says_how_much(api: stripe.StripeClient, provider: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.create({"currency": "usd", "destination": provider})
    assert (caught.value.code, caught.value.param) == ("parameter_missing", "amount")


@pytest.mark.parametrize(("param", "value"), [("currency", "eur"), ("transfer_group", "order_2")])
def test_a_transfer_cannot_differ_from_its_charge(
    api: stripe.StripeClient, provider: str, param: str, value: str
) -> None:
    sent: dict[str, Any] = {"source_transaction": charge(api, transfer_group="order_1"), param: value}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, **sent)
    assert caught.value.param == param


def test_money_that_was_not_taken_cannot_be_sent(api: stripe.StripeClient, provider: str) -> None:
    held = charge(api, capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, provider, source_transaction=held)
    assert caught.value.param == "source_transaction"


def test_a_charge_gives_all_its_money_and_its_group(api: stripe.StripeClient, provider: str) -> None:
    made = charge(api, transfer_group="order_1")
    whole: Any = {"currency": "usd", "destination": provider, "source_transaction": made}
    transfer = api.v1.transfers.create(whole)
    assert (transfer.amount, transfer.transfer_group) == (10_000, "order_1")
    assert [t.id for t in api.v1.transfers.list({"transfer_group": "order_1"})] == [transfer.id]
    assert [c.id for c in api.v1.charges.list({"transfer_group": "order_1"})] == [made]


@pytest.mark.parametrize("reviewed", [True, False])
def test_an_account_without_the_capability_receives_nothing(
    api: stripe.StripeClient, control: Control, reviewed: bool
) -> None:
    account = api.v1.accounts.create({"type": "express"}).id
    if reviewed:
        control.post(f"accounts/{account}/onboard", capabilities={"transfers": "inactive"})
    charge(api)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        send(api, account)
    assert caught.value.code == "insufficient_capabilities_for_transfer"


def test_the_same_transfer_is_sent_once(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    body: Any = {"amount": 4000, "currency": "usd", "destination": provider}
    ids = {api.v1.transfers.create(body, {"idempotency_key": "t-1"}).id for _ in range(3)}
    assert len(ids) == 1
    assert balance(api, provider) == (4000, 0)


def test_a_transfers_texts_change_and_it_is_listed(api: stripe.StripeClient, control: Control, provider: str) -> None:
    charge(api)
    other = onboarded(api, control)
    transfer, _ = send(api, provider), send(api, other)
    update: Any = {"metadata": {"payout": "po_2"}, "description": "April"}
    changed = api.v1.transfers.update(transfer.id, update)
    assert (changed.metadata["payout"], changed.description) == ("po_2", "April")
    assert [t.id for t in api.v1.transfers.list({"destination": provider})] == [transfer.id]
    assert api.v1.transfers.retrieve(transfer.id).description == "April"
    types = [event.type for event in api.v1.events.list({"types": ["transfer.created", "transfer.updated"]})]
    assert types == ["transfer.updated", "transfer.created", "transfer.created"]


def test_a_reversal_brings_money_back_and_never_more_than_was_sent(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    transfer = send(api, provider)
    first = api.v1.transfers.reversals.create(transfer.id, {"amount": 1500, "metadata": {"refund": "re_1"}})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.reversals.create(transfer.id, {"amount": 2501})
    assert caught.value.param == "amount"
    partly = api.v1.transfers.retrieve(transfer.id)
    assert (partly.amount_reversed, partly.reversed) == (1500, False)
    rest = api.v1.transfers.reversals.create(transfer.id)
    wholly = api.v1.transfers.retrieve(transfer.id)
    assert (rest.amount, wholly.amount_reversed, wholly.reversed) == (2500, 4000, True)
    assert [r.id for r in wholly.reversals.data] == [rest.id, first.id]
    assert [r.id for r in api.v1.transfers.reversals.list(transfer.id)] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError, match="fully reversed"):
        api.v1.transfers.reversals.create(transfer.id, {"amount": 1})
    assert (balance(api), balance(api, provider)) == ((9680, 0), (0, 0))
    reversed_events = api.v1.events.list({"type": "transfer.reversed"}).data
    assert [event.data.object["amount_reversed"] for event in reversed_events] == [4000, 1500]


def test_a_reversal_is_read_and_marked(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    transfer, other = send(api, provider), send(api, provider)
    reversal = api.v1.transfers.reversals.create(transfer.id, {"amount": 1})
    marked = api.v1.transfers.reversals.update(transfer.id, reversal.id, {"metadata": {"refund": "re_1"}})
    assert marked.metadata == api.v1.transfers.reversals.retrieve(transfer.id, reversal.id).metadata
    (shown,) = api.v1.transfers.retrieve(transfer.id).reversals.data
    assert shown.metadata == marked.metadata
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.reversals.retrieve(other.id, reversal.id)
    assert caught.value.http_status == 404
    arrived = api.v1.charges.retrieve(str(transfer.destination_payment), {}, {"stripe_account": provider})
    assert (arrived.amount, arrived.amount_refunded) == (4000, 1)


def test_what_the_provider_has_spent_cannot_be_taken_back(api: stripe.StripeClient, provider: str) -> None:
    charge(api)
    transfer = send(api, provider)
    api.v1.payouts.create({"amount": 3000, "currency": "usd"}, {"stripe_account": provider})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.transfers.reversals.create(transfer.id, {"amount": 1001})
    assert caught.value.code == "balance_insufficient"
    assert api.v1.transfers.reversals.create(transfer.id, {"amount": 1000}).amount == 1000


def test_what_has_not_settled_is_taken_back_from_what_has_not(api: stripe.StripeClient, provider: str) -> None:
    transfer = send(api, provider, source_transaction=charge(api, card="pm_card_visa"))
    api.v1.transfers.reversals.create(transfer.id, {"amount": 1000})
    assert (balance(api), balance(api, provider)) == ((0, 6680), (0, 3000))


def test_lines_are_found_by_source_type_and_currency(api: stripe.StripeClient, provider: str) -> None:
    made = charge(api)
    charge(api, currency="eur")
    transfer = send(api, provider)

    def found(**query: Any) -> list[Any]:
        return [line.source for line in api.v1.balance_transactions.list(merged(query))]

    assert found(source=made) == [made]
    assert found(type="transfer") == [transfer.id]
    assert found(currency="usd") == [transfer.id, made]
    assert found(source=made, type="transfer") == []


STEP = st.tuples(
    st.sampled_from(
        ["charge", "later", "refund", "dispute", "transfer", "source", "reverse", "payout", "fail", "settle"]
    ),
    st.integers(50, 9000),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEP, min_size=4, max_size=18))
def test_the_balance_is_the_sum_of_its_lines_and_transfers_cancel_out(
    server: SandboxServer, control: Control, steps: list[tuple[str, int]]
) -> None:
    api = client(server, f"sk_test_platform_{next(_platforms):04}")
    provider = onboarded(api, control)
    for step, amount in steps:
        # What is refused is refused whole: the sums below hold all the same.
        with suppress(stripe.InvalidRequestError):
            _take(api, control, provider, step, amount)
    flows: Counter[str] = Counter()
    for account in (None, provider):
        made = lines(api, account)
        by_status: Counter[str] = Counter()
        for line in made:
            assert line.net == line.amount - line.fee
            by_status[line.status] += line.net
            flows[line.type] += line.net
        assert (by_status["available"], by_status["pending"]) == balance(api, account)
    assert flows["transfer"] + flows["payment"] == 0
    assert flows["transfer_refund"] + flows["payment_refund"] == 0
    assert balance(api, provider)[0] >= 0


def _take(api: stripe.StripeClient, control: Control, provider: str, step: str, amount: int) -> None:
    """One step; where there is nothing to do it with, none."""
    if step in {"charge", "later"}:
        charge(api, amount, "pm_card_bypassPending" if step == "charge" else "pm_card_visa")
    elif step in {"refund", "dispute", "source"}:
        made = api.v1.charges.list({"limit": 1}).data
        if made and step == "refund":
            api.v1.refunds.create({"charge": made[0].id, "amount": amount})
        elif made and step == "source":
            send(api, provider, amount, source_transaction=made[0].id)
        elif made and not made[0].disputed:
            control.post(f"charges/{made[0].id}/dispute")
    elif step == "transfer":
        send(api, provider, amount)
    elif step == "reverse":
        sent = api.v1.transfers.list({"limit": 1}).data
        if sent:
            api.v1.transfers.reversals.create(sent[0].id, {"amount": amount})
    elif step == "payout":
        api.v1.payouts.create({"amount": amount, "currency": "usd"}, {"stripe_account": provider})
    elif step == "fail":
        pending = api.v1.payouts.list({"status": "pending", "limit": 1}, {"stripe_account": provider}).data
        if pending:
            control.post(f"payouts/{pending[0].id}/finish", status="failed")
    else:
        control.post("balance/settle")
