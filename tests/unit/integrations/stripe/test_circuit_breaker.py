"""The circuit breaker, by its own laws and around the real HTTP client."""

import logging
from collections.abc import Iterator

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.kernel.errors import PaymentMethodInvalid, Unavailable
from billing.domain.kernel.money import Money
from billing.domain.payments.payment import PaymentStatus
from billing.integrations.stripe.circuit_breaker import CircuitBreaker
from billing.integrations.stripe.http_client import require_time
from billing.services.kernel.deadline import Deadline
from billing.services.payments.processor import OutcomeUnknown
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.support.gateway import API_KEY, gateway_to, pending_payment

PRICE = Money(4_999_000, "USD")


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> CircuitBreaker:
    return CircuitBreaker(time, failures_to_open=3, open_s=20)


def fail(breaker: CircuitBreaker, times: int = 3) -> None:
    for _ in range(times):
        breaker.check()
        breaker.failed()


def refused(breaker: CircuitBreaker) -> int:
    """A request is refused; returns what the caller is told to wait."""
    with pytest.raises(Unavailable) as refusal:
        breaker.check()
    with pytest.raises(Unavailable):
        breaker.ready()
    assert refusal.value.retry_after_s is not None
    return refusal.value.retry_after_s


def test_it_opens_at_the_nth_failure_in_a_row_and_says_how_long(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker, 2)
    breaker.check()
    breaker.failed()
    assert refused(breaker) == 20
    time.s += 12.5
    assert refused(breaker) == 8
    time.s += 7.4
    assert refused(breaker) == 1


