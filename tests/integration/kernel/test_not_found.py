"""What is not there is named in the caller's words, whatever its class is called here."""

import pytest

from tests.integration.world import Tenant

WORDS = {
    "/v1/customers/nope": "customer",
    "/v1/subscriptions/nope": "subscription",
    "/v1/invoices/nope": "invoice",
    "/v1/payments/nope": "payment",
    "/v1/disputes/nope": "dispute",
    "/v1/coupons/nope": "coupon",
    "/v1/meters/nope": "meter",
    "/v1/credit-notes/nope": "credit note",
    "/v1/test-clocks/nope": "test clock",
    "/v1/usage/events/nope": "usage event",
}


@pytest.mark.parametrize(("path", "words"), WORDS.items())
def test_what_is_not_there_is_named_in_words(tenant: Tenant, path: str, words: str) -> None:
    """Issue 10: ``No usage event nope``, not ``No usage_event nope``."""
    answer = tenant.get(path)
    assert (answer.status, answer.error["code"]) == (404, "resource.not_found")
    assert answer.error["message"] == f"No {words} {'NOPE' if words == 'coupon' else 'nope'}"
