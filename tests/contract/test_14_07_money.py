"""Issue 14, number 7: odd currencies, conversion, negative balances and the reserve for them, refunded charges."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.stripe_sandbox import exchange, money
from local.stripe_sandbox.errors import ApiError, InvalidRequestError
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.contract.marketplace import (
    CUSTOM,
    ON_MANUAL,
    balance,
    charge,
    line,
    on,
    onboarded,
    pay_out,
    refused,
    send,
)

_platforms = count(1)


@pytest.mark.parametrize(
    ("amount", "currency", "payout", "taken"),
    [
        (4301, "kwd", False, False),
        (4300, "kwd", False, True),
        (150, "ugx", False, False),
        (101, "isk", False, False),
        (1_234_567, "huf", False, True),
        (1_234_567, "huf", True, False),
        (1_234_500, "huf", True, True),
        (8_045, "twd", True, False),
        (500, "jpy", True, True),
        (1, "usd", True, True),
    ],
)
def test_14_07_an_amount_is_a_multiple_of_its_currencys_step(
    amount: int, currency: str, payout: bool, taken: bool
) -> None:
    """KWD ends in 0, ISK and UGX in 00 everywhere; HUF and TWD are whole in payouts alone."""
    if taken:
        money.check_step(amount, currency, payout=payout)
        return
    with pytest.raises(InvalidRequestError) as caught:
        money.check_step(amount, currency, payout=payout)
    assert caught.value.error["param"] == "amount"


def test_14_07_what_a_payout_can_take_of_a_balance() -> None:
    """E23: HUF 12,345.67 pays 12,345.00 and keeps 0.67."""
    assert money.whole(1_234_567, "huf") == 1_234_500
    assert money.whole(4301, "kwd") == 4300
    assert money.whole(4301, "usd") == 4301


@pytest.mark.parametrize(
    ("amount", "source", "target", "expected"),
    [(1000, "usd", "eur", 900), (1000, "usd", "jpy", 1500), (1500, "jpy", "usd", 1000), (1000, "usd", "kwd", 3070)],
)
def test_14_07_conversion_minds_the_decimals(amount: int, source: str, target: str, expected: int) -> None:
    rate = exchange.rate({}, source, target)
    assert abs(exchange.convert(amount, rate, source, target) - expected) <= 1
    assert exchange.rate({}, source, source) is None
    assert exchange.convert(amount, None, source, source) == amount
    own = {"rates": {f"{source}:{target}": "2"}}
    assert exchange.rate(own, source, target) == Decimal(2)


def test_14_07_a_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(ApiError, match="no rate for xpf"):
        exchange.rate({}, "usd", "xpf")


def test_14_07_what_goes_back_is_a_multiple_of_the_currencys_step_too(api: stripe.StripeClient) -> None:
    """KWD 5.120 is charged: neither 1.001 of it go back, nor are 1.001 of it captured; 1.000 are."""
    paid = charge(api, 5_120, "kwd")
    by_step = {"code": "parameter_invalid_integer", "param": "amount", "match": "divisible by 10"}
    refused(lambda: api.v1.refunds.create({"charge": paid, "amount": 1_001}), **by_step)
    assert api.v1.refunds.create({"charge": paid, "amount": 1_000}).amount == 1_000
    assert api.v1.refunds.create({"charge": paid}).amount == 4_120
    held = api.v1.payment_intents.create(
        {
            "amount": 5_120,
            "currency": "kwd",
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
            "confirm": True,
            "return_url": "https://shop.example",
        }
    )
    refused(lambda: api.v1.payment_intents.capture(held.id, {"amount_to_capture": 1_001}), **by_step)
    assert api.v1.payment_intents.capture(held.id, {"amount_to_capture": 1_000}).amount_received == 1_000


def test_14_07_whole_units_leave_by_a_payout(api: stripe.StripeClient, control: Control) -> None:
    """Section 5: HUF 12,345.67 paid out; the schedule leaves what is no whole unit."""
    charge(api, 3_000_000, "huf")
    provider = onboarded(api, control, "HU")
    send(api, provider, 1_234_567, "huf")
    control.post("balance/settle", account=provider)
    refused(
        lambda: pay_out(api, provider, 1_234_567, "huf"),
        code="parameter_invalid_integer",
        param="amount",
        match="divisible by 100",
    )
    assert pay_out(api, provider, 200_000, "huf").amount == 200_000
    assert control.post(f"accounts/{provider}/pay_out")["amount"] == 1_034_500
    assert balance(api, provider, "huf") == 67
    with pytest.raises(AssertionError, match="nothing to pay out"):
        control.post(f"accounts/{provider}/pay_out")


def test_14_07_a_payout_goes_to_a_bank_of_its_currency(api: stripe.StripeClient, control: Control) -> None:
    """Section 5: forints to a dollar bank. They never get there: they were converted when they arrived."""
    charge(api, 3_000_000, "huf")
    provider = onboarded(api, control)
    send(api, provider, 1_234_567, "huf")
    refused(lambda: pay_out(api, provider, 1_234_500, "huf"), code="balance_insufficient")
    assert (balance(api, provider, "huf"), balance(api, provider)) == (0, 3527)


def test_14_07_the_last_digit_of_a_dinar_is_0(api: stripe.StripeClient, control: Control) -> None:
    """Section 5: KWD 4.301 transferred; and a charge, and a reversal."""
    body: Any = {"amount": 5121, "currency": "kwd", "allowed_payment_method_types": ["card"]}
    refused(lambda: api.v1.payment_intents.create(body), code="parameter_invalid_integer", param="amount")
    charge(api, 50_000, "kwd")
    provider = onboarded(api, control, "KW")
    refused(lambda: send(api, provider, 4301, "kwd"), code="parameter_invalid_integer", param="amount")
    transfer = send(api, provider, 4300, "kwd")
    reversals = api.v1.transfers.reversals
    refused(lambda: reversals.create(transfer.id, {"amount": 301}), code="parameter_invalid_integer", param="amount")
    assert reversals.create(transfer.id, {"amount": 300}).amount == 300


def test_14_07_money_without_a_bank_of_its_currency_is_converted(api: stripe.StripeClient, control: Control) -> None:
    """Section 5: euros to a US account become dollars, with `exchange_rate` on the line that arrives."""
    charge(api, 10_000, "eur")
    provider = onboarded(api, control)
    transfer = send(api, provider, 4500, "eur")
    payment = api.v1.charges.retrieve(str(transfer.destination_payment), {}, on(provider))
    arrived = line(api, payment.balance_transaction, provider)
    assert (payment.amount, payment.currency) == (4500, "eur")
    assert (arrived.amount, arrived.currency, arrived.exchange_rate) == (5000, "usd", 1.111111)
    sent = line(api, transfer.balance_transaction)
    assert (sent.amount, sent.currency, sent.exchange_rate) == (-4500, "eur", None)
    assert (balance(api, provider), balance(api, provider, "eur")) == (5000, 0)
    reversal = api.v1.transfers.reversals.create(transfer.id, {"amount": 900})
    refund = api.v1.refunds.retrieve(str(reversal.destination_payment_refund), {}, on(provider))
    back = line(api, refund.balance_transaction, provider)
    assert (refund.amount, refund.currency) == (900, "eur")
    assert (back.amount, back.currency, back.exchange_rate) == (-1000, "usd", 1.111111)
    assert (balance(api, provider), line(api, reversal.balance_transaction).net) == (4000, 900)


def test_14_07_a_bank_of_the_currency_keeps_it(api: stripe.StripeClient, control: Control) -> None:
    charge(api, 10_000, "eur")
    provider = onboarded(api, control, "GB", **CUSTOM)
    euros: Any = {"object": "bank_account", "country": "DE", "currency": "eur"}
    details = euros | {"account_number": "DE89370400440532013000"}
    api.v1.accounts.external_accounts.create(provider, {"external_account": details})
    send(api, provider, 4500, "eur")
    assert (balance(api, provider, "eur", "pending"), balance(api, provider, "gbp", "pending")) == (4500, 0)


def test_14_07_a_reversal_converts_at_the_rate_of_its_own_day(api: stripe.StripeClient, control: Control) -> None:
    """C12: the rate moves between a transfer and its reversal: what is lost is the connected account's."""
    charge(api)
    provider = onboarded(api, control, "GB")
    transfer = send(api, provider, 5000)
    control.post("balance/settle", account=provider)
    assert balance(api, provider, "gbp") == 4000
    control.post(f"accounts/{provider}/exchange_rate", source="usd", target="gbp", rate="0.85")
    reversals = api.v1.transfers.reversals
    refused(lambda: reversals.create(transfer.id), code="balance_insufficient")
    reversals.create(transfer.id, {"amount": 4000})
    assert (balance(api, provider, "gbp"), balance(api)) == (600, 9680 - 1000)
    with pytest.raises(AssertionError, match="positive"):
        control.post(f"accounts/{provider}/exchange_rate", source="usd", target="gbp", rate="much")