def test_whoever_operates_it_is_told_when_it_opens(breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("billing.integrations.stripe.circuit_breaker")
    log.addHandler(caplog.handler)
    try:
        fail(breaker, 2)
        assert not caplog.messages
        fail(breaker, 1)
        assert set(caplog.messages) == {"circuit open"}
    finally:
        log.removeHandler(caplog.handler)


def test_an_answer_forgets_the_failures_before_it(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        fail(breaker, 2)
        breaker.check()
        breaker.succeeded()
    breaker.check()


def test_half_open_it_lets_one_probe_go_and_an_answer_closes_it(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    time.s += 20
    breaker.check()
    assert refused(breaker) == 20
    breaker.succeeded()
    fail(breaker, 2)
    breaker.check()


def test_a_probe_that_fails_opens_it_again(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    time.s += 20
    breaker.check()
    time.s += 3
    breaker.failed()
    assert refused(breaker) == 20


def test_a_probe_that_never_comes_back_is_given_up(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    for _ in range(3):
        time.s += 20
        breaker.check()
        refused(breaker)


def test_asking_whether_it_is_ready_takes_no_probe_away(breaker: CircuitBreaker, time: Time) -> None:
    breaker.ready()
    fail(breaker)
    time.s += 20
    breaker.ready()
    breaker.ready()
    breaker.check()
    with pytest.raises(Unavailable):
        breaker.ready()


_step = st.sampled_from(["answered", "failed", "lost"])


@given(st.lists(st.tuples(_step, st.floats(0, 30)), max_size=60), st.integers(1, 6))
def test_whatever_happens_nothing_goes_while_it_is_open_and_never_is_it_shut_for_longer_than_its_time(
    steps: list[tuple[str, float]], failures_to_open: int
) -> None:
    time = Time()
    breaker = CircuitBreaker(time, failures_to_open, open_s=20)
    in_a_row, shut_at = 0, -1000.0
    for outcome, passed_s in steps:
        time.s += passed_s
        if in_a_row >= failures_to_open and time.s - shut_at < 20:
            assert 1 <= refused(breaker) <= 20
            continue
        breaker.check()
        if outcome == "answered":
            breaker.succeeded()
            in_a_row = 0
        elif outcome == "failed":
            breaker.failed()
            in_a_row += 1
        if in_a_row >= failures_to_open:
            shut_at = time.s


# --- around Stripe ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


def well(sandbox: SandboxServer) -> None:
    """No fault is left."""
    assert sandbox.sandbox is not None
    sandbox.sandbox.faults.clear()


@pytest.fixture
def control(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)  # the SDK's pause between its two tries
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)
    yield Control(sandbox.url)
    well(sandbox)


def sent(control: Control) -> int:
    """How many requests reached Stripe."""
    return len(control.get("requests")["data"])


@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 500}, {"kind": "status", "status": 503}, {"kind": "status", "status": 429},
     {"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "slow", "ms": 700}],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)  # fmt: skip
def test_a_stripe_that_does_not_answer_is_left_alone_until_the_probe(
    sandbox: SandboxServer, control: Control, breaker: CircuitBreaker, time: Time, fault: dict[str, object]
) -> None:
    patient = gateway_to(sandbox.url, breaker=breaker)
    gateway = gateway_to(sandbox.url, breaker=breaker, timeout_s=0.3) if fault["kind"] == "slow" else patient
    customer = client(sandbox, API_KEY).v1.customers.create().id
    payments = [pending_payment(customer, "pm_card_visa", PRICE) for _ in range(3)]
    control.post("faults", method="POST", path="^/v1/payment_intents$", times=1000, **fault)
    turned_away = fault.get("status") == 429  # Stripe looked at none of it, so it is known that nothing was done
    for payment in payments:
        gateway.ready()
        with pytest.raises(Unavailable if turned_away else OutcomeUnknown):
            gateway.charge(payment)
    before = sent(control)
    with pytest.raises(Unavailable) as refusal:
        gateway.ready()
    assert refusal.value.retry_after_s == 20
    with pytest.raises(Unavailable):  # nothing was sent, and that is known
        gateway.charge(payments[0])
    with pytest.raises(Unavailable):
        gateway.find_charge(payments[0])
    assert sent(control) == before
    well(sandbox)
    time.s += 20
    patient.ready()
    fresh = pending_payment(customer, "pm_card_visa", PRICE)
    assert patient.charge(fresh).status is PaymentStatus.SUCCEEDED
    assert gateway.find_charge(fresh) == gateway.charge(fresh)


def test_any_answer_is_an_answer(sandbox: SandboxServer, control: Control, breaker: CircuitBreaker) -> None:
    gateway = gateway_to(sandbox.url, breaker=breaker)
    customer = client(sandbox, API_KEY).v1.customers.create().id
    for attempt in range(4):
        declined = gateway.charge(pending_payment(customer, "pm_card_chargeDeclined", PRICE))
        assert declined.status is PaymentStatus.FAILED
        with pytest.raises(PaymentMethodInvalid):
            gateway.attach("pm_there_is_none", customer, f"attach-{attempt}")
    gateway.ready()


def test_without_time_nothing_is_sent(sandbox: SandboxServer, control: Control, breaker: CircuitBreaker) -> None:
    payment = pending_payment(client(sandbox, API_KEY).v1.customers.create().id, "pm_card_visa", PRICE)
    before = sent(control)
    gateway = gateway_to(sandbox.url, breaker=breaker, left_s=lambda: 0.5)
    for _ in range(4):
        with pytest.raises(Unavailable):
            gateway.ready()
        with pytest.raises(Unavailable):
            gateway.charge(payment)
    assert sent(control) == before
    breaker.ready()  # that was not Stripe's fault


def test_a_slow_stripe_gets_what_is_left_of_the_time_and_no_second_try(
    sandbox: SandboxServer, control: Control, breaker: CircuitBreaker, time: Time
) -> None:
    payment = pending_payment(client(sandbox, API_KEY).v1.customers.create().id, "pm_card_visa", PRICE)
    control.post("faults", kind="slow", ms=3000, method="POST", path="^/v1/payment_intents$", times=2)
    before = sent(control)
    left = iter([1.6, 1.6, 0.9, 0.9])
    gateway = gateway_to(sandbox.url, breaker=breaker, left_s=lambda: next(left))
    with pytest.raises(OutcomeUnknown):
        gateway.charge(payment)
    assert sent(control) == before + 1
    assert list(left) == [0.9]


def test_a_deadline_is_the_invocations_own() -> None:
    time = Time()
    deadline = Deadline(time)
    require_time(deadline.left_s())
    deadline.begin(29_000)
    assert deadline.left_s() == 25
    time.s += 24.5
    with pytest.raises(Unavailable):
        require_time(deadline.left_s())
    deadline.begin(29_000)
    require_time(deadline.left_s())
