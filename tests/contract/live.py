"""What the handlers really answer: a story and its refusals over an in-process AWS, written out as a line of JSON.

Run as a script, by `test_openapi.py`: handlers read the environment at import, and other tests want other environments.
"""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from billing.config import tables_variable
from local.stripe_sandbox.server import SandboxServer
from local.stripe_sandbox.testing import Control, client
from local.stripe_sandbox.webhooks import signature
from tests.contract.events import tell_events
from tests.contract.plain_reads import PLAIN_READS
from tests.contract.reports import tell_reports
from tests.contract.users import tell_users
from tests.contract.webhooks import tell_webhooks
from tests.integration.lambdas import Context
from tests.integration.lambdas import event as sample


class Live:
    """Calls handlers in process and keeps what they answer."""

    def __init__(self, modules: dict[str, Any], card_processor: "CardProcessor") -> None:
        self.modules = modules
        self.card_processor = card_processor
        self.answers: list[dict[str, Any]] = []
        self.key = self.platform_key = ""

    def __call__(
        self,
        group: str,
        method: str,
        path: str,
        expected: int,
        body: Any = None,
        idem: str = "",
        query: dict[str, str] | None = None,
        **ids: str,
    ) -> Any:
        headers = {"content-type": "application/json"} | ({"x-api-key": self.key} if self.key else {})
        if method != "GET" and idem != "none":
            headers["idempotency-key"] = idem or f"key-{len(self.answers)}"
        raw_path = path.format(**ids)
        http = {"method": method, "path": raw_path, "sourceIp": "192.0.2.1"}
        event = {
            "version": "2.0",
            "rawPath": raw_path,
            "rawQueryString": urlencode(query or {}),
            "queryStringParameters": query or {},
            "headers": headers,
            "requestContext": {"http": http, "requestId": "gateway", "stage": "$default"},
            "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = json.dumps(body)
        answer = self.modules[group].lambda_handler(event, Context())
        sent = {name: value for name, value in answer["headers"].items() if name != "X-Request-Id"}
        self.answers.append(
            {
                "method": method,
                "path": path,
                "status": answer["statusCode"],
                "expected": expected,
                "body": answer["body"],
                "type": answer["headers"]["Content-Type"],
                "headers": sorted(sent),
            }
        )
        text = answer["body"]
        return json.loads(text).get("data") if text.startswith("{") else None


class CardProcessor:
    """The Stripe sandbox, as the payer, the bank and Stripe's own webhooks see it."""

    def __init__(self, server: SandboxServer) -> None:
        self.control = Control(server.url)
        self.control.post("webhooks", mode="paused")
        self.stripe = client(server, "sk_test_contract01")
        made = self.stripe.v1.webhook_endpoints.create({"url": "https://billing.example/", "enabled_events": ["*"]})
        self.webhook_secret = str(made.secret)

    def secret(self) -> str:
        """What Secrets Manager has."""
        return json.dumps({"api_key": "sk_test_contract01", "webhook_secrets": [self.webhook_secret]})

    def deliver(self, event_type: str) -> None:
        """Have the newest event of a type come in."""
        from functions.stripe_webhook import handler

        found = self.stripe.v1.events.list({"type": event_type, "limit": 1}).data[0]
        made = sample("function_url_stripe_webhook")
        made["body"] = str(found)
        made["headers"]["stripe-signature"] = signature(self.webhook_secret, made["body"], int(time.time()))
        assert handler.lambda_handler(made, Context())["statusCode"] == 200


def live() -> list[dict[str, Any]]:
    """A story, and its refusals."""
    import boto3
    from moto import mock_aws

    from tests.support.quick_moto import quicken
    from tests.support.tables import create_tables

    quicken()
    os.environ |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test") | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    with SandboxServer() as server, mock_aws():
        card_processor = CardProcessor(server)
        secrets = boto3.client("secretsmanager")
        os.environ |= {
            "STRIPE_API_BASE": server.url,
            "ISSUER": "https://billing.example",
            "REPORT_BUCKET": "report-files",
            "STRIPE_SECRET_ID": secrets.create_secret(Name="stripe", SecretString=card_processor.secret())["Name"],
        }
        dynamodb = boto3.client("dynamodb")
        names = create_tables(dynamodb)
        os.environ["TABLES"] = tables_variable(names)
        queue = (sqs := boto3.client("sqs")).create_queue(QueueName="billing.fifo", Attributes={"FifoQueue": "true"})
        boto3.client("s3").create_bucket(Bucket="report-files")
        for name in ("BILLING_QUEUE_URL", "CLOCK_QUEUE_URL", "PAYOUT_QUEUE_URL", "REPORT_QUEUE_URL"):
            os.environ[name] = queue["QueueUrl"]
        for name in ("WEBHOOK_QUEUE_URL", "WEBHOOK_SLOW_QUEUE_URL", "STREAM_FAILURES_URL", "USAGE_QUEUE_URL"):
            os.environ[name] = sqs.create_queue(QueueName=name.lower())["QueueUrl"]
        os.environ["KMS_KEY_ID"] = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]

        from local.reference.openapi import handlers
        from local.stack.platform_key import create_platform_key

        call = Live(dict(handlers()), card_processor)
        call("customers", "GET", "/v1/customers", 401)
        call.platform_key = call.key = create_platform_key(dynamodb, names)
        call("reports", "GET", "/v1/reports/reconciliation", 200)
        made = call("tenants", "POST", "/v1/tenants", 201, {"name": "Acme", "mode": "test", "currency": "USD"})
        call.key = made["apiKey"]
        tell(call, made["id"])
        tell_payments(call)
        tell_orders(call)
        tell_provider(call)
        tell_payouts(call)
        tell_keys(call)
        tell_users(call, made["id"])
        tell_webhooks(call, dynamodb, names["events"], made["id"])
        tell_events(call, dynamodb, names["events"], made["id"])
        refuse(call, made["id"])
        return call.answers


