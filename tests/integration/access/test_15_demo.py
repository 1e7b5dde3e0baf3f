"""Issue 15: the demo's act of access, told in this process: its requests go to the handlers instead of a stack."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.client import Client
from local.demo.access import Access
from tests.integration.conftest import ISSUER
from tests.integration.lambdas import http_event, request
from tests.integration.world import World


class Gateway(requests.adapters.HTTPAdapter):
    """What stands before the handlers on the local stack."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def send(self, sent: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer a request."""
        self.world.clock.advance(seconds=2)  # nobody is as fast as this
        parts = urlsplit(str(sent.url))
        made = requests.Response()
        made.url, made.request, made.status_code = str(sent.url), sent, 200
        if parts.path == "/_gateway/mailbox":
            mails = [{"to": each.to, "text": each.text} for each in reversed(self.world.outbox.mails)]
            made._content = json.dumps(mails).encode()
            return made
        headers = {name.lower(): str(value) for name, value in sent.headers.items()}
        headers.pop("accept-encoding", None)  # to pack and unpack is the transport's, which this is not
        cookies = [each for each in headers.pop("cookie", "").split("; ") if each]
        body = sent.body.decode() if isinstance(sent.body, bytes) else sent.body
        event = http_event(str(sent.method), parts.path, body=body, query=parts.query, headers=headers)
        answer = request(event | {"cookies": cookies})
        made.status_code, made._content = answer.status, answer.content
        made.headers.update(answer.headers)
        for each in answer.cookies:
            name, _, rest = each.partition("=")
            made.cookies.set(name, rest.partition(";")[0])
        return made


def test_15_the_act_is_told_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(world)
    through = requests.Session.get_adapter
    monkeypatch.setattr(
        requests.Session, "get_adapter", lambda self, url: gateway if url.startswith(ISSUER) else through(self, url)
    )
    stack = {"api_url": ISSUER, "api_key": world.platform_key, "platform_api_key": world.platform_key}
    rows = Access(Client(stack)).play()
    assert [(status, result) for _, _, status, result in rows] == [
        ("200", "let in"), ("403", "refused"), ("200", "let in"), ("200", "let in"), ("200", "let in"),
        ("401", "refused"), ("200", "let in"), ("401", "refused"),
    ]  # fmt: skip
