"""The routes of payments, refunds and saved methods, and the webhooks that move something, in the table of calls."""

from collections.abc import Callable
from uuid import uuid4

from benchmarks.calls.book import MOVES_MONEY, NUMBER, READ, WEBHOOK, WRITE, Book, Prepared, ignore
from benchmarks.shop import Json, Shop

_AMOUNT: Json = {"amount": 4_999_000, "currency": "USD"}
_PART: Json = {"amount": 1_000_000}
Known = Callable[[], Prepared]


def measure(book: Book, shop: Shop) -> None:
    """All of them."""
    payer = shop.customer()
    shop.saved_card(payer)
    _intents(book, shop, payer)
    _charges(book, shop, payer)
    _reads(book, shop, payer)
    _refunds(book, shop, payer)
    _methods(book, shop)
    _news_of_payments(book, shop, payer)
    _news_of_refunds(book, shop, payer)
    _news_of_disputes(book, shop, payer)
    _news_of_methods(book, shop)


def _post(shop: Shop, path: str, body: Json | None = None, user: str | None = None) -> Json:
    answer: Json = shop.call("payments", "POST", path, body, user=user)
    return answer


def _intent(shop: Shop, body: Json) -> Json:
    """An intent that is not measured: for a user of its own, against whose limit nothing else counts."""
    return _post(shop, "/v1/payments/intents", body, uuid4().hex)


def _form(shop: Shop, payer: str) -> str:
    """The PaymentIntent of a payment that waits in a form."""
    return str(_intent(shop, {"customerId": payer, **_AMOUNT})["paymentIntentId"])


def _paid(shop: Shop, payer: str) -> Json:
    """A payment of a plain amount that went through."""
    return _post(shop, "/v1/payments", {"customerId": payer, **_AMOUNT})


def _paid_invoice(shop: Shop, payer: str) -> Json:
    """The same for an invoice."""
    return _post(shop, "/v1/payments", {"invoiceId": shop.open_invoice(payer)})


def _intents(book: Book, shop: Shop, payer: str) -> None:
    plain: Json = {"customerId": payer, **_AMOUNT}
    method = shop.call("customers", "GET", f"/v1/customers/{payer}")["defaultPaymentMethodId"]
    charged = {**plain, "paymentMethodId": method}

    def intent(body: Json, user: str | None = None) -> Prepared:
        return lambda: ignore(_post(shop, "/v1/payments/intents", body, user))

    def of_an_invoice(**more: str) -> Prepared:
        return intent({"invoiceId": shop.open_invoice(payer), **more})

    book.route("payment intent: form, an amount", WRITE, lambda: intent(plain))
    book.route("payment intent: form, an amount, x-user-id", WRITE, lambda: intent(plain, "user-1"))
    book.route("payment intent: form, an invoice", WRITE, of_an_invoice)
    book.route("payment intent: charged, an amount", MOVES_MONEY, lambda: intent(charged))
    book.route("payment intent: charged, an invoice", MOVES_MONEY, lambda: of_an_invoice(paymentMethodId=method))


def _charges(book: Book, shop: Shop, payer: str) -> None:
    def of_an_invoice() -> Prepared:
        invoice = shop.open_invoice(payer)
        return lambda: ignore(_post(shop, "/v1/payments", {"invoiceId": invoice}))

    book.route("payment: an amount", MOVES_MONEY, lambda: lambda: ignore(_paid(shop, payer)))
    book.route("payment: an invoice", MOVES_MONEY, of_an_invoice)


def _reads(book: Book, shop: Shop, payer: str) -> None:
    payment = _paid(shop, payer)
    _post(shop, f"/v1/payments/{payment['id']}/refund", _PART)

    def read(path: str, **query: str) -> Known:
        return lambda: lambda: ignore(shop.call("payments", "GET", path, query=query))

    book.route("GET payment", READ, read(f"/v1/payments/{payment['id']}"))
    book.route("GET payment, by its intent's id", READ, read(f"/v1/payments/{payment['paymentIntentId']}"))
    book.route("list 20 payments of a customer", READ, read("/v1/payments", customer=payer, limit="20"))
    book.route("list the refunds of a payment", READ, read(f"/v1/payments/{payment['id']}/refunds"))
    book.route("list payment methods", READ, read("/v1/payment-methods", customer=payer))
    book.route("list disputes", READ, read("/v1/disputes"))


def _refunds(book: Book, shop: Shop, payer: str) -> None:
    def refund(payment: Json, name: str = "id") -> Prepared:
        return lambda: ignore(_post(shop, f"/v1/payments/{payment[name]}/refund", _PART))

    book.route("refund: an amount", MOVES_MONEY, lambda: refund(_paid(shop, payer)))
    book.route(
        "refund: an amount, by its intent's id", MOVES_MONEY, lambda: refund(_paid(shop, payer), "paymentIntentId")
    )
    book.route(
        "refund: an invoice (by a credit note)", MOVES_MONEY + NUMBER, lambda: refund(_paid_invoice(shop, payer))
    )


