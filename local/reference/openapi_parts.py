"""The parts of the OpenAPI document that no signature contains: texts, examples, envelope, headers, webhooks."""

from typing import Any

REF = "#/components/schemas/{model}"

DESCRIPTION = """\
Subscription billing on your own AWS account.

- **One route, two spellings**: `/api/v1/...` and `/v1/...` are the same.
- **Authentication**: an API key in `X-API-Key`. Each operation names the scope that it needs; a key of scope
  `read` has `billing:read`; `write` has `billing:write`, `subscriptions:manage` and `payments:process` too;
  `admin` has `billing:admin` as well. `platform` belongs to the operator's own keys.
- **Signatures**: a key with `requireSignature` signs each request: `X-Signature: t=UNIX,v1=HEX`, HMAC-SHA256 under its
  signing secret over `t.METHOD.path?query.` and the SHA-256 of the body in hexadecimal digits; the path as it is
  called, without `?` where there is no query. Instead, or beside it, `v2=HEX` over eight lines (line feeds between
  them): `v2`, t, method, path?query, the body's SHA-256, `Idempotency-Key`, `x-user-id`, `X-API-Version`. Each
  signature counts once and for five minutes; a retry is signed anew.
- **Writes** need an `Idempotency-Key`. The same key and the same request within 24 hours get the first
  response again, with `Idempotent-Replayed: true`, and nothing is done twice. A key's scope is the tenant and
  the route.
- **Money** is an integer in micro-units, of which 1,000 are one minor unit of its currency: `4999000` is $49.99.
- **Integers** are written without a point and without an exponent, in bodies and queries alike: `14.0` is refused,
  though it is whole, for it comes from arithmetic that money should not go through.
- **Bodies** are one JSON object in UTF-8 (`application/json`, in any case; no other charset, no compression). What is
  null where a field may be left out is in each schema; an amount that may be left out is never null.
- **Names** are camelCase; request bodies may use snake_case as well. Unknown fields and query parameters are refused
  by name.
- **Times** are RFC 3339, with an offset; `T` and `Z` in either case; to the microsecond. Responses are in UTC with `Z`.
- **Countries** are ISO 3166-1 alpha-2, **time zones** IANA's, **currencies** ISO 4217.
- **Lists** are newest first. Pass `meta.pagination.next_cursor` as `cursor`; it is bound to tenant and query.
- **Two callers who change one thing**: every answer about one thing has its `version` as an `ETag`. Send that back
  in `If-Match`, and the change is made only if nobody was first; else 412 `resource.version_mismatch`, and nothing is
  done.
- **Errors** have one shape; every code is explained below, where `documentation_url` points, and in docs/errors.md.
- **HEAD** answers as GET does, without the body. With `Accept-Encoding: gzip` a text of 1 KB or more comes compressed;
  what needs a credential is `no-store`.
"""

TAGS = {
    "customers": "Whom a tenant bills.",
    "currencies": "What can be charged in, and with how many digits.",
    "search": "What a text may mean: an id, a number, an address, a name.",
    "plans": "What is sold, at which prices, how often.",
    "meters": "What is counted of usage, for plans to price.",
    "usage": "What was used, event by event, and what that comes to.",
    "subscriptions": "A customer's standing order for a plan.",
    "coupons": "What makes it cheaper.",
    "commerce": "The marketplace's side of the same things.",
    "provider": "A tenant as a seller on marketplaces: where it is paid to, and what it has earned.",
    "payouts": "What marketplaces have paid out to the caller, as a seller.",
    "invoices": "What is owed, and the document that says so.",
    "credit-notes": "What takes a finalized invoice back, in whole or in part.",
    "payments": "One attempt to collect money is one payment.",
    "reports": "What the books add up to, and whether Stripe's account agrees with them.",
    "report-runs": "Reports that are too long for a request, and how far they are.",
    "exports": "All entities of a kind, as a file.",
    "imports": "What another billing system has, taken over once.",
    "ledger": "The tenant's books: what was posted, in the order of posting.",
    "tax": "What would be due on a cart, and where which rates are known.",
    "payment-methods": "What customers pay with. Card numbers never come here.",
    "disputes": "What a payer's bank takes back, and gives back where the tenant wins. Stripe tells of them.",
    "portal-sessions": "Links into the customer portal, where customers see to their own subscriptions.",
    "api-keys": "The credentials of a tenant's servers.",
    "me": "Who calls, and for whom.",
    "audit-log": "Every call, with what came of it.",
    "tenants": "Who bills. The platform's operator creates them.",
    "portal": "Where customers see to their own subscriptions: pages for people, at the root, in a session.",
    "payer": "What customers see without an account: pages for people, at the root. A link is the key.",
    "oauth-clients": "Programs that act for a tenant, or for its users, with access tokens.",
    "users": "The people of a tenant, what each may do, and where they are signed in.",
    "webhook-endpoints": "Where a tenant's events are sent to, and how that goes.",
    "webhook-deliveries": "What became of an event on its way to an endpoint, and sending it again.",
    "webhook-redeliveries": "How far it is with what an endpoint is sent again since a time.",
    "test-clocks": "Time that a tenant in test mode moves itself.",
    "service": "The service itself; open to everybody.",
    "events": "What has happened, in an order that can be followed; `webhooks` below has what each is about.",
    "webhooks": "What Stripe and the tax provider call.",
}

