"""Somebody else's issuer, and functions that are told to take its tokens."""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from local.stack.routes import ALIAS, function_names, template
from local.stack.settings import ROOT
from tests.e2e.conftest import Stack, soon
from tests.e2e.provider import HOST

AUDIENCE = "https://ledgerline.example"
REDIRECT = "https://app.example/done"
SCOPES = "openid billing:read billing:write"


class Provider:
    """The issuer.

    Args:
        audience: what its access tokens are for.
    """

    def __init__(self, audience: str = AUDIENCE) -> None:
        self._audience = audience
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = probe.getsockname()[1]
        self.issuer = f"http://{HOST}:{self._port}"
        self._start()

    def close(self) -> None:
        """Answer no more."""
        self._process.terminate()
        self._process.wait(timeout=60)

    def rotate(self) -> None:
        """Come back at the same address with another key."""
        self.close()
        self._start()

    def kids(self) -> list[str]:
        """The names of the keys that it publishes."""
        return [each["kid"] for each in requests.get(f"{self.issuer}/jwks", timeout=60).json()["keys"]]

    def tokens(self, subject: str) -> dict[str, str]:
        """What an application gets for a user: the code flow, without a person."""
        wanted = {"redirect_uris": [REDIRECT], "scope": SCOPES}
        client = requests.post(f"{self.issuer}/oauth2/clients", json=wanted, timeout=60).json()
        asked = {"client_id": client["client_id"], "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPES}
        allowed = requests.post(
            f"{self.issuer}/oauth2/authorize", params=asked, data={"sub": subject}, timeout=60, allow_redirects=False
        )
        code = parse_qs(urlsplit(allowed.headers["Location"]).query)["code"][0]
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        who = (client["client_id"], client["client_secret"])
        answer = requests.post(f"{self.issuer}/oauth2/token", data=values, auth=who, timeout=60)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def _start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.e2e.provider", str(self._port), self._audience]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        soon(self._answers, patience_s=60)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the provider has ended"
        with contextlib.suppress(requests.ConnectionError):
            return bool(self.kids())
        return False


@contextlib.contextmanager
def trusted_by(stack: Stack, logical_id: str, issuers: list[dict[str, Any]]) -> Iterator[None]:
    """Have one function take these issuers' tokens, as a deploy with `TokenIssuers` does; and then no more."""
    functions, name = stack.aws("lambda"), function_names(template())[logical_id]
    before = functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def configure(setting: str) -> None:
        values = variables | {"TOKEN_ISSUERS": setting}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": values})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)

    configure(json.dumps(issuers))
    try:
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        yield
    finally:
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=before)
        configure(variables.get("TOKEN_ISSUERS", ""))
