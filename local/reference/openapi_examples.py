"""Examples of requests, by the names of their routes' handlers."""

from typing import Any

EXAMPLES: dict[str, Any] = {
    "create_import": {"source": "stripe", "upload": True},
    "create_export": {"kind": "invoices", "format": "csv", "from": "2026-01-01", "to": "2027-01-01"},
    "create_credit_note": {
        "lines": [{"lineId": "in_01M8057CNXV6FSV1VD81CQK8JT-1", "quantity": 2}],
        "reason": "Two seats were never used",
        "refund": True,
    },
    "preview_credit_note": {"amount": 5000000, "refund": True},
    "update_plan": {"name": "Business", "prorationUnit": "day"},
    "change_subscription": {"quantities": {"seats": 120}, "prorationBehavior": "invoice_now"},
    "preview_change": {"planId": "business-yearly"},
    "update_tenant": {"gracePeriodSeconds": 3600, "dunning": {"scheduleDays": [1, 3, 7], "action": "paused"}},
    "create_customer": {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "address": {
            "line1": "12 Example Road",
            "city": "London",
            "postalCode": "SW1Y 4JH",
            "country": "GB",
        },
    },
    "create_portal_session": {
        "customerId": "cus_01M8057CNXV6FSV1VD81CQK8JT",
        "returnUrl": "https://app.example.com/account",
    },
    "update_customer": {"email": "ada@example.org"},
    "create_plan": {
        "id": "business-monthly",
        "name": "Business",
        "currency": "USD",
        "interval": "month",
        "components": [
            {"key": "base", "type": "flat", "unitAmount": 4999000},
            {"key": "seats", "type": "licensed", "model": "per_unit", "unitAmount": 700000},
        ],
    },
    "create_meter": {"key": "api_calls", "aggregation": "sum", "property": "quantity", "dimensions": ["region"]},
    "update_meter": {"name": "API calls", "shards": 8},
    "report_usage": {
        "events": [
            {
                "eventId": "req-8f41c2d0",
                "subscriptionId": "sub_01M8055J9Y0WKZND852C0KE2WP",
                "meter": "api_calls",
                "quantity": "2.5",
                "timestamp": "2026-11-22T11:59:58.250Z",
                "properties": {"region": "eu"},
            }
        ]
    },
    "create_subscription": {
        "customerId": "cus_01M8055J9Y0WKZND852C0KE2WP",
        "planId": "business-monthly",
        "quantities": {"seats": 100},
        "paymentMethodId": "pm_card_visa",
    },
    "cancel_subscription": {"atPeriodEnd": True},
    "create_invoice": {
        "customerId": "cus_01M8055J9Y0WKZND852C0KE2WP",
        "lines": [
            {"description": "Consulting", "quantity": "2.5", "unitAmount": 12000000},
            {"description": "Goodwill", "amount": -5000000},
        ],
        "autoFinalize": True,
        "autoCharge": True,
    },
    "preview_invoice": {"subscriptionId": "sub_01M8055J9Y0WKZND852C0KE2WP"},
    "update_invoice": {"addLines": [{"description": "Setup", "amount": 50000000}]},
    "pay_invoice": {"paymentMethodId": "pm_1Q0PsIJvEtkwdCNYMSaVuRz6"},
    "create_payment": {"invoiceId": "in_01M8055J9Y0WKZND852C0KE2WP"},
    "create_intent": {
        "orderId": "ord_2026-0017",
        "amount": 4999000,
        "currency": "USD",
        "savePaymentMethod": True,
        "metadata": {"buyerTenantId": "ten_01M8055J9Y0WKZND852C0KE2WP"},
    },
    "create_order": {
        "currency": "EUR",
        "couponCode": "LAUNCH2026",
        "items": [
            {
                "sku": "course-101",
                "description": "Physics I",
                "providerTenantId": "ten_01M8055J9Y0WKZND852C0KE2WP",
                "quantity": 1,
                "unitAmount": 8712000,
                "commissionBps": 1600,
            }
        ],
    },
    "create_webhook_endpoint": {
        "url": "https://hooks.example.com/ledgerline",
        "eventTypes": ["invoice.*", "payment.succeeded"],
        "description": "Bookkeeping",
    },
    "update_webhook_endpoint": {"eventTypes": ["*"], "status": "enabled"},
    "rotate_webhook_endpoint_secret": {"overlapSeconds": 86_400},
    "redeliver_to_webhook_endpoint": {"since": "2026-01-31T12:00:00Z", "status": "undelivered"},
    "trigger_payouts": {"providerTenantId": "ten_01M8055J9Y0WKZND852C0KE2WP", "currency": "EUR"},
    "adjust_account": {
        "amount": 30_000_000,
        "currency": "EUR",
        "reason": "The seller has closed its business",
        "giveUp": True,
    },
    "create_provider_account": {
        "country": "DE",
        "email": "payouts@seller.example",
        "schedule": {"interval": "weekly", "weekday": 5},
        "minimums": {"EUR": 25_000_000},
        "returnUrl": "https://seller.example/stripe/done",
        "refreshUrl": "https://seller.example/stripe/again",
    },
    "update_provider_account": {"schedule": {"interval": "monthly", "monthDay": 31}, "minimums": {"EUR": 100_000_000}},
    "create_onboarding_link": {
        "returnUrl": "https://seller.example/stripe/done",
        "refreshUrl": "https://seller.example/stripe/again",
    },
    "pay_order": {"paymentMethodId": "pm_1Q0PsIJvEtkwdCNYMSaVuRz6"},
    "refund_order": {"items": [{"itemId": "item_1", "quantity": 1}], "reason": "requested_by_customer"},
    "refund_payment": {"amount": 1999000, "reason": "requested_by_customer"},
    "set_up_payment_method": {"customerId": "cus_01M8055J9Y0WKZND852C0KE2WP"},
    "create_tenant": {"name": "Acme GmbH", "mode": "test", "currency": "EUR", "timezone": "Europe/Berlin"},
    "create_coupon": {
        "code": "LAUNCH2026",
        "percentOff": "25",
        "duration": "repeating",
        "durationPeriods": 3,
        "maxRedemptions": 100,
        "maxRedemptionsPerCustomer": 1,
    },
    "create_commerce_coupon": {"code": "WELCOME", "amountOff": 900000, "currency": "USD", "duration": "once"},
    "redeem_coupon": {"code": "WELCOME", "customerId": "cus_01M8055J9Y0WKZND852C0KE2WP"},
    "create_api_key": {
        "name": "billing server",
        "scope": "write",
        "scopes": ["billing:read", "subscriptions:manage"],
        "expiresAt": "2027-12-31T00:00:00Z",
        "ipAllowList": ["203.0.113.0/24"],
    },
    "rotate_api_key": {"overlapSeconds": 3600},
    "create_oauth_client": {
        "name": "Customer portal",
        "type": "confidential",
        "grantTypes": ["authorization_code", "refresh_token"],
        "redirectUris": ["https://portal.example/oauth/done"],
        "scopes": ["billing:read"],
    },
    "update_oauth_client": {"status": "disabled"},
    "invite_user": {"email": "ada@example.com", "name": "Ada", "role": "finance"},
    "update_user": {"role": "read_only"},
    "create_test_clock": {"frozenTime": "2026-01-31T00:00:00Z"},
    "advance_test_clock": {"frozenTime": "2026-02-28T00:00:00Z"},
}
