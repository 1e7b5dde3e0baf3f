"""The marketplace on the deployed stack: orders, coupons, providers' accounts, payouts and statements."""

import csv
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
import requests
from pypdf import PdfReader

from local.client import Answer, Client
from local.demo.marketplace import Market
from local.demo.providers import Provider, Whereabouts
from local.stripe_sandbox.webhooks import signature
from tests.e2e.conftest import Seller, Stack, charges, soon

CARD = "pm_card_bypassPending"
START = "2027-03-01T00:00:00Z"
AFTER = "2027-03-16T00:00:00Z"
"""Later than the refund window of fourteen days, on a buyer's test clock."""


@dataclass
class Shop:
    """A marketplace with two providers; what its orders come to is on a clock of each order's own."""

    seller: Seller
    x: Provider
    y: Provider
    clocks: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        return self.seller.client

    def buyer(self) -> str:
        """A customer on a test clock of its own."""
        clock = self.client.post("/v1/test-clocks", {"frozenTime": START})["id"]
        made = self.client.post("/v1/customers", {"name": "A Buyer", "testClockId": clock})
        self.clocks[made["id"]] = clock
        return str(made["id"])

    def item(self, cents: int, provider: Provider | None = None, bps: int = 0, sku: str = "thing") -> dict[str, Any]:
        named = {"providerTenantId": provider.id} if provider else {}
        return {
            "sku": sku,
            "description": "A thing",
            "unitAmount": cents * 1000,
            "commissionBps": bps,
            **named,
        }

    def order(self, *items: dict[str, Any], **more: Any) -> Any:
        body = {"customerId": self.buyer(), "currency": "USD", "items": list(items), **more}
        return self.client.post("/v1/commerce/orders", body)

    def pay(self, order: Any, **body: Any) -> Any:
        return self.client.post(f"/v1/commerce/orders/{order['id']}/pay", body or {"paymentMethodId": CARD})

    def now(self, order: Any) -> Any:
        return self.client.get(f"/v1/commerce/orders/{order['id']}")

    def refund(self, order: Any, **body: Any) -> Answer:
        return self.client.call("POST", f"/v1/commerce/orders/{order['id']}/refund", body)

    def earned(self, provider: Provider, cents: int, bps: int = 0) -> Any:
        """A sale that is on a provider's account: paid, and its window has passed on its buyer's clock."""
        order = self.order(self.item(cents, provider, bps))
        assert self.pay(order)["status"] == "paid"
        self.client.advance(self.clocks[order["customerId"]], AFTER)
        return order

    def trigger(self, **body: Any) -> Any:
        return self.client.post("/v1/payouts/trigger", body)

    def paid_out(self, provider: Provider, status: str = "in_transit") -> Any:
        """A payout of a provider's, that is on its way to the bank."""
        (made,) = self.trigger(providerTenantId=provider.id)["payouts"]
        return provider.payout(made["id"], status)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["error"]["code"]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    """A marketplace with two providers, whose own sale gives Stripe something to keep its fees of."""
    platform = Client(asdict(stack), key=stack.platform_api_key)
    with ThreadPoolExecutor(3) as pool:
        x, y = (pool.submit(Provider.onboarded, platform.again(), name) for name in ("Xylo", "Yarn"))
        made = Shop(Seller.new(stack, "Mall"), x.result(), y.result())
    made.pay(made.order(made.item(50_000)))
    return made


@pytest.fixture(autouse=True)
def books(shop: Shop) -> Iterator[None]:
    """After each test Stripe's account, the ledger's cash and what the providers are told agree."""
    yield
    Whereabouts.now(shop.client, shop.seller.tenant_id, [shop.x, shop.y])


def test_14_the_marketplace_of_the_demo_holds_at_every_step(client: Client, tmp_path: Any) -> None:
    path = Market(client, tmp_path).play()
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages)
    assert "BAZ-USD-000002" in text
    assert "$35.20" in text


@pytest.mark.parametrize("base", ["/v1", "/api/v1"])
def test_14_an_order_is_made_found_and_listed(shop: Shop, base: str) -> None:
    made = shop.order(shop.item(8_712, shop.x, 1_600), shop.item(4_260, shop.y, 2_000), metadata={"shelf": "B 7"})
    assert [each["commission"] for each in made["items"]] == [13_940_00, 8_520_00]
    assert [each["earning"] for each in made["items"]] == [73_180_00, 34_080_00]
    found = shop.client.get(f"{base}/commerce/orders/{made['id']}")
    assert (found, found["status"], found["metadata"]) == (made, "pending", {"shelf": "B 7"})
    listed = shop.client.get(f"{base}/commerce/orders?customer={made['customerId']}&status=pending")
    assert listed == [made]
    canceled = shop.client.post(f"{base}/commerce/orders/{made['id']}/cancel")
    assert canceled["status"] == "canceled"
    assert code(shop.client.call("POST", f"{base}/commerce/orders/{made['id']}/pay", {}))[0] == 409


