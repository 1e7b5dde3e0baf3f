"""Issue 15, item 10: Stripe's words that a tenant is told hold no key of the platform's and no person's address."""

import pytest
import stripe

from billing.integrations.stripe.connect_objects import refused


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "The provided key 'sk_live_****************4Xyz' does not have access to account 'acct_1'.",
            "The provided key '(key)' does not have access to account 'acct_1'.",
        ),
        ("Invalid API Key provided: rk_test_51Abc", "Invalid API Key provided: (key)"),
        ("No such setupintent: 'seti_1_secret_9abc'", "No such setupintent: '(key)'"),
        ("whsec_1 is known; Ada <ada@provider.example> too", "(key) is known; Ada <(email)> too"),
        ("KP is not currently supported by Stripe", "KP is not currently supported by Stripe"),
        ("risk_level and task_1 are no keys", "risk_level and task_1 are no keys"),
    ],
)
def test_15_no_key_and_no_address_is_passed_on(words: str, told: str) -> None:
    body = {"error": {"type": "invalid_request_error", "message": words}}
    error = stripe.InvalidRequestError(words, "account", http_status=400, json_body=body)
    assert refused(error).message == told