def reserved(api: stripe.StripeClient) -> int:
    return balance(api, None, "usd", "connect_reserved")


def test_14_07_a_negative_account_is_covered_by_the_platforms_reserve(
    api: stripe.StripeClient, control: Control
) -> None:
    """Section 5: `connect_reserved` follows the deficit to the cent, both ways, and is a line of the balance."""
    charge(api)
    provider = onboarded(api, control)
    send(api, provider, 1000)
    assert (balance(api), reserved(api)) == (8680, 0)
    control.post(f"accounts/{provider}/debit", amount=4000, description="Dispute of a direct charge")
    assert (balance(api, provider), balance(api), reserved(api)) == (-3000, 5680, 3000)
    (hold,) = api.v1.balance_transactions.list({"type": "reserve_transaction"})
    assert (hold.net, hold.reporting_category) == (-3000, "connect_reserved_funds")
    refused(lambda: pay_out(api, provider, 1), code="balance_insufficient")
    # What is sent to it fills the hole first (C13), and a reversal takes nothing from an account in the red.
    transfer = send(api, provider, 2000)
    assert (balance(api, provider), balance(api), reserved(api)) == (-1000, 5680, 1000)
    refused(lambda: api.v1.transfers.reversals.create(transfer.id), code="balance_insufficient")
    send(api, provider, 1500)
    assert (balance(api, provider), balance(api), reserved(api)) == (500, 5180, 0)


