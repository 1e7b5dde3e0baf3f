"""A page on which a payer pays an invoice: its server. The card goes from the page to Stripe, and never here.

    STRIPE_PUBLISHABLE_KEY=pk_test_... python examples/pay-page/main.py 9100

``page.html`` and ``page.js`` are the page. This server knows two things that the page must not decide: which invoice is
paid, and whether it is.
"""

import json
import os
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent))
from ledgerline import Ledgerline  # noqa: E402

FILES = {"/": ("page.html", "text/html; charset=utf-8"), "/page.js": ("page.js", "text/javascript")}
# What Stripe.js needs (docs.stripe.com/security/guide), and nothing else.
POLICY = (
    "default-src 'none'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    "; script-src 'self' https://js.stripe.com https://*.js.stripe.com"
    "; connect-src 'self' https://api.stripe.com"
    "; frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
)


class Shop:
    """An invoice that somebody is to pay; in your shop, that of the customer who is signed in."""

    def __init__(self) -> None:
        self._ledgerline = Ledgerline()
        self._digits = {each["code"]: each["minorDigits"] for each in self._ledgerline.get("/v1/currencies")}
        customer = self._ledgerline.post("/v1/customers", {"name": "Peggy Solomon", "email": "peggy@example.com"})
        lines = [{"description": "A lithograph", "quantity": "1", "unitAmount": 45_000_000}]
        wanted = {"customerId": customer["id"], "lines": lines, "autoFinalize": True}
        self._invoice_id = self._ledgerline.post("/v1/invoices", wanted)["id"]

    def invoice(self) -> dict[str, Any]:
        """What the page shows of it."""
        found = self._ledgerline.get(f"/v1/invoices/{self._invoice_id}")
        # 1,000 micro-units are a minor unit. Browsers and ISO 4217 do not agree on how many digits that has.
        amount = (Decimal(found["amountDue"]) / 1000).scaleb(-self._digits[found["currency"]])
        return {"number": found["number"], "status": found["status"], "due": f"{amount} {found['currency']}"}

    def payment(self) -> dict[str, Any]:
        """What Stripe.js needs; the same payment however often the page is loaded."""
        wanted = {"invoiceId": self._invoice_id}
        made = self._ledgerline.post("/v1/payments/intents", wanted, once=f"pay-{self._invoice_id}")
        return {"clientSecret": made["clientSecret"], "publishableKey": os.environ["STRIPE_PUBLISHABLE_KEY"]}


def main() -> None:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/invoice":
                self._answer(json.dumps(shop.invoice()).encode(), "application/json")
            elif path in FILES:
                name, kind = FILES[path]
                self._answer((FOLDER / name).read_bytes(), kind)
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            if self.path == "/payment":
                self._answer(json.dumps(shop.payment()).encode(), "application/json")
            else:
                self.send_error(404)

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9100), Handler)
    print(f"{shop.invoice()['number']} can be paid at http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
