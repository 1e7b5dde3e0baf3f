"""A payer's browser: it has no cookies and no account, and follows no redirect by itself."""

import html
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from billing.bootstrap import payer as payer_bootstrap
from billing.services.payer.links import Link
from tests.integration.world import Answer, Json, Tenant, World, http_event, request

_FORM = "application/x-www-form-urlencoded"


def link_to(world: World, tenant: Tenant, invoice: Json, days: float = 30) -> str:
    """The path of a link to an invoice, as the product makes it."""
    expires_at = (world.clock() + timedelta(days=days)).replace(microsecond=0)
    return "/pay/" + payer_bootstrap.links().token(Link(tenant.id, invoice["id"], expires_at))


@dataclass
class Payer:
    """Somebody who was sent a link."""

    language: str = ""

    def get(self, url: str) -> Answer:
        """Open a page."""
        parts = urlsplit(url)
        return request(http_event("GET", parts.path, query=parts.query, headers=self._headers))

    def post(self, url: str, **values: str) -> Answer:
        """Send a form, as the browser that shows it does."""
        headers = {**self._headers, "content-type": _FORM, "sec-fetch-site": "same-origin"}
        return request(http_event("POST", urlsplit(url).path, body=urlencode(values), headers=headers))

    @property
    def _headers(self) -> dict[str, str]:
        return {"accept": "text/html", **({"accept-language": self.language} if self.language else {})}


def checkout_of(answer: Answer) -> str:
    """The id of the session to whose page somebody was sent who wanted to pay."""
    assert answer.status == 303, said(answer)
    found = re.fullmatch(r"http://127\.0\.0\.1:\d+/c/pay/(cs_test_\w+)", answer.headers["Location"])
    assert found is not None, answer.headers["Location"]
    return found[1]


def said(answer: Answer) -> str:
    """What a page says, without its style and its markup."""
    body = re.sub(r"<style>.*?</style>", "", answer.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