def tell(call: Live, tid: str) -> None:
    """What goes well."""
    call("tenants", "GET", "/v1/tenants/{tid}", 200, tid=tid)
    customer = {"name": "Ada", "email": "ada@example.com", "address": {"city": "London", "country": "GB"}}
    cid = call("customers", "POST", "/v1/customers", 201, customer, idem="same")["id"]
    call("customers", "POST", "/v1/customers", 201, customer, idem="same")
    call("customers", "GET", "/v1/customers", 200)
    call("customers", "GET", "/v1/customers/{customer_id}", 200, customer_id=cid)
    call("customers", "PATCH", "/v1/customers/{customer_id}", 200, {"name": "Ada L."}, customer_id=cid)
    gone = call("customers", "POST", "/v1/customers", 201, customer, idem="gone")["id"]
    call("customers", "DELETE", "/v1/customers/{customer_id}", 202, customer_id=gone)
    call("customers", "PATCH", "/v1/customers/{customer_id}", 409, {"name": "Ada L."}, customer_id=gone)
    plan = {
        "id": "pro",
        "name": "Pro",
        "currency": "USD",
        "interval": "month",
        "components": [
            {"key": "base", "type": "flat", "unitAmount": 4999000},
            {
                "key": "seats",
                "type": "licensed",
                "model": "graduated",
                "tiers": [{"upTo": 5, "unitAmount": 700000}, {"upTo": None, "unitAmount": 600000}],
            },
        ],
    }
    call("catalog", "POST", "/v1/plans", 201, plan)
    call("catalog", "POST", "/v1/plans", 409, plan)
    call("catalog", "GET", "/v1/plans", 200)
    call("catalog", "GET", "/v1/plans/{plan_id}", 200, plan_id="pro")
    wanted = {"customerId": cid, "planId": "pro", "quantities": {"seats": 3}, "trialDays": 14}
    sid = call("subscriptions", "POST", "/v1/subscriptions", 201, wanted)["id"]
    call("subscriptions", "GET", "/v1/subscriptions", 200)
    call("subscriptions", "GET", "/v1/tenants/{tid}/subscriptions", 200, tid=tid)
    call("subscriptions", "GET", "/v1/subscriptions/{subscription_id}", 200, subscription_id=sid)
    for path in ("/v1/coupons", "/v1/commerce/coupons"):
        coupon = {"code": f"LAUNCH{len(path)}", "percentOff": "12.50", "duration": "once"}
        call("coupons", "POST", path, 201, coupon)
        call("coupons", "POST", path, 409, coupon)
        call("coupons", "GET", path, 200)
    call("coupons", "GET", "/v1/coupons/{code}", 200, code="launch11")
    call("coupons", "POST", "/v1/commerce/coupons/redeem", 200, {"code": "launch11", "customerId": cid})
    call("coupons", "DELETE", "/v1/coupons/{code}", 200, code="launch11")
    call("coupons", "POST", "/v1/commerce/coupons/redeem", 422, {"code": "launch11", "customerId": cid})
    tell_changes(call, sid, cid, tid)
    tell_usage(call, sid)
    cancel = "/v1/subscriptions/{subscription_id}/cancel"
    call("subscriptions", "POST", cancel, 200, {"atPeriodEnd": True}, subscription_id=sid)
    call("invoices", "GET", "/v1/invoices", 200)
    call("invoices", "GET", "/v1/tenants/{tid}/invoices", 200, tid=tid)
    call("tax", "GET", "/v1/tax/calculate", 200, query={"currency": "EUR", "country": "EE", "amount": "1000"})
    for group, path in PLAIN_READS:
        call(group, "GET", path, 200)
    tell_reports(call)
    clock = call("test_clocks", "POST", "/v1/test-clocks", 201, {"frozenTime": "2026-01-31T00:00:00Z"})["id"]
    call("test_clocks", "GET", "/v1/test-clocks", 200)
    call("test_clocks", "GET", "/v1/test-clocks/{clock_id}", 200, clock_id=clock)
    later = {"frozenTime": "2026-02-28T00:00:00Z"}
    call("test_clocks", "POST", "/v1/test-clocks/{clock_id}/advance", 202, later, clock_id=clock)
    other = call("test_clocks", "POST", "/v1/test-clocks", 201, later)["id"]
    call("test_clocks", "DELETE", "/v1/test-clocks/{clock_id}", 200, clock_id=other)
    for root in ("", "/v1"):
        for path in ("health", "openapi.json"):
            call("service", "GET", f"{root}/{path}", 200)


