"""Issue 19: each program of examples/ runs as its README says, and prints what it says there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from local.client import Client
from local.stack.settings import ROOT
from tests.e2e.browser import Visitors
from tests.e2e.conftest import Stack

EXAMPLES = ROOT / "examples"
STAND_IN = (Path(__file__).parent / "stripe_js.js").read_text()
LONGEST_S = 300
LINES = 100
PRINTED = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def environment(stack: Stack) -> dict[str, str]:
    """What somebody has after `source docs/guide/call.sh`, with a tenant of their own."""
    wanted = {"name": "Tries it", "mode": "test", "currency": "USD", "invoicePrefix": "TRY"}
    made = Client(asdict(stack), key=stack.platform_api_key).post("/v1/tenants", wanted)
    return os.environ | {
        "LEDGERLINE_URL": stack.api_url,
        "LEDGERLINE_KEY": made["apiKey"],
        "LEDGERLINE_PLATFORM_KEY": stack.platform_api_key,
        "LEDGERLINE_SANDBOX_URL": stack.stripe_url,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_of_this_test",
    }


@pytest.mark.parametrize("name", ["saas", "metered-api", "marketplace"])
def test_19_an_example_does_what_its_page_says(stack: Stack, name: str) -> None:
    command = [sys.executable, str(EXAMPLES / name / "main.py")]
    done = subprocess.run(
        command, env=environment(stack), capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    assert done.returncode == 0, done.stderr
    said = PRINTED.search((EXAMPLES / name / "README.md").read_text())
    assert said is not None
    assert done.stdout == said[1]


@contextmanager
def pay_page(stack: Stack) -> Iterator[str]:
    """The address of the page that pays, served by the example on a free port."""
    command = [sys.executable, str(EXAMPLES / "pay-page" / "main.py"), "0"]
    server = subprocess.Popen(command, env=environment(stack), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        server.kill()
        server.wait(LONGEST_S)
        server.stdout.close()


def stands_in_for_stripe(page: Page, stack: Stack) -> list[dict[str, list[str]]]:
    """Serve what a page wants of Stripe's two hosts, a script and the sandbox; returns what Stripe's API is asked."""
    asked = []

    def confirm(route: Route) -> None:
        form = parse_qs(route.request.post_data or "")
        asked.append(form)
        intent = route.request.url.split("/")[-2]
        body = {name: form[name][0] for name in ("payment_method", "client_secret", "return_url")}
        answer = requests.post(
            f"{stack.stripe_url}/_sandbox/payment_intents/{intent}/pay", json=body, timeout=LONGEST_S
        )
        allowed = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=answer.status_code, body=answer.text, content_type="application/json", headers=allowed)

    page.route("https://js.stripe.com/**", lambda route: route.fulfill(body=STAND_IN, content_type="text/javascript"))
    page.route("https://api.stripe.com/**", confirm)
    return asked


def test_19_a_payer_pays_on_the_page(stack: Stack, visitors: Visitors) -> None:
    tab = visitors.tab()
    asked = stands_in_for_stripe(tab.page, stack)
    with pay_page(stack) as address:
        tab.go(address)
        tab.fill("Card", "pm_card_visa_chargeDeclined")
        expect(tab.page.locator("#invoice")).to_have_text("TRY-000001: 450.00 USD")
        tab.press("Pay", leaves=False)
        said = tab.page.get_by_role("status")
        expect(said).to_have_text("Your card was declined.")
        assert [each for each in tab.complaints() if "402" not in each] == []
        tab.go(address)  # loaded again, it is the same payment
        tab.fill("Card", "pm_card_visa")
        tab.press("Pay", leaves=False)
        expect(said).to_have_text("Thank you: it is paid.")
        assert [form["key"] for form in asked] == [["pk_test_of_this_test"]] * 2
        assert asked[0]["client_secret"] == asked[1]["client_secret"]
        assert asked[1]["return_url"] == [address]
        tab.is_accessible()
        tab.go(f"{address}?redirect_status=succeeded")  # as from a page of the bank's
        expect(said).to_have_text("Thank you: it is paid.")


def test_19_examples_are_short() -> None:
    """Each program, and the client that they share."""
    programs = [*EXAMPLES.glob("*/main.py"), *EXAMPLES.glob("*/page.*"), EXAMPLES / "ledgerline.py"]
    assert len(programs) > 5
    assert {path.name for path in programs if len(path.read_text().splitlines()) >= LINES} == set()