_REPORTS = (
    *("trial_balance", "mrr", "mrr_movements", "retention", "cohorts", "tax_report", "usage_report", "revenue"),
    *("recognition", "aging", "payouts"),
)
_PRINTED = (*_REPORTS, "ledger_entries")
FILES = {
    "get_invoice_pdf": "application/pdf",
    "get_credit_note_pdf": "application/pdf",
    "get_payout_statement_pdf": "application/pdf",
    "get_payout_statement_csv": "text/csv",
    "report_providers_csv": "text/csv",
    "export_audit_log": "text/csv",
    **{f"get_{each}_csv": "text/csv" for each in _REPORTS},
    **{f"get_{each}_pdf": "application/pdf" for each in _PRINTED},
    "export_ledger_entries": "text/csv",
    "get_invoice_xml": "application/xml",
    "get_credit_note_xml": "application/xml",
    "get_openapi": "application/json",
    "get_docs": "text/html",
}
"""The content type of each route that answers with a file."""

READS_BY_BODY = {
    "create_portal_session",
    "create_customer",
    "create_subscription",
    "create_payment",
    "create_intent",
    "set_up_payment_method",
    "redeem_coupon",
    "create_order",
    "create_provider_account",
    "get_provider_account",
    "update_provider_account",
    "create_onboarding_link",
    "create_login_link",
    "create_invoice",
    "preview_invoice",
    "list_usage",
}
"""Routes without an id in the path that can still answer 404: for an id in body or query, or as the tenant has none."""

UNPROCESSABLE_READS = {
    "calculate_tax",
    "get_invoice_xml",
    "get_credit_note_xml",
    *(f"get_{each}_pdf" for each in _PRINTED),
}
"""Routes that only read, and can still answer 422."""

READS_OF_STATE = {"get_report_run_file", "get_export_file"}
"""Routes that only read, and can answer 409: what they read is not there yet, or not any more."""

CHARGES = {"create_payment", "create_intent", "pay_invoice", "pay_order"}
"""Routes that answer a decline with an error. A new subscription answers 201, in state ``incomplete``."""

REASONS = {
    400: "The request cannot be understood",
    401: "Nobody we know",
    402: "The payment needs something from the payer",
    403: "Not for this credential",
    404: "Not there",
    409: "Not now",
    412: "Not this version",
    413: "Too large",
    422: "Understood, but not possible",
    429: "Too many requests",
    500: "Our fault",
    502: "The card processor declined",
    503: "Something that we depend on is down or busy",
}