def tell_changes(call: Live, sid: str, cid: str, tid: str) -> None:
    """What the billing engine does to a subscription, to invoices and to plans."""
    more = {"quantities": {"seats": 5}}
    path = "/v1/subscriptions/{subscription_id}"
    call("subscriptions", "POST", f"{path}/preview", 200, more, subscription_id=sid)
    call("subscriptions", "PATCH", path, 200, more, subscription_id=sid)
    call("subscriptions", "PATCH", path, 200, {"paused": True}, subscription_id=sid)
    call("subscriptions", "POST", f"{path}/resume", 200, subscription_id=sid)
    call("subscriptions", "POST", f"{path}/resume", 409, subscription_id=sid)
    call("invoices", "POST", "/v1/invoices/preview", 200, {"subscriptionId": sid})
    sold = {"customerId": cid, "lines": [{"description": "Setup", "quantity": "2", "unitAmount": 1_500_000}]}
    one = "/v1/invoices/{invoice_id}"
    made = [call("invoices", "POST", "/v1/invoices", 201, sold)["id"] for _ in range(3)]
    call("invoices", "GET", one, 200, invoice_id=made[0])
    call("invoices", "PATCH", one, 200, {"addLines": sold["lines"]}, invoice_id=made[0])
    for invoice in made:
        call("invoices", "POST", f"{one}/finalize", 200, invoice_id=invoice)
    call("invoices", "POST", f"{one}/payment-link", 201, invoice_id=made[0])
    call("invoices", "POST", f"{one}/void", 200, invoice_id=made[1])
    call("invoices", "POST", f"{one}/uncollectible", 200, invoice_id=made[2])
    note = {"amount": 1_000_000, "reason": "goodwill"}
    call("invoices", "POST", f"{one}/credit-notes/preview", 200, note, invoice_id=made[0])
    note_id = call("invoices", "POST", f"{one}/credit-notes", 201, note, invoice_id=made[0])["id"]
    call("invoices", "GET", f"{one}/credit-notes", 200, invoice_id=made[0])
    call("invoices", "GET", "/v1/credit-notes/{credit_note_id}", 200, credit_note_id=note_id)
    call("invoices", "POST", f"{one}/credit-notes", 422, {"amount": 9_000_000}, invoice_id=made[0])
    call("customers", "GET", "/v1/customers/{customer_id}/balance", 200, customer_id=cid)
    meter = {"key": "api_calls", "aggregation": "sum", "dimensions": ["region"]}
    call("catalog", "POST", "/v1/meters", 201, meter)
    call("catalog", "POST", "/v1/meters", 409, meter)
    call("catalog", "GET", "/v1/meters", 200)
    call("catalog", "GET", "/v1/meters/{key}", 200, key="api_calls")
    call("catalog", "PATCH", "/v1/meters/{key}", 200, {"shards": 8}, key="api_calls")
    calls = {"key": "calls", "type": "metered", "meter": "api_calls", "unitAmount": 250, "groupBy": ["region"]}
    calls["filters"] = {"region": ["eu", "us"]}
    call("catalog", "PATCH", "/v1/plans/{plan_id}", 200, {"name": "Pro 2", "components": [calls]}, plan_id="pro")
    call("catalog", "POST", "/v1/plans/{plan_id}/archive", 200, plan_id="pro")
    call("tenants", "PATCH", "/v1/tenants/{tid}", 200, {"gracePeriodSeconds": 3600}, tid=tid)
    call("tenants", "POST", "/v1/tenants/{tid}/data-key/rotate", 201, tid=tid)