def _methods(book: Book, shop: Shop) -> None:
    def setup() -> Prepared:
        customer = shop.customer()
        return lambda: ignore(_post(shop, "/v1/payment-methods/setup", {"customerId": customer}))

    def two_cards() -> tuple[str, str]:
        customer = shop.customer()
        return shop.saved_card(customer), shop.saved_card(customer, "pm_card_mastercard")

    def set_default() -> Prepared:
        _, second = two_cards()
        return lambda: ignore(_post(shop, f"/v1/payment-methods/{second}/set-default"))

    def delete(which: int) -> Prepared:
        method = two_cards()[which]
        return lambda: ignore(shop.call("payments", "DELETE", f"/v1/payment-methods/{method}"))

    book.route("payment method: setup, new at Stripe", WRITE, setup)
    book.route("payment method: set default", WRITE, set_default)
    book.route("payment method: delete the default of two", WRITE, lambda: delete(0))
    book.route("payment method: delete the other", WRITE, lambda: delete(1))


def _news(shop: Shop, event_type: str, about: str) -> Prepared:
    """The delivery of an event that changes something."""
    event = shop.news(event_type, about)
    return lambda: shop.deliver(event, "applied")


def _news_of_payments(book: Book, shop: Shop, payer: str) -> None:
    def succeeded(intent: str) -> Prepared:
        shop.act(f"payment_intents/{intent}/pay", payment_method="pm_card_visa")
        return _news(shop, "payment_intent.succeeded", intent)

    def of_an_invoice() -> Prepared:
        return succeeded(_intent(shop, {"invoiceId": shop.open_invoice(payer)})["paymentIntentId"])

    def canceled() -> Prepared:
        intent = _form(shop, payer)
        shop.stripe(f"/v1/payment_intents/{intent}/cancel", "POST")
        return _news(shop, "payment_intent.canceled", intent)

    book.route("Stripe webhook: an amount is paid", WEBHOOK, lambda: succeeded(_form(shop, payer)))
    book.route("Stripe webhook: an invoice is paid", WEBHOOK, of_an_invoice)
    book.route("Stripe webhook: an intent is canceled", WEBHOOK, canceled)


def _news_of_refunds(book: Book, shop: Shop, payer: str) -> None:
    def at_stripe(payment: Json) -> Prepared:
        intent = payment["paymentIntentId"]
        shop.act(f"payment_intents/{intent}/refund", amount=1_000)
        return _news(shop, "refund.created", intent)

    def returned() -> Prepared:
        payment = _paid_invoice(shop, payer)
        _post(shop, f"/v1/payments/{payment['id']}/refund", _PART)
        refund = shop.news("refund.created", payment["paymentIntentId"])["data"]["object"]["id"]
        shop.act(f"refunds/{refund}/finish", succeed=False)
        return _news(shop, "refund.failed", refund)

    book.route("Stripe webhook: an amount is refunded at Stripe", WEBHOOK, lambda: at_stripe(_paid(shop, payer)))
    book.route(
        "Stripe webhook: an invoice is refunded at Stripe", WEBHOOK, lambda: at_stripe(_paid_invoice(shop, payer))
    )
    book.route("Stripe webhook: an invoice's refund came back", WEBHOOK, returned)


def _news_of_disputes(book: Book, shop: Shop, payer: str) -> None:
    def opened(payment: Json) -> Prepared:
        shop.act(f"charges/{payment['paymentIntentId']}/dispute", reason="fraudulent")
        return _news(shop, "charge.dispute.created", payment["paymentIntentId"])

    def won() -> Prepared:
        payment = _paid(shop, payer)
        opened(payment)()
        dispute = shop.news("charge.dispute.created", payment["paymentIntentId"])["data"]["object"]["id"]
        shop.act(f"disputes/{dispute}/close", status="won")
        return _news(shop, "charge.dispute.closed", dispute)

    book.route("Stripe webhook: an amount is disputed", WEBHOOK, lambda: opened(_paid(shop, payer)))
    book.route("Stripe webhook: an invoice is disputed", WEBHOOK, lambda: opened(_paid_invoice(shop, payer)))
    book.route("Stripe webhook: a dispute is won", WEBHOOK, won)


def _news_of_methods(book: Book, shop: Shop) -> None:
    def attached() -> Prepared:
        body = {"customerId": shop.customer()}
        setup = _post(shop, "/v1/payment-methods/setup", body)["setupIntentId"]
        method = shop.act(f"setup_intents/{setup}/complete", payment_method="pm_card_visa")["payment_method"]
        return _news(shop, "payment_method.attached", method)

    def detached() -> Prepared:
        method = shop.saved_card(shop.customer())
        shop.act(f"payment_methods/{method}/detach")
        return _news(shop, "payment_method.detached", method)

    def customer_gone() -> Prepared:
        method = shop.saved_card(shop.customer())
        owner = shop.stripe(f"/v1/payment_methods/{method}")["customer"]
        shop.stripe(f"/v1/customers/{owner}", "DELETE")
        return _news(shop, "customer.deleted", owner)

    book.route("Stripe webhook: a method is saved", WEBHOOK, attached)
    book.route("Stripe webhook: a method is removed at Stripe", WEBHOOK, detached)
    book.route("Stripe webhook: a customer is deleted at Stripe", WEBHOOK, customer_gone)
