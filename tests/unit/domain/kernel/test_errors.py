"""The error catalogue: public codes, each with one meaning and one status."""

import json
from pathlib import Path

import pytest

from billing.domain.invoicing.invoice import Invoice
from billing.domain.kernel.errors import BillingError, InvalidState, NotFound, RateLimited, catalogue
from billing.edge.http.envelope import anchor, failure, unanswerable

CONTRACT = {
    "VALIDATION_ERROR": 400,
    "idempotency.key_required": 400,
    "idempotency.key_reused": 422,
    "idempotency.in_progress": 409,
    "validation.payment_method.invalid": 400,
    "payment.declined": 502,
    "payment.insufficient_funds": 402,
    "payment.authentication_required": 402,
    "billing.plan.not_found": 404,
    "billing.coupon.expired": 422,
    "billing.coupon.exhausted": 422,
    "billing.coupon.invalid": 422,
    "rate.limited": 429,
    "auth.unauthenticated": 401,
    "auth.forbidden": 403,
    "auth.tenant_mismatch": 403,
    "resource.not_found": 404,
    "resource.conflict": 409,
    "<resource>.invalid_state": 409,
    "request.too_large": 413,
    "api.version_unsupported": 400,
    "internal.error": 500,
    "service.unavailable": 503,
}
"""The public codes with their statuses, as far as this release can answer with them."""


@pytest.mark.parametrize(("code", "status"), CONTRACT.items())
def test_the_contracts_codes_have_the_contracts_status(code: str, status: int) -> None:
    (found,) = [cls for cls in catalogue() if cls.code == code]
    assert found.status == status


def test_no_two_meanings_share_a_code_or_an_anchor() -> None:
    found = catalogue()
    made = [RateLimited("x", 1) if issubclass(cls, RateLimited) else cls("x") for cls in found]
    assert len({cls.code for cls in found}) == len({anchor(error) for error in made}) == len(found)


@pytest.mark.parametrize("cls", catalogue(), ids=lambda cls: cls.code)
def test_every_error_explains_itself_and_has_a_section_in_the_docs(cls: type[BillingError]) -> None:
    assert cls.explanation.endswith(".")
    page = (Path(__file__).parents[4] / "docs" / "errors.md").read_text()
    assert f"`{cls.code}`" in page


def test_the_body_is_the_one_of_the_template() -> None:
    """The body that the REST integration template shows (docs/contract-coverage.md, "Error Handling")."""
    body = json.loads(failure(NotFound.of(Invoice, "in_1"), "req_1", "https://docs"))
    assert body == {
        "error": {
            "code": "resource.not_found",
            "message": "No invoice in_1",
            "details": [],
            "request_id": "req_1",
            "documentation_url": "https://docs#errors_resourcenot_found",
        }
    }


def test_an_illegal_transition_names_the_resource_and_its_state() -> None:
    error = InvalidState.of("test_clock", "advancing", "deleted")
    assert (error.status, error.public_code) == (409, "test_clock.invalid_state")
    assert "advancing" in error.message


@pytest.mark.parametrize(("error", "status"), [(ValueError("4242 4242"), 500), (TimeoutError("x"), 503)])
def test_an_error_that_nobody_designed_tells_nothing(error: Exception, status: int) -> None:
    answer = unanswerable(error)
    assert answer.status == status
    assert str(error) not in answer.message