def tell_payments(call: Live) -> None:
    """A form that is paid, refunded and disputed; methods that come and go; an invoice paid by one of them."""
    price = {"amount": 4_999_000, "currency": "USD"}
    intent = call("payments", "POST", "/v1/payments/intents", 201, {**price, "orderId": "ord_1"})
    control = call.card_processor.control
    control.post(f"payment_intents/{intent['paymentIntentId']}/pay", payment_method="pm_card_visa")
    call.card_processor.deliver("payment_intent.succeeded")
    one = "/v1/payments/{payment_id}"
    for payment_id in (intent["paymentId"], intent["paymentIntentId"]):
        call("payments", "GET", one, 200, payment_id=payment_id)
    call("payments", "POST", f"{one}/refund", 201, {"amount": 1_000_000}, payment_id=intent["paymentId"])
    call("payments", "POST", f"{one}/refund", 422, {"amount": 4_000_000}, payment_id=intent["paymentId"])
    call("payments", "GET", f"{one}/refunds", 200, payment_id=intent["paymentId"])
    control.post(f"charges/{intent['paymentIntentId']}/dispute")
    call.card_processor.deliver("charge.dispute.created")
    (dispute,) = call("payments", "GET", "/v1/disputes", 200)
    call("payments", "GET", "/v1/disputes/{dispute_id}", 200, dispute_id=dispute["id"])
    call("payments", "POST", "/v1/payment-methods/setup", 201)
    invoice = call("invoices", "POST", "/v1/invoices", 201, {"lines": [{"description": "Work", "amount": 5_000_000}]})
    call("invoices", "POST", "/v1/invoices/{invoice_id}/finalize", 200, invoice_id=invoice["id"])
    paid = {"paymentMethodId": "pm_card_visa"}
    call("invoices", "POST", "/v1/invoices/{invoice_id}/pay", 200, paid, invoice_id=invoice["id"])
    (method,) = call("payments", "GET", "/v1/payment-methods", 200)
    call("payments", "POST", "/v1/payments", 201, price)
    for decline, status in (("stolen_card", 502), ("insufficient_funds", 402)):
        control.post(f"payment_methods/{method['id']}/behaviour", decline=decline)
        call("payments", "POST", "/v1/payments", status, price)
    named = {"method_id": method["id"]}
    call("payments", "POST", "/v1/payment-methods/{method_id}/set-default", 200, **named)
    call("payments", "DELETE", "/v1/payment-methods/{method_id}", 200, **named)
    call("payments", "POST", "/v1/payment-methods/{method_id}/set-default", 400, **named)
    call("payments", "DELETE", "/v1/payment-methods/{method_id}", 404, method_id="pm_none")
    call("payments", "POST", "/v1/payments", 400, price)