def test_14_a_form_pays_an_order_after_3d_secure_and_the_webhook_settles_it(shop: Shop) -> None:
    """Without a method there is a form; its payer is sent to the bank, comes back, and is charged once."""
    order = shop.order(shop.item(10_000, shop.x, 1_000))
    opened = shop.client.post(f"/v1/commerce/orders/{order['id']}/pay", {})
    payment = opened["payment"]
    assert payment["clientSecret"].startswith(payment["paymentIntentId"])
    intent_id = payment["paymentIntentId"]
    assert shop.client.pay(intent_id, "pm_card_threeDSecure2Required", payment["clientSecret"]) == 200
    soon(lambda: shop.now(order)["status"] == "requires_action")
    shop.client.sandbox("POST", f"/_sandbox/payment_intents/{intent_id}/authenticate", {"succeed": True})
    soon(lambda: shop.now(order)["status"] == "paid")
    paid = shop.client.get(f"/v1/payments/{shop.now(order)['paymentId']}")
    assert (paid["settledBy"], [each["amount"] for each in charges(shop.client, paid)]) == ("webhook", [10_000])
    again = shop.client.call("POST", f"/v1/commerce/orders/{order['id']}/pay", {"paymentMethodId": CARD})
    assert code(again)[0] == 409


def test_14_eight_clients_pay_an_order_once(shop: Shop) -> None:
    order = shop.order(shop.item(2_500, shop.y, 1_000))
    path = f"/v1/commerce/orders/{order['id']}/pay"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.client.again().call("POST", path, {"paymentMethodId": CARD}), range(8)))
    assert {each.status for each in answers} <= {200, 409}
    paid = soon(lambda: next(iter(shop.client.get(f"/v1/payments?order={order['id']}&status=succeeded")), None))
    assert shop.now(order)["status"] == "paid"
    assert len(charges(shop.client, paid)) == 1
    assert len(shop.client.get(f"/v1/payments?order={order['id']}&status=succeeded")) == 1


def test_14_a_refund_of_an_item_an_amount_and_the_rest(shop: Shop) -> None:
    """By item, by amount, by the payment's own route and in Stripe's dashboard: all of it reaches the providers."""
    order = shop.order(shop.item(10_000, shop.x, 1_000), shop.item(10_000, shop.y, 1_500))
    paid = shop.pay(order)
    first = shop.refund(order, items=[{"itemId": "item_1", "quantity": 1}])
    assert (first.status, first.data["amount"]) == (201, 100_000_00)
    assert first.data["items"][0]["commission"] == 10_000_00
    assert shop.now(order)["status"] == "partially_refunded"
    assert shop.refund(order, amount=20_000_00).data["items"][0]["itemId"] == "item_2"
    shop.client.post(f"/v1/payments/{paid['paymentId']}/refund", {"amount": 30_000_00})
    intent_id = paid["payment"]["paymentIntentId"]
    shop.client.sandbox("POST", f"/_sandbox/payment_intents/{intent_id}/refund", {"amount": 1_000})
    soon(lambda: shop.now(order)["amountRefunded"] == 160_000_00)
    assert code(shop.refund(order, amount=40_001_000)) == (422, "billing.refund.exceeds_available")
    assert shop.refund(order).data["orderStatus"] == "refunded"
    assert [each["earningReturned"] for each in shop.now(order)["items"]] == [90_000_00, 85_000_00]


def test_14_a_refund_after_the_window_is_refused(shop: Shop) -> None:
    order = shop.earned(shop.y, 1_000)
    assert code(shop.refund(order)) == (403, "refund.window_passed")


def test_14_coupons_are_made_listed_redeemed_and_hold_for_an_order(shop: Shop) -> None:
    name = f"E2E{time.time_ns()}"
    wanted = {"code": name, "percentOff": "50", "duration": "once", "fundedBy": "provider", "maxRedemptions": 2}
    made = shop.client.post("/v1/commerce/coupons", wanted | {"providerTenantIds": [shop.x.id]})
    assert made["code"] in [each["code"] for each in shop.client.get("/v1/commerce/coupons?limit=100")]
    order = shop.order(shop.item(10_000, shop.x, 1_000), shop.item(10_000, shop.y, 1_000), couponCode=name)
    assert [each["total"] for each in order["items"]] == [50_000_00, 100_000_00]
    assert [each["earning"] for each in order["items"]] == [45_000_00, 90_000_00]
    customer = shop.buyer()
    redeemed = shop.client.post("/v1/commerce/coupons/redeem", {"code": name, "customerId": customer})
    assert (redeemed["code"], redeemed["customerId"]) == (name, customer)
    third = {"customerId": shop.buyer(), "currency": "USD", "items": [shop.item(1_000, shop.x)], "couponCode": name}
    assert code(shop.client.call("POST", "/v1/commerce/orders", third)) == (422, "billing.coupon.exhausted")
    shop.client.post(f"/v1/commerce/orders/{order['id']}/cancel")  # what it had redeemed is there again
    assert shop.client.post("/v1/commerce/orders", third)["total"] == 5_000_00


