"""Issue 11, number 25: the bank's advice, as Stripe gives it and as it is remembered when Stripe is asked again."""

from collections.abc import Iterator

import pytest

from billing.domain.kernel.money import Money
from billing.domain.payments.payment import PaymentStatus
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from tests.support.gateway import API_KEY, gateway_to, pending_payment

PRICE = Money(4_999_000, "USD")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(check_responses=True) as server:
        yield server


@pytest.mark.parametrize(
    ("decline", "advice", "final"),
    [
        ("do_not_honor", "do_not_try_again", True),
        ("generic_decline", "do_not_try_again", True),
        ("insufficient_funds", "do_not_try_again", True),
        ("do_not_honor", "try_again_later", False),
        ("do_not_honor", "confirm_card_data", False),
        ("do_not_try_again", None, True),
        ("transaction_not_allowed", None, True),
    ],
)
def test_do_not_try_again_is_final_in_the_answer_and_when_it_is_looked_up(
    sandbox: SandboxServer, decline: str, advice: str | None, final: bool
) -> None:
    """A connection that broke before the answer must not turn a final decline into a soft one."""
    api, gateway = client(sandbox, API_KEY), gateway_to(sandbox.url)
    customer = api.v1.customers.create().id
    saved = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    Control(sandbox.url).post(f"payment_methods/{saved}/behaviour", decline=decline, advice=advice)
    answer = gateway.charge(pending_payment(customer, saved, PRICE))
    assert answer.status is PaymentStatus.FAILED
    assert answer.error is not None
    assert answer.intent_id is not None
    assert answer.error.final is final
    assert gateway.retrieve_charge(answer.intent_id)[0].error == answer.error
