"""Issue 11, number 10: whoever decides on what another request is changing looks again, at whatever moment it comes.

The other request commits right after this one has read the payment method, and before it reads more. The method
is not written by this one, so that its own version condition would not tell.
"""

from collections.abc import Callable
from typing import Any

import pytest

from billing.bootstrap import storage
from billing.bootstrap.payments import saved_methods
from billing.domain.customers.customer import PaymentMethod
from billing.storage.store import Store
from tests.integration.payer import ask_intent, open_invoice, saved_method
from tests.integration.world import Answer, Tenant

Ask = Callable[[Tenant, str, str], Answer]


def _choose(tenant: Tenant, customer: str, method: str) -> Answer:
    return tenant.post(f"/v1/payment-methods/{method}/set-default")


def _subscribe(tenant: Tenant, customer: str, method: str) -> Answer:
    tenant.plan()
    named = {"customerId": customer, "paymentMethodId": method}
    body = {"planId": "business-monthly", "quantities": {"seats": 1}, **named}
    return tenant.post("/v1/subscriptions", body)


def _pay(tenant: Tenant, customer: str, method: str) -> Answer:
    return tenant.post(
        f"/v1/invoices/{open_invoice(tenant, customerId=customer)['id']}/pay", {"paymentMethodId": method}
    )


def _intent(tenant: Tenant, customer: str, method: str) -> Answer:
    return ask_intent(tenant, amount=1_000_000, currency="USD", customerId=customer, paymentMethodId=method)


@pytest.mark.parametrize("ask", [_choose, _subscribe, _pay, _intent])
def test_11_10_a_method_that_goes_while_it_is_chosen_is_not_chosen(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    customer = tenant.customer()
    kept, going = saved_method(tenant, customerId=customer), saved_method(tenant, customerId=customer)
    read = Store.load
    left = [going]

    def removed_meanwhile(store: Store, refs: Any, items: Any) -> Any:
        found = read(store, refs, items)
        if left and any(ref.kind is PaymentMethod for ref in refs):
            other = storage.units().begin(tenant.id)
            saved_methods().remove(other, left.pop())
            other.commit()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Store, "load", removed_meanwhile)
        answer = ask(tenant, customer, going)
    assert not left
    assert (answer.status, answer.error["code"]) == (400, "validation.payment_method.invalid")
    assert tenant.get(f"/v1/customers/{customer}").data["defaultPaymentMethodId"] == kept
    assert tenant.get("/v1/subscriptions", customer=customer).data == []
