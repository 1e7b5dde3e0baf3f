"""requests to one service: the environment is looked at once, and never for a password."""

import os
from pathlib import Path
from typing import Any

import pytest
import requests

from billing.integrations.http_session import HttpSession

BASE = "https://api.example.test"
PROXY = "http://proxy.example.test:3128"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What adapters are asked to send: the request, and how."""
    for name in [each for each in os.environ if each.lower().endswith(("_proxy", "_ca_bundle"))]:
        monkeypatch.delenv(name)
    found: list[Any] = []

    def send(self: Any, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        found.append((request, how))
        answer = requests.Response()
        answer.status_code, answer._content, answer.url = 200, b"{}", str(request.url)
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return found


def test_it_goes_through_the_proxy_that_was_named_when_it_was_made(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")
    session = HttpSession(BASE)
    monkeypatch.setenv("HTTPS_PROXY", "http://another.example.test")
    session.get(f"{BASE}/v1")
    ((_, how),) = sent
    assert how["proxies"]["https"] == PROXY
    assert how["verify"] == "/certificates.pem"


def test_certificates_that_the_caller_names_come_first(sent: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK of Stripe has its own."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")
    HttpSession(BASE).get(f"{BASE}/v1", verify="/stripes.pem")
    assert sent[0][1]["verify"] == "/stripes.pem"


@pytest.mark.parametrize("no_proxy", ["api.example.test", "example.test", "*"])
def test_it_goes_straight_to_a_host_that_needs_no_proxy(
    no_proxy: str, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    HttpSession(BASE).get(f"{BASE}/v1")
    assert "https" not in sent[0][1]["proxies"]


def test_without_any_it_verifies_by_the_usual_certificates(sent: list[Any]) -> None:
    HttpSession(BASE).get(f"{BASE}/v1")
    ((_, how),) = sent
    assert how["verify"] is True
    assert not how["proxies"]


def test_no_password_of_a_file_takes_the_place_of_ours(
    sent: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests prefers what ``~/.netrc`` says of the host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.test login them password theirs\n")
    monkeypatch.setenv("NETRC", str(netrc))
    ours = {"Authorization": "Bearer ours"}
    requests.Session().get(f"{BASE}/v1", headers=ours)
    HttpSession(BASE).get(f"{BASE}/v1", headers=ours)
    plainly, session = (request.headers["Authorization"] for request, _ in sent)
    assert plainly.startswith("Basic ")
    assert session == "Bearer ours"