def tell_orders(call: Live) -> None:
    """An order paid and refunded, one canceled, one whose card is declined."""
    wanted = {"currency": "USD", "items": [{"sku": "a", "description": "A", "unitAmount": 1_000_000, "quantity": 2}]}
    path = "/v1/commerce/orders"
    paid, canceled = (call("orders", "POST", path, 201, wanted)["id"] for _ in range(2))
    call("orders", "POST", path, 422, {**wanted, "couponCode": "NONE"})
    call("orders", "POST", path, 404, {**wanted, "customerId": "cus_none"})
    call("orders", "POST", path + "/{order_id}/pay", 502, {"paymentMethodId": "pm_card_chargeDeclined"}, order_id=paid)
    call("orders", "POST", path + "/{order_id}/pay", 200, {"paymentMethodId": "pm_card_visa"}, order_id=paid)
    call("orders", "POST", path + "/{order_id}/pay", 409, {"paymentMethodId": "pm_card_visa"}, order_id=paid)
    call("orders", "POST", path + "/{order_id}/refund", 201, {"amount": 500_000}, order_id=paid)
    call("orders", "POST", path + "/{order_id}/refund", 422, {"amount": 5_000_000}, order_id=paid)
    call("orders", "POST", path + "/{order_id}/cancel", 200, order_id=canceled)
    call("orders", "POST", path + "/{order_id}/cancel", 409, order_id=canceled)
    call("orders", "GET", path, 200)
    call("orders", "GET", path + "/{order_id}", 200, order_id=paid)


def tell_provider(call: Live) -> None:
    """A provider's account: opened, through onboarding, scheduled, replaced by itself, which reads it anew."""
    path = "/v1/provider/account"
    visit = {"returnUrl": "https://shop.example/done", "refreshUrl": "https://shop.example/again"}
    call("provider_accounts", "GET", path, 404)
    call("provider_accounts", "PATCH", path, 404, {"minimums": {}})
    call("provider_accounts", "POST", path + "/link", 404, visit)
    call("provider_accounts", "POST", path, 400, {"country": "XX"})
    call("provider_accounts", "POST", path, 422, {"country": "KP"})
    account = call("provider_accounts", "POST", path, 201, {"country": "US", "email": "ada@example.com", **visit})
    call("provider_accounts", "POST", path, 409, {"country": "US"})
    call("provider_accounts", "POST", path + "/login-link", 409)
    account_id = account["account"]["id"]
    call.card_processor.control.post(f"accounts/{account_id}/onboard")
    changes = {"schedule": {"interval": "daily"}, "replacement": {"accountId": account_id}}
    call("provider_accounts", "PATCH", path, 200, changes)
    call("provider_accounts", "PATCH", path, 404, {"testClockId": "clk_none"})
    call("provider_accounts", "POST", path + "/link", 201, visit)
    call("provider_accounts", "POST", path + "/login-link", 201)
    call("provider_accounts", "GET", path, 200)


