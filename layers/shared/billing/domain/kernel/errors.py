"""The error catalogue: every error that the API can answer with, one class each.

    BillingError
    ├── BadRequest 400        ValidationFailed, IdempotencyKeyRequired, ApiVersionUnsupported, ...
    ├── Unauthenticated 401   ReauthenticationRequired
    ├── PaymentRequired 402   InsufficientFunds, AuthenticationRequired
    ├── Forbidden 403         TenantMismatch, LiveTenant
    ├── NotFound 404          PlanNotFound
    ├── Conflict 409          InvalidState, IdempotencyInProgress
    ├── VersionMismatch, AmountChanged 412
    ├── BodyTooLarge 413
    ├── Unprocessable 422     IdempotencyKeyReused, CouponExpired, CouponExhausted, CouponInvalid, ...
    ├── RateLimited 429
    ├── InternalError 500
    ├── PaymentDeclined 502
    └── Unavailable 503

A code is public API: it never changes its meaning. ``docs/errors.md`` is generated from this module
(``python -m local.reference.errors_page``); ``documentation_url`` of an error body points there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from billing.domain.kernel.entity import Entity, in_words


@dataclass(frozen=True, slots=True)
class Detail:
    """One bad field: its path as the caller wrote it, and a reason such as ``missing_required_field``."""

    field: str
    reason: str


class BillingError(Exception):
    """An error that the caller sees: HTTP status, public code, message, and the fields concerned."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal.error"
    explanation: ClassVar[str] = "Something failed on our side. Retry with the same Idempotency-Key."

    def __init__(self, message: str, details: tuple[Detail, ...] = (), retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after_s = retry_after_s
        # A subclass or an instance may refine its code (`subscription.invalid_state`).
        self.public_code = self.code


class BadRequest(BillingError):
    status = 400
    code = "bad_request"
    explanation = "The request cannot be understood. Fix it before trying again."


class ValidationFailed(BadRequest):
    code = "VALIDATION_ERROR"
    explanation = "The request has the wrong shape. `details` names every bad field with a reason."

    @classmethod
    def of(cls, field: str, reason: str, message: str | None = None) -> "ValidationFailed":
        """One bad field found by a rule that the schema cannot express."""
        return cls(message or f"{field}: {reason}", (Detail(field, reason),))

    @classmethod
    def all(cls, details: Sequence[Detail]) -> "ValidationFailed":
        """Several bad fields; the message names the first five."""
        return cls(", ".join(f"{each.field}: {each.reason}" for each in details[:5]), tuple(details))


class IdempotencyKeyRequired(BadRequest):
    code = "idempotency.key_required"
    explanation = "Every write needs an Idempotency-Key header of 1 to 255 visible ASCII characters."


class ApiVersionUnsupported(BadRequest):
    code = "api.version_unsupported"
    explanation = "The X-API-Version header names a version that this API does not have."


class PaymentMethodInvalid(BadRequest):
    code = "validation.payment_method.invalid"
    explanation = "The payment method does not exist, is detached, or belongs to another customer."


class WebhookRejected(BadRequest):
    code = "webhook.rejected"
    explanation = "An incoming webhook without a valid signature, too old, or whose body is not JSON."


class Unauthenticated(BillingError):
    status = 401
    code = "auth.unauthenticated"
    explanation = "No API key and no access token, or one that is unknown, revoked or expired."


class ReauthenticationRequired(Unauthenticated):
    code = "auth.reauthentication_required"
    explanation = (
        "What this asks for needs a password that was entered within ten minutes, and the access token's is older (RFC "
        "9470). Nothing was done. Have the user enter it again, get another token, and repeat the request."
    )


class PaymentRequired(BillingError):
    status = 402
    code = "payment.required"
    explanation = "The payment needs something from the payer."


class InsufficientFunds(PaymentRequired):
    code = "payment.insufficient_funds"
    explanation = "The card has too little money on it."


class AuthenticationRequired(PaymentRequired):
    code = "payment.authentication_required"
    explanation = "The bank wants the payer to authenticate (3-D Secure)."


class Forbidden(BillingError):
    status = 403
    code = "auth.forbidden"
    explanation = "The credential is valid, but lacks the scope that this request needs."


class TenantMismatch(Forbidden):
    code = "auth.tenant_mismatch"
    explanation = "The path or the x-tenant-id header names a tenant that is not the credential's."


class AddressNotAllowed(Forbidden):
    code = "auth.address_not_allowed"
    explanation = "The call came from an address that is in no allow list of the key or of the tenant."


class TenantSuspended(Forbidden):
    code = "tenant.suspended"
    explanation = "The tenant is suspended by the platform."


class LiveTenant(Forbidden):
    code = "test_clock.live_tenant"
    explanation = "Test clocks exist only for tenants in test mode."


class RefundWindowPassed(Forbidden):
    code = "refund.window_passed"
    explanation = "The order's refund deadline (`refundDeadlineAt`) has passed."


class NotFound(BillingError):
    status = 404
    code = "resource.not_found"
    explanation = "No such thing in this tenant. The id may be another tenant's."

    @classmethod
    def of(cls, kind: type[Entity], resource_id: str) -> "NotFound":
        return cls(f"No {in_words(kind)} {resource_id}")


class RouteNotFound(NotFound):
    code = "route.not_found"
    explanation = "No route has this method and path."


class PlanNotFound(NotFound):
    code = "billing.plan.not_found"
    explanation = "Neither the tenant's catalog nor the platform's has an active plan with this id."


class Conflict(BillingError):
    status = 409
    code = "resource.conflict"
    explanation = "Somebody else changed the same thing at the same time. Read it again, then decide."


class LostRace(Conflict):
    """A version condition failed at the commit: the request is run again from load (``services.kernel.retries``)."""


class AlreadyExists(Conflict):
    code = "resource.already_exists"
    explanation = "The id is taken."


class InvalidState(Conflict):
    """A transition that the thing's state does not allow; its public code is ``<resource>.invalid_state``."""

    code = "<resource>.invalid_state"
    explanation = "The thing is in a state that does not allow this. The message names the state."

    @classmethod
    def of(cls, resource: str, state: str, action: str) -> "InvalidState":
        error = cls(f"The {resource.replace('_', ' ')} is {state} and cannot be {action}")
        error.public_code = f"{resource}.invalid_state"
        return error


class IdempotencyInProgress(Conflict):
    code = "idempotency.in_progress"
    explanation = "A request with this Idempotency-Key is being worked on. Retry in a few seconds."


class VersionMismatch(BillingError):
    status = 412
    code = "resource.version_mismatch"
    explanation = (
        "The thing has another version than the If-Match header names: somebody changed it since. Nothing was done. "
        "Read it again, then decide."
    )


class AmountChanged(BillingError):
    status = 412
    code = "subscription.amount_changed"
    explanation = (
        "The change would bill another sum than `expectedTotal` or `expectedAmountDue` says: something changed since "
        "it was previewed. Nothing was done. `details` has each sum as it is now, in micro-units (`is_5000000`). "
        "Preview it again, then decide."
    )


class BodyTooLarge(BillingError):
    status = 413
    code = "request.too_large"
    explanation = "The body is larger than 1 MiB, or what it asks for is larger than can be stored as one thing."


class Unprocessable(BillingError):
    status = 422
    code = "unprocessable"
    explanation = "The request is well formed, but what it asks for cannot be."


class IdempotencyKeyReused(Unprocessable):
    code = "idempotency.key_reused"
    explanation = "This Idempotency-Key was used for another request within 24 hours."


class CouponExpired(Unprocessable):
    code = "billing.coupon.expired"
    explanation = "The coupon's time is over."


class CouponExhausted(Unprocessable):
    code = "billing.coupon.exhausted"
    explanation = "The coupon was redeemed as often as it may be, by everybody together or by this customer."


class CouponInvalid(Unprocessable):
    code = "billing.coupon.invalid"
    explanation = "No coupon has this code, or it does not apply here."


class RefundExceedsAvailable(Unprocessable):
    code = "billing.refund.exceeds_available"
    explanation = "More is to be credited or refunded than is left of the invoice, of a line of it, or of its payment."


class CurrencyUnsupportedInRegion(Unprocessable):
    code = "plan.currency.unsupported_in_region"
    explanation = "The region of the order does not allow this currency."


class ProviderUnavailable(Unprocessable):
    code = "provider.unavailable"
    explanation = "No such provider, or one that cannot sell here (suspended, or in another mode than the marketplace)."


class CommissionTooHigh(Unprocessable):
    code = "order.commission_too_high"
    explanation = "An item's commission, with the tax on it, is more than the item brings. `details` names the items."


class OrderNotChargeable(Unprocessable):
    code = "order.not_chargeable"
    explanation = "No card can be charged what the order comes to. `details` says why."


class PaymentDiffersFromOrder(Unprocessable):
    code = "payment.differs_from_order"
    explanation = (
        "The payment is to be of another amount, currency or customer than its order is. `details` says which."
    )


class PayoutRefused(Unprocessable):
    code = "payout.refused"
    explanation = "There is nothing to pay out, or nowhere to pay it to. `details` has the reason."


class ProviderAccountRefused(Unprocessable):
    code = "provider_account.refused"
    explanation = "Stripe does not open such an account, or the account cannot be used here. `details` has the reason."


class EndpointLimitReached(Unprocessable):
    code = "webhook_endpoint.limit_reached"
    explanation = "A tenant has 50 webhook endpoints at most. Delete one first, disabled or not."


class TaxJurisdictionUnsupported(Unprocessable):
    code = "billing.tax.jurisdiction_unsupported"
    explanation = "The tax due at this address is not known: no country (or state), or the provider has no rates."


class EInvoiceNotPossible(Unprocessable):
    code = "billing.einvoice.not_possible"
    explanation = "The document cannot be an e-invoice as EN 16931 wants it. `details` says in words what is missing."


class ReportTooLong(Unprocessable):
    code = "report.too_long_for_pdf"
    explanation = "A report as PDF has 1,000 rows at most. Its CSV has all of them; the message names it."


class RateLimited(BillingError):
    status = 429
    code = "rate.limited"
    explanation = "Too many requests. Wait for Retry-After seconds."

    def __init__(
        self,
        message: str,
        retry_after_s: int,
        rate: "tuple[int, int, int] | None" = None,
        caller: "tuple[str, str, frozenset[Any]] | None" = None,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.caller = caller
        """(tenant id, principal, scopes) of who called: the audit log names it."""
        self.rate = rate
        """(limit, remaining, reset in Unix seconds) for the headers, where it is known."""


class InternalError(BillingError):
    pass


class PaymentDeclined(BillingError):
    status = 502
    code = "payment.declined"
    explanation = "The card processor declined the payment."


class Unavailable(BillingError):
    status = 503
    code = "service.unavailable"
    explanation = "Something that we depend on is down or busy. Retry with the same Idempotency-Key."


def catalogue() -> list[type[BillingError]]:
    """Every concrete error class, by status and code."""
    found: list[type[BillingError]] = []
    pending: list[type[BillingError]] = [InternalError]
    pending += [c for c in BillingError.__subclasses__() if c is not InternalError]
    while pending:
        cls = pending.pop()
        found.append(cls)
        pending += cls.__subclasses__()
    by_code = {cls.code: cls for cls in reversed(found)}
    return sorted(by_code.values(), key=lambda cls: (cls.status, cls.code))