def test_14_a_provider_reads_its_account_its_earnings_and_its_ledger(shop: Shop, stack: Stack) -> None:
    account = shop.x.client.get("/v1/provider/account")
    assert (account["ready"], account["account"]["id"]) == (True, shop.x.stripe_account)
    links = {"returnUrl": "https://x.example/done", "refreshUrl": "https://x.example/again"}
    assert shop.x.client.post("/v1/provider/account/link", links)["url"].startswith("http")
    assert shop.x.client.post("/v1/provider/account/login-link")["url"].startswith("http")
    changed = shop.x.client.patch("/v1/provider/account", {"minimums": {"USD": 1_000_00}})
    assert changed["minimums"] == {"USD": 1_000_00}
    before = (shop.x.standing() or {"available": 0})["available"]
    order = shop.earned(shop.x, 10_000, 1_500)
    assert shop.x.standing()["available"] == before + 85_000_00
    line = shop.x.client.get("/v1/provider/ledger?type=release&limit=1")[0]
    assert (line["orderId"], line["amount"], line["figures"]["commission"]) == (order["id"], 85_000_00, 15_000_00)
    stranger = Seller.new(stack, "Stranger")
    assert code(stranger.client.call("GET", "/v1/provider/account"))[0] == 404
    assert (stranger.client.get("/v1/provider/earnings"), stranger.client.get("/v1/provider/ledger")) == ([], [])


def test_14_a_payout_is_triggered_listed_and_stated(shop: Shop, stack: Stack) -> None:
    """Both tenants read it and its statement, as JSON, CSV and PDF; a third one finds none."""
    shop.earned(shop.y, 6_000, 1_000)
    amount = shop.y.standing()["available"]
    payout = shop.paid_out(shop.y)
    assert (payout["amount"], shop.y.standing()["inTransit"]) == (amount, amount)
    (skipped,) = shop.trigger(providerTenantId=shop.y.id)["skipped"]
    assert skipped["reason"] in ("payout_open", "nothing_available")
    for caller, path in ((shop.y.client, "payouts"), (shop.client, "commerce/payouts")):
        assert caller.get(f"/v1/{path}/{payout['id']}")["id"] == payout["id"]
        assert payout["id"] in [each["id"] for each in caller.get(f"/v1/{path}?status=in_transit")]
    one = shop.client.get(f"/v1/commerce/payouts/{payout['id']}/statement")
    assert one["openingBalance"] + sum(line["amount"] for line in one["lines"]) == one["closingBalance"]
    assert one["payoutAmount"] == amount
    answer = shop.y.client.call("GET", f"/v1/commerce/payouts/{payout['id']}/statement.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [int(row["amount"]) for row in rows] == [line["amount"] for line in one["lines"]]
    pdf = shop.client.call("GET", f"/v1/commerce/payouts/{payout['id']}/statement.pdf")
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)
    assert (pdf.status, payout["number"] in text) == (200, True)
    stranger = Seller.new(stack, "Third").client
    for path in (
        "payouts/{}",
        "commerce/payouts/{}",
        *(f"commerce/payouts/{{}}/statement{e}" for e in ("", ".csv", ".pdf")),
    ):
        assert code(stranger.call("GET", "/v1/" + path.format(payout["id"]))) == (404, "resource.not_found"), path
    shop.y.bank_says(payout, "paid")
    shop.y.payout(payout["id"], "paid")


def test_14_nobody_without_a_key_triggers_a_payout(shop: Shop) -> None:
    answer = requests.post(f"{shop.client.stack['api_url']}/v1/payouts/trigger", json={}, timeout=60)
    assert answer.status_code == 401


def test_14_two_triggers_at_once_begin_one_payout(shop: Shop) -> None:
    shop.earned(shop.x, 3_000)
    with ThreadPoolExecutor(2) as pool:
        wanted = {"providerTenantId": shop.x.id}
        answers = list(pool.map(lambda _: shop.client.again().call("POST", "/v1/payouts/trigger", wanted), range(2)))
    made = [each for answer in answers if answer.status == 200 for each in answer.data["payouts"]]
    assert len(made) == 1
    sent = shop.x.payout(made[0]["id"], "in_transit")
    assert len(shop.client.stripe(f"/v1/transfers?transfer_group={sent['id']}")["data"]) == 1
    shop.x.bank_says(sent, "paid")
    shop.x.payout(sent["id"], "paid")