def tell_payouts(call: Live) -> None:
    """A provider that is owed something, paid out, and the payout canceled: both sides read it."""
    shop = call.key
    call.key = call.platform_key
    wanted = {"name": "P", "mode": "test", "currency": "USD", "invoicePrefix": "PP"}
    provider = call("tenants", "POST", "/v1/tenants", 201, wanted)
    named, amount = {"provider_tenant_id": provider["id"]}, {"currency": "USD", "reason": "a bonus"}
    adjustments = "/v1/commerce/providers/{provider_tenant_id}/adjustments"
    call.key = shop
    call("payouts", "POST", "/v1/payouts/trigger", 422, {"providerTenantId": provider["id"]})
    call("payouts", "POST", adjustments, 201, {"amount": 5_000_000, **amount}, **named)
    call("payouts", "POST", adjustments, 400, {"amount": 0, **amount}, **named)
    call("payouts", "POST", adjustments, 404, {"amount": 1_000, **amount}, provider_tenant_id="ten_none")
    call("payouts", "POST", "/v1/payouts/trigger", 200)
    call.key = provider["apiKey"]
    account = call("provider_accounts", "POST", "/v1/provider/account", 201, {"country": "US"})["account"]["id"]
    call.card_processor.control.post(f"accounts/{account}/onboard")
    call("provider_accounts", "PATCH", "/v1/provider/account", 200, {"replacement": {"accountId": account}})
    (payout,) = call("payouts", "POST", "/v1/payouts/trigger", 200, {"providerTenantId": provider["id"]})["payouts"]
    for path in ("/v1/payouts", "/v1/provider/earnings", "/v1/provider/ledger"):
        call("payouts", "GET", path, 200)
    call("payouts", "GET", "/v1/payouts/{payout_id}", 200, payout_id=payout["id"])
    call.key = shop
    call("payouts", "GET", "/v1/payouts/{payout_id}", 404, payout_id=payout["id"])
    call("payouts", "GET", "/v1/commerce/payouts", 200)
    call("payouts", "GET", "/v1/commerce/payouts/{payout_id}", 200, payout_id=payout["id"])
    call("payouts", "POST", "/v1/payouts/{payout_id}/cancel", 200, payout_id=payout["id"])
    call("payouts", "POST", "/v1/payouts/{payout_id}/cancel", 409, payout_id=payout["id"])


def tell_keys(call: Live) -> None:
    """A key that is made, rotated and revoked."""
    path = "/v1/api-keys"
    key = call("access", "POST", path, 201, {"name": "a server", "scope": "read", "ipAllowList": ["203.0.113.7"]})["id"]
    call("access", "POST", path, 400, {"name": "a server", "scope": "root"})
    call("access", "POST", path, 403, {"name": "a server", "scope": "platform"})
    call("access", "GET", path, 200)
    call("access", "GET", path + "/{key_id}", 200, key_id=key)
    call("access", "POST", path + "/{key_id}/rotate", 201, {"overlapSeconds": 60}, key_id=key)
    call("access", "POST", path + "/{key_id}/rotate", 409, key_id=key)
    call("access", "POST", path + "/{key_id}/revoke", 200, key_id=key)
    call("access", "POST", path + "/{key_id}/revoke", 404, key_id="key_none")
    call("access", "GET", "/v1/audit-log", 200, query={"status": "4xx"})
    call("access", "GET", "/v1/audit-log", 400, query={"status": "9"})
    call("access", "GET", "/v1/audit-log", 403, query={"strangers": "true"})
    call("access", "GET", "/v1/audit-log/export.csv", 200, query={"route": "GET /v1/api-keys"})