PARAMETERS: dict[str, Any] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Names this write: 1 to 255 visible ASCII characters, yours to choose.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "example": "order-2026-0017",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` of what was read: it is changed only if it still has this version, else 412.",
        "schema": {"type": "string"},
        "example": '"5"',
    },
    "ApiVersion": {
        "name": "X-API-Version",
        "in": "header",
        "description": "The minor version that the caller was written for.",
        "schema": {"type": "string", "enum": ["1.0"]},
    },
    "TenantId": {
        "name": "x-tenant-id",
        "in": "header",
        "description": "Context that must agree with the credential; 403 otherwise.",
        "schema": {"type": "string"},
    },
    "Signature": {
        "name": "X-Signature",
        "in": "header",
        "description": "The request's signature, where the key requires one.",
        "schema": {"type": "string"},
        "example": "t=1795298460,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    },
    "UserId": {
        "name": "x-user-id",
        "in": "header",
        "description": "The user for whom the key acts; limits per user count on it.",
        "schema": {"type": "string"},
    },
}

HEADERS: dict[str, Any] = {
    "Location": {
        "description": "The path at which it is told how far that is, under both prefixes.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The `version` of what is shown, in quotes: for `If-Match`.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "XRequestId": {"description": "Names this call in logs and in the audit trail.", "schema": {"type": "string"}},
    "XApiVersion": {"description": "The version that answered.", "schema": {"type": "string"}},
    "XRateLimitLimit": {
        "description": "Requests per minute, of the tightest limit.",
        "schema": {"type": "integer"},
    },
    "XRateLimitRemaining": {"description": "What remains of it.", "schema": {"type": "integer"}},
    "XRateLimitReset": {
        "description": "When the window resets, in Unix seconds.",
        "schema": {"type": "integer"},
    },
    "IdempotentReplayed": {
        "description": "`true` where this is the stored response of an earlier request under the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WwwAuthenticate": {
        "description": "What is wanted: a bearer token, or a better one (RFC 6750); an API key does as well.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}},
}
ALWAYS = {"X-Request-Id": "XRequestId", "X-API-Version": "XApiVersion"}
COUNTED = {
    "X-RateLimit-Limit": "XRateLimitLimit",
    "X-RateLimit-Remaining": "XRateLimitRemaining",
    "X-RateLimit-Reset": "XRateLimitReset",
}

ENVELOPE: dict[str, Any] = {
    "Meta": {
        "type": "object",
        "required": ["request_id", "timestamp"],
        "properties": {
            "request_id": {"type": "string", "examples": ["req_01M8057CNXV6FSV1VD81CQK8JT"]},
            "timestamp": {"type": "string", "format": "date-time"},
        },
        "additionalProperties": False,
    },
    "Pagination": {
        "type": "object",
        "required": ["next_cursor", "has_more", "limit"],
        "properties": {
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Pass it as `cursor`; null on the last page.",
            },
            "has_more": {"type": "boolean"},
            "limit": {"type": "integer"},
        },
        "additionalProperties": False,
    },
    "ListMeta": {
        "type": "object",
        "required": ["request_id", "timestamp", "pagination"],
        "properties": {
            "request_id": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
            "pagination": {"$ref": REF.format(model="Pagination")},
        },
        "additionalProperties": False,
    },
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": REF.format(model="ErrorBody")}},
        "additionalProperties": False,
    },
    "ErrorBody": {
        "type": "object",
        "required": ["code", "message", "details", "request_id", "documentation_url"],
        "properties": {
            "code": {"type": "string", "description": "Public and stable; see docs/errors.md."},
            "message": {"type": "string"},
            "details": {"type": "array", "items": {"$ref": REF.format(model="ErrorDetail")}},
            "request_id": {"type": "string"},
            "documentation_url": {"type": "string", "format": "uri"},
        },
        "additionalProperties": False,
    },
    "ErrorDetail": {
        "type": "object",
        "required": ["field", "reason"],
        "properties": {
            "field": {"type": "string", "description": "The field's path, as the caller wrote it."},
            "reason": {"type": "string", "examples": ["missing_required_field"]},
        },
        "additionalProperties": False,
    },
}

_SCOPES = {
    "billing:read": "Read everything of the tenant.",
    "billing:write": "Change what is billed.",
    "subscriptions:manage": "Change subscriptions.",
    "payments:process": "Charge and refund.",
    "billing:admin": "Settings, keys, users, payouts.",
}
SECURITY: dict[str, Any] = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Scoped to a tenant; shown once, stored as SHA-256.",
    },
    "oauth2": {
        "type": "oauth2",
        "description": "An access token (JWT, RFC 9068), good for an hour. PKCE with S256 for every client; the rest is"
        " in /.well-known/oauth-authorization-server.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth2/authorize",
                "tokenUrl": "/oauth2/token",
                "refreshUrl": "/oauth2/token",
                "scopes": _SCOPES,
            },
            "clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": _SCOPES},
        },
    },
}
"""How a call says who it is: one of them, never both."""