def test_14_a_connect_webhook_wants_the_signature_of_its_own_endpoint(shop: Shop, stack: Stack) -> None:
    """Signed for the platform's endpoint, by nobody, or changed afterwards: 400, and nothing of it is looked at."""
    secrets = json.loads(stack.aws("secretsmanager").get_secret_value(SecretId=stack.stripe_secret_id)["SecretString"])
    event = {
        "id": f"evt_{time.time_ns()}",
        "object": "event",
        "type": "account.updated",
        "account": shop.x.stripe_account,
        "created": int(time.time()),
        "data": {"object": {"id": shop.x.stripe_account, "object": "account"}},
    }
    payload = json.dumps(event)
    url, now = stack.stripe_connect_webhook_url, int(time.time())

    def sent(secret: str, body: str = payload) -> int:
        headers = {"Stripe-Signature": signature(secret, payload, now), "Content-Type": "application/json"}
        return requests.post(url, data=body, headers=headers, timeout=60).status_code

    assert sent(secrets["webhook_secrets"][0]) == 400
    assert sent("whsec_somebody_elses") == 400
    assert sent(secrets["connect_webhook_secrets"][0], payload.replace("account.updated", "payout.failed")) == 400
    assert sent(secrets["connect_webhook_secrets"][0]) == 200


def test_14_stripe_asks_for_more_and_the_next_trigger_says_so(shop: Shop) -> None:
    """The Connect webhook of the running sandbox: the account is held back, and ready again."""
    shop.earned(shop.y, 2_000)
    act = f"/_sandbox/accounts/{shop.y.stripe_account}"
    shop.client.sandbox("POST", f"{act}/require", {"currently_due": ["individual.id_number"], "past_due": True})
    due = soon(lambda: shop.y.client.get("/v1/provider/account")["account"]["currentlyDue"])
    assert due == ["individual.id_number"]
    (skipped,) = shop.trigger(providerTenantId=shop.y.id)["skipped"]
    assert skipped["reason"] == "account_not_ready"
    assert shop.y.standing()["lastSkip"]["reason"] == "account_not_ready"
    shop.client.sandbox("POST", f"{act}/onboard")
    soon(lambda: shop.y.client.get("/v1/provider/account")["ready"])
    payout = shop.paid_out(shop.y)
    shop.y.bank_says(payout, "paid")
    assert shop.y.payout(payout["id"], "paid")["failureCode"] is None


def test_14_c19_a_bank_sends_back_what_had_arrived(shop: Shop) -> None:
    """paid, then failed: the failure wins, the schedule's turn reverses the transfer, and it is paid again."""
    shop.earned(shop.x, 4_000)
    payout = shop.paid_out(shop.x)
    shop.x.bank_says(payout, "paid")
    shop.x.payout(payout["id"], "paid")
    shop.x.bank_says(payout, "failed", failure_code="no_account")
    assert shop.x.payout(payout["id"], "failed")["failureCode"] == "no_account"
    assert shop.x.returned(payout["id"])["stranded"] is None
    assert shop.x.standing()["available"] == payout["amount"]
    shop.x.names_another_bank()
    again = shop.paid_out(shop.x)
    assert again["amount"] == payout["amount"]
    shop.x.bank_says(again, "paid")
    shop.x.payout(again["id"], "paid")


def test_14_a_dispute_holds_what_is_on_the_account_and_gives_it_back(shop: Shop) -> None:
    order = shop.earned(shop.y, 5_000)
    available = shop.y.standing()["available"]
    intent_id = shop.client.get(f"/v1/payments/{order_payment(shop, order)}")["paymentIntentId"]
    made = shop.client.sandbox("POST", f"/_sandbox/charges/{intent_id}/dispute", {"reason": "product_not_received"})
    soon(lambda: shop.y.standing()["held"] == 50_000_00)
    assert (shop.y.standing()["available"], shop.now(order)["disputed"]) == (available - 50_000_00, True)
    shop.client.sandbox("POST", f"/_sandbox/disputes/{made['id']}/close", {"status": "won"})
    soon(lambda: shop.y.standing()["held"] == 0)
    soon(lambda: shop.y.standing()["available"] == available)


def order_payment(shop: Shop, order: Any) -> str:
    return str(shop.now(order)["paymentId"])


def test_14_the_report_of_providers_is_there_as_json_and_csv(shop: Shop) -> None:
    year = shop.now(shop.earned(shop.x, 1_000))["paidAt"][:4]
    answer = shop.client.get(f"/v1/commerce/reports/providers?year={year}")
    assert shop.x.id in json.dumps(answer)
    assert shop.x.id in shop.client.call("GET", f"/v1/commerce/reports/providers.csv?year={year}").content.decode()