def tell_usage(call: Live, sid: str) -> None:
    """Events that are counted, one that is not, and what both come to."""
    now = datetime.now(UTC)
    used = {"subscriptionId": sid, "meter": "api_calls", "timestamp": now.isoformat(), "properties": {"region": "eu"}}
    path = "/v1/usage/events"
    events = [{**used, "eventId": "e-1", "quantity": "2.5"}, {**used, "eventId": "e-2", "meter": "none"}]
    call("usage", "POST", path, 202, {"events": events})
    call("usage", "POST", path, 400, {"events": [{**used, "eventId": "e-3", "quantity": -1}]})
    call("usage", "GET", f"{path}/{{event_id}}", 404, event_id="e-1")
    count_usage()
    call("usage", "GET", f"{path}/{{event_id}}", 200, event_id="e-1")
    call("usage", "GET", "/v1/usage/rejections", 200)
    call("usage", "GET", "/v1/usage", 200, query={"subscription": sid})
    span = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
    days = {"subscription": sid, "meter": "api_calls", "granularity": "day"}
    call("usage", "GET", "/v1/usage", 200, query=days | span)
    call("usage", "GET", "/v1/usage", 400, query=days)
    call("usage", "GET", "/v1/usage", 404, query={"subscription": "sub_none"})


def count_usage() -> None:
    """What the usage worker does with what waits."""
    import boto3

    from functions.usage_worker import handler

    received = boto3.client("sqs").receive_message(QueueUrl=os.environ["USAGE_QUEUE_URL"], MaxNumberOfMessages=10)
    batch = sample("sqs_usage_worker")
    batch["Records"] = [
        batch["Records"][0] | {"messageId": each["MessageId"], "body": each["Body"]} for each in received["Messages"]
    ]
    assert handler.lambda_handler(batch, Context()) == {"batchItemFailures": []}


def refuse(call: Live, tid: str) -> None:
    """What does not."""
    call("tax", "GET", "/v1/tax/calculate", 400)
    call("tax", "GET", "/v1/tax/calculate", 422, query={"currency": "EUR", "country": "BR", "amount": "1000"})
    call("customers", "POST", "/v1/customers", 400, {"name": 7, "colour": "red"})
    call("customers", "POST", "/v1/customers", 400, {"name": "Ada"}, idem="none")
    call("customers", "POST", "/v1/customers", 422, {"name": "Grace"}, idem="same")
    call("customers", "POST", "/v1/customers", 413, {"name": "x" * 1_100_000})
    call("customers", "GET", "/v1/customers/{customer_id}", 404, customer_id="cus_none")
    call("subscriptions", "POST", "/v1/subscriptions", 404, {"planId": "none"})
    call("tenants", "POST", "/v1/tenants", 403, {"name": "Mine", "currency": "USD"})
    call("tenants", "GET", "/v1/tenants/{tid}", 403, tid="ten_other")
    call("tenants", "POST", "/v1/tenants/{tid}/data-key/rotate", 403, tid="ten_other")
    call("catalog", "GET", "/v1/meters/{key}", 404, key="none")
    call("catalog", "POST", "/v1/meters", 400, {"key": "users", "aggregation": "unique"})
    call("invoices", "GET", "/v1/invoices/{invoice_id}", 404, invoice_id="in_none")
    call("documents", "GET", "/v1/invoices/{invoice_id}/pdf", 404, invoice_id="in_none")
    call("documents", "GET", "/v1/invoices/{invoice_id}/xml", 404, invoice_id="in_none")
    call("payments", "POST", "/v1/payments", 404, {"invoiceId": "in_none"})
    call("payments", "POST", "/v1/payments/intents", 404, {"invoiceId": "in_none"})
    call("payments", "POST", "/v1/payments/intents", 400, {})
    call("payments", "GET", "/v1/disputes/{dispute_id}", 404, dispute_id="dp_none")
    call("payments", "GET", "/v1/payments/{payment_id}", 404, payment_id="pay_none")


if __name__ == "__main__":
    print(json.dumps(live()))