def test_14_07_a_negative_balance_is_written_off_in_the_end(api: stripe.StripeClient, control: Control) -> None:
    """After 180 days the platform pays: the reserve is gone, the account is even."""
    charge(api)
    provider = onboarded(api, control)
    control.post(f"accounts/{provider}/debit", amount=3000)
    control.post(f"accounts/{provider}/write_off")
    assert (balance(api, provider), balance(api), reserved(api)) == (0, 6680, 0)
    (paid,) = api.v1.balance_transactions.list({"type": "connect_collection_transfer"})
    assert paid.net == -3000
    with pytest.raises(AssertionError, match="Nothing is reserved"):
        control.post(f"accounts/{provider}/write_off")
    assert api.v1.accounts.delete(provider).deleted


def test_14_07_the_platform_covers_only_what_it_is_liable_for(api: stripe.StripeClient, control: Control) -> None:
    charge(api)
    standard = api.v1.accounts.create({"type": "standard"}).id
    control.post(f"accounts/{standard}/debit", amount=3000)
    assert (balance(api, standard), balance(api), reserved(api)) == (-3000, 9680, 0)
    with pytest.raises(AssertionError, match="positive"):
        control.post(f"accounts/{standard}/debit", amount=0)


def test_14_07_pending_money_does_not_cover_a_hole(api: stripe.StripeClient, control: Control) -> None:
    made = charge(api, payment_method="pm_card_visa")
    provider = onboarded(api, control)
    send(api, provider, 5000, source_transaction=made)
    control.post(f"accounts/{provider}/debit", amount=3000)
    assert (balance(api, provider), reserved(api)) == (-3000, 3000)
    control.post("balance/settle", account=provider)
    assert (balance(api, provider), reserved(api)) == (2000, 0)


