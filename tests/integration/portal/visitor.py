"""A customer's browser in the portal: it keeps the cookie, fills in forms, and follows redirects when told to."""

import html
import re
from dataclasses import dataclass
from typing import Any

from tests.integration.access.browser import Browser
from tests.integration.world import Answer, Json, Tenant

EVERYTHING = ["invoices", "paymentMethods", "changePlan", "quantities", "pause", "cancel", "details", "usage"]


@dataclass
class Visitor(Browser):
    """A browser that says in which language its pages are to be."""

    language: str = ""

    def fields(self, action: str) -> dict[str, str]:
        """What the form of this page that goes there has, hidden or filled in."""
        forms = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', self.text, re.S)
        inside = next(content for target, content in forms if target == action)
        found = {}
        for tag in re.findall(r"<input [^>]+>", inside):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if attributes.get("type") != "radio" or " checked" in tag:
                found[html.unescape(attributes["name"])] = html.unescape(attributes.get("value", ""))
        return found

    def submit(self, action: str, /, **values: str) -> Answer:
        """Send that form, some of its fields filled in otherwise."""
        return self.post(action, self.fields(action) | values)

    def follow(self) -> Answer:
        """Go where the answer leads."""
        assert self.page is not None
        assert self.page.status == 303, said(self.page)
        return self.get(self.page.headers["Location"])

    def shows(self, *texts: str) -> bool:
        """Whether the page says all of them."""
        assert self.page is not None
        return all(each in said(self.page) for each in texts)

    @property
    def _headers(self) -> dict[str, str]:
        return {"accept": "text/html", **({"accept-language": self.language} if self.language else {})}


def said(answer: Answer) -> str:
    """What a page says, without its style and its markup."""
    body = re.sub(r"<style>.*?</style>", "", answer.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def switch_on(tenant: Tenant, *features: str, **more: Any) -> None:
    """Set what is on, and wait until every worker knows it."""
    settings: Json = {"features": list(features) or EVERYTHING, **more}
    assert tenant.patch(f"/v1/tenants/{tenant.id}", {"portal": settings}).status == 200
    tenant.world.clock.advance(seconds=61)


def link_for(tenant: Tenant, customer: str, **fields: Any) -> str:
    """A link, as its path and query."""
    made = tenant.post("/v1/portal-sessions", {"customerId": customer, **fields})
    assert made.status == 201, made.json
    return str(made.data["url"]).removeprefix("https://billing.example")


def visit(tenant: Tenant, customer: str, **fields: Any) -> Visitor:
    """A browser in which a customer is in the portal."""
    visitor = Visitor()
    assert visitor.get(link_for(tenant, customer, **fields)).status == 200
    visitor.submit("/portal/enter")
    assert visitor.follow().status == 200, visitor.text
    return visitor
