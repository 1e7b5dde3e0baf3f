"""Issue 19, number 1: the page of one invoice, and who gets to see it."""

import base64
import re
from hashlib import sha256

import pytest

from billing.integrations.pdf.words import LANGUAGES
from tests.integration.payer import open_invoice
from tests.integration.payer_pages.browser import Payer, link_to, said
from tests.integration.world import Tenant, World

PAYER = Payer()


def test_an_open_invoice_says_what_is_to_be_paid(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant, 4_999)
    page = PAYER.get(link_to(world, tenant, invoice))
    assert page.status == 200
    text = said(page)
    for each in (invoice["number"], "Work", "Subtotal", "Total", "Amount due (USD)", "$49.99"):
        assert each in text


def test_the_page_runs_nothing_and_tells_nobody(world: World, tenant: Tenant) -> None:
    page = PAYER.get(link_to(world, tenant, open_invoice(tenant)))
    html = page.content.decode()
    style = re.search(r"<style>(.*?)</style>", html)
    assert style is not None
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    policy = dict(each.strip().partition(" ")[::2] for each in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|\sstyle=|\son\w+=|javascript:", html)


def test_the_document_can_be_taken_along(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    answer = PAYER.get(link_to(world, tenant, invoice) + "/pdf")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert invoice["number"] in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_can_be_chosen(world: World, tenant: Tenant, language: str) -> None:
    page = PAYER.get(f"{link_to(world, tenant, open_invoice(tenant))}?lang={language}")
    assert f'<html lang="{language}">' in page.content.decode()
    assert {"en": "Invoice", "de": "Rechnung", "fr": "Facture", "es": "Factura"}[language] in said(page)


def test_a_link_that_expired_shows_nothing_but_whom_to_ask(world: World, tenant: Tenant) -> None:
    invoice = open_invoice(tenant)
    link = link_to(world, tenant, invoice, days=1)
    assert PAYER.get(link).status == 200
    world.clock.advance(days=1)
    for each in (link, link + "/pdf"):
        page = PAYER.get(each)
        assert page.status == 410
        assert "This link has expired" in said(page)
        assert invoice["number"] not in said(page)


def test_nobody_is_told_what_there_is(world: World, tenant: Tenant) -> None:
    """A link to another tenant's invoice, a proof that is wrong, a tenant that there is not: the same page."""
    path = link_to(world, tenant, open_invoice(tenant))
    named, subject, expiry, proof = path.removeprefix("/pay/").split(".")
    wrong = proof[:-2] + ("AA" if not proof.endswith("AA") else "BB")
    tokens = [
        f"{world.tenant().id}.{subject}.{expiry}.{proof}",
        f"{named}.{subject}.{expiry}.{wrong}",
        f"{named}.{subject}.{int(expiry) + 1}.{proof}",
        f"nobody-here.{subject}.{expiry}.{proof}",
        "nonsense",
    ]
    pages = [PAYER.get(f"/pay/{each}") for each in tokens]
    assert {page.status for page in pages} == {404}
    assert len({page.content for page in pages}) == 1


@pytest.mark.limits
def test_who_guesses_is_slowed_down_and_a_good_link_is_not(world: World, tenant: Tenant) -> None:
    link = link_to(world, tenant, open_invoice(tenant))
    statuses = {PAYER.get("/pay/nonsense").status for _ in range(70)}
    assert statuses == {404, 429}
    assert PAYER.get(link).status == 200


def test_no_token_is_in_a_log(world: World, tenant: Tenant) -> None:
    link = link_to(world, tenant, open_invoice(tenant))
    world.logs.clear()
    PAYER.get(link)
    PAYER.get(link + "/pdf")
    PAYER.get(link[:-1])
    token = link.removeprefix("/pay/")
    rows = tenant.get("/v1/audit-log").content.decode()
    for text in (world.logs.text, rows):
        assert "/pay/{token}" in text
        assert token not in text
        assert token.rpartition(".")[2][:20] not in text


@pytest.mark.parametrize("query", ["lang=de&lang=fr", "lang=%00", "back=1&back=1"])
def test_a_query_that_cannot_be_understood_is_a_page_too(world: World, tenant: Tenant, query: str) -> None:
    link = link_to(world, tenant, open_invoice(tenant))
    for path in (link, f"{link}/pdf"):
        page = PAYER.get(f"{path}?{query}")
        assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