def test_14_07_a_refunded_charge_gives_no_more_than_what_is_left(api: stripe.StripeClient, control: Control) -> None:
    """Section 5: a transfer out of a refunded charge; Stripe's answer is not documented, refusing is the safer one."""
    provider = onboarded(api, control)
    half, whole = charge(api), charge(api)
    api.v1.refunds.create({"charge": half, "amount": 4000})
    api.v1.refunds.create({"charge": whole})
    match = "must not exceed the source amount"
    refused(lambda: send(api, provider, 1, source_transaction=whole), param="amount", match=match)
    send(api, provider, 5000, source_transaction=half)
    refused(lambda: send(api, provider, 1001, source_transaction=half), param="amount", match=match)
    assert send(api, provider, 1000, source_transaction=half).amount == 1000


def test_14_07_a_manual_schedule_pays_nothing_by_itself(api: stripe.StripeClient, control: Control) -> None:
    provider = onboarded(api, control, settings=ON_MANUAL)
    charge(api)
    send(api, provider)
    with pytest.raises(AssertionError, match="manual"):
        control.post(f"accounts/{provider}/pay_out")
    assert pay_out(api, provider, 5000).automatic is False


def test_14_07_a_scheduled_payout_lists_the_lines_that_it_is_made_of(
    api: stripe.StripeClient, control: Control
) -> None:
    """The `payout` filter: the lines sum to the payout, each is in one payout, and a manual payout has none."""
    provider = onboarded(api, control)
    charge(api)
    send(api, provider, 1000)
    by_hand = pay_out(api, provider, 200)
    least: Any = {"payments": {"payouts": {"minimum_balance_by_currency": {"usd": 50}}}}
    api.v1.balance_settings.update(least, on(provider))
    amounts = []
    for sent in (2000, 3000):
        send(api, provider, sent)
        made = control.post(f"accounts/{provider}/pay_out")
        lines = api.v1.balance_transactions.list({"payout": made["id"], "limit": 100}, on(provider)).data
        own = [each for each in lines if each.source == made["id"]]
        amounts.append((made["amount"], sum(each.net for each in lines), len(own)))
    assert amounts == [(2750, 50, 1), (3000, 0, 1)]
    refused(
        lambda: api.v1.balance_transactions.list({"payout": by_hand.id}, on(provider)),
        param="payout",
        match="only be filtered on automatic",
    )
    refused(lambda: api.v1.balance_transactions.list({"payout": "po_none"}), code="resource_missing", param="payout")


STEP = st.tuples(
    st.sampled_from(["charge", "send", "later", "debit", "reverse", "settle", "payout"]), st.integers(1, 6000)
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEP, min_size=4, max_size=14))
def test_14_07_the_reserve_is_what_all_accounts_are_short_of(
    server: SandboxServer, control: Control, steps: list[tuple[str, int]]
) -> None:
    """Whatever happens in whatever order: reserve = the sum of the negative balances, and no line is lost."""
    api = client(server, f"sk_test_reserve_{next(_platforms):06}")
    providers = [onboarded(api, control) for _ in range(2)]
    charge(api, 50_000)
    for index, (step, amount) in enumerate(steps):
        _take(api, control, providers[index % 2], step, amount)
        short = sum(max(0, -balance(api, each)) for each in providers)
        assert reserved(api) == short
    lines = list(api.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert sum(each.net for each in lines) == balance(api) + balance(api, part="pending")


def _take(api: stripe.StripeClient, control: Control, provider: str, step: str, amount: int) -> None:
    """One step; what is refused changes nothing."""
    try:
        if step == "charge":
            charge(api, amount + 50)
        elif step == "later":
            made = charge(api, amount + 50, payment_method="pm_card_visa")
            send(api, provider, amount, source_transaction=made)
        elif step == "send":
            send(api, provider, amount)
        elif step == "debit":
            control.post(f"accounts/{provider}/debit", amount=amount)
        elif step == "reverse":
            sent = api.v1.transfers.list({"destination": provider, "limit": 1}).data
            if sent:
                api.v1.transfers.reversals.create(sent[0].id, {"amount": amount})
        elif step == "payout":
            pay_out(api, provider, amount)
        else:
            control.post("balance/settle", account=provider)
    except stripe.InvalidRequestError:
        return
