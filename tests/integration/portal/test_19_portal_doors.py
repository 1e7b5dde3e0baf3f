"""Issue 19, item 1: who gets into the portal, for how long, and what a page of another's is worth."""

import re

import pytest

from tests.integration.portal.visitor import Visitor, link_for, said, switch_on, visit
from tests.integration.world import Tenant, World


@pytest.fixture(scope="module")
def tenant(world: World) -> Tenant:
    world.clock.reset()
    tenant = world.tenant()
    switch_on(tenant)
    return tenant


def test_looking_at_a_link_uses_nothing_up_and_entering_does(tenant: Tenant, customer: str) -> None:
    link = link_for(tenant, customer)
    for _ in range(3):  # scanners of mails
        assert Visitor().get(link).status == 200
    first, second = Visitor(), Visitor()
    first.get(link)
    second.get(link)
    assert first.submit("/portal/enter").status == 303
    assert first.follow().status == 200
    assert second.submit("/portal/enter").status == 410
    assert "does not work any more" in said(second.get(link))
    assert second.cookies == {}


def test_a_link_ends_by_itself(world: World, tenant: Tenant, customer: str) -> None:
    visitor = Visitor()
    link = link_for(tenant, customer)
    visitor.get(link)
    world.clock.advance(minutes=15)
    assert visitor.submit("/portal/enter").status == 410
    assert visitor.get(link).status == 410


def test_another_tenants_link_is_none(world: World, tenant: Tenant, customer: str) -> None:
    secret = link_for(tenant, customer).rpartition(".")[2]
    for owner in (world.tenant().id, "ten_none", "", "x" * 300, "a%00b"):
        assert Visitor().get(f"/portal/enter?token={owner}.{secret}").status in (400, 404, 410)
    assert Visitor().get("/portal/enter").status == 404
    assert Visitor().get(f"/portal/enter?token={tenant.id}.{'x' * 43}").status == 410


def test_a_session_ends_after_an_hour_whatever_is_done(world: World, tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    world.clock.advance(minutes=59)
    assert visitor.get("/portal").status == 200
    world.clock.advance(minutes=1)
    assert visitor.get("/portal").status == 403
    assert visitor.shows("Your session has ended")


def test_who_signs_out_is_out_with_every_copy_of_the_cookie(tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer, returnUrl="https://app.example/me?a=1&b=2")
    assert 'href="https://app.example/me?a=1&amp;b=2"' in visitor.text
    copy = dict(visitor.cookies)
    visitor.submit("/portal/leave")
    assert visitor.shows("You have signed out", "Back to the website")
    assert Visitor(cookies=copy).get("/portal").status == 403


def test_nobody_comes_in_without_a_session(world: World, tenant: Tenant, customer: str) -> None:
    inside = visit(tenant, customer)
    cookie = inside.cookies["__Host-portal"]
    other = world.tenant()
    wrong = [None, "", "x", cookie + "x", cookie.replace(tenant.id, other.id), "ten_none." + "x" * 43, "é.é"]
    for each in wrong:
        cookies = {} if each is None else {"__Host-portal": each}
        for path in ("/portal", "/portal/invoices", "/portal/cards", "/portal/subscriptions/sub_1/change"):
            assert Visitor(cookies=cookies).get(path).status == 403, (each, path)
        assert Visitor(cookies=cookies).post("/portal/details", {"name": "X", "csrf": "y", "once": "z"}).status == 403


def test_a_form_of_another_session_or_site_does_nothing(tenant: Tenant, customer: str) -> None:
    mine, theirs = visit(tenant, customer), visit(tenant, tenant.customer())
    mine.get("/portal/details")
    theirs.get("/portal/details")
    form = mine.fields("/portal/details") | {"name": "Mallory"}
    stolen = form | {"csrf": theirs.fields("/portal/details")["csrf"]}
    assert mine.post("/portal/details", stolen).status == 403
    assert mine.post("/portal/details", {k: v for k, v in form.items() if k != "csrf"}).status == 403
    assert mine.post("/portal/details", form, **{"sec-fetch-site": "cross-site"}).status == 400
    assert tenant.get(f"/v1/customers/{customer}").data["name"] == "Zoë Ölmez"


@pytest.mark.limits
def test_what_is_refused_is_counted(world: World, tenant: Tenant, customer: str) -> None:
    """Forms of another session or site, which no counter of a session sees."""
    visitor = visit(tenant, customer)
    visitor.get("/portal/details")
    form = visitor.fields("/portal/details")
    for values, headers in ((form | {"csrf": "x"}, {}), (form, {"sec-fetch-site": "cross-site"})):
        world.clock.advance(seconds=61)
        statuses = [visitor.post("/portal/details", values, **headers).status for _ in range(70)]
        assert statuses[0] in (400, 403)
        assert statuses[-1] == 429


def test_what_is_done_is_the_customers_own_in_the_audit_log(world: World, tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    visitor.get("/portal/details")
    visitor.submit("/portal/details", name="Ada")
    rows = tenant.get("/v1/audit-log", principal=f"portal:{customer}").data
    assert {"POST /portal/enter", "GET /portal/details", "POST /portal/details"} <= {each["route"] for each in rows}
    assert not any(visitor.cookies["__Host-portal"].partition(".")[2] in str(item) for item in world.items)


def test_a_deleted_customers_session_ends(tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    tenant.delete(f"/v1/customers/{customer}")
    assert visitor.get("/portal").status == 403


def test_pages_run_nothing_and_tell_nobody(tenant: Tenant, customer: str) -> None:
    visitor = visit(tenant, customer)
    for path in ("/portal", "/portal/invoices", "/portal/cards", "/portal/usage", "/portal/details"):
        answer = visitor.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script|\sstyle=|\son\w+=|javascript:", visitor.text), path


EVIL = '"><img src=x onerror=alert(1)>'


def test_texts_are_shown_as_texts(world: World) -> None:
    world.clock.reset()
    tenant = world.tenant()
    tenant.patch(f"/v1/tenants/{tenant.id}", {"name": EVIL, "legalName": EVIL, "branding": {"footer": EVIL}})
    tenant.plan(name=EVIL)
    switch_on(tenant, plans=["business-monthly"], cancel="either")
    address = {"line1": EVIL, "line2": EVIL, "city": EVIL, "postalCode": EVIL, "state": EVIL}
    customer = tenant.customer(name=EVIL, taxId=EVIL, address=address)
    subscription = tenant.subscribe(customerId=customer)
    visitor = visit(tenant, customer)
    at = f"/portal/subscriptions/{subscription['id']}"
    paths = ["", "/invoices", "/cards", "/usage", "/details"]
    pages = [f"/portal{each}" for each in paths] + [f"{at}/pause", f"{at}/cancel", f"{at}/resume"]
    for path in [*pages, f"{at}/change?q.seats=%22%3E%3Cimg%3E&plan=%22%3E%3Cimg%3E", f"{at}/change?q.seats=110"]:
        visitor.get(path)
        assert "<img src=x" not in visitor.text and '"><img' not in visitor.text, path  # noqa: PT018 - one of both
    form = visitor.get("/portal/details") and visitor.fields("/portal/details")
    visitor.post("/portal/details", form | {"email": EVIL, "name": EVIL})
    assert "<img" not in visitor.text
