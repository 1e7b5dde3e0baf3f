"""Issue 11, number 20: the local gateway hands on what API Gateway does, every path and every body as it came."""

import argparse
import asyncio
import gzip

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from local.stack.gateway import by_sender, forward, listen
from local.stack.settings import HOST, Ports

SENT = b'{"name": "Ada"}'


def through(path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes, str | None]:
    """What the emulator gets of a request to the gateway, and the status that its sender gets."""
    seen: list[tuple[str, bytes, str | None]] = []

    async def emulator(request: web.Request) -> web.StreamResponse:
        seen.append((request.raw_path, await request.read(), request.headers.get("Content-Encoding")))
        return web.Response(status=204)

    async def run() -> int:
        ports = Ports.free()
        async with ClientSession(auto_decompress=False) as session:
            hosts = argparse.Namespace(stripe_host="stripe", tax_host="tax")
            base = f"http://{HOST}:{ports.aws}"
            runners = [
                await listen(ports.aws, emulator),
                await listen(ports.api, forward(session, base, None)),
                await listen(ports.webhook, by_sender(session, base, hosts)),
            ]
            try:
                port = ports.webhook if path.startswith("/webhooks") else ports.api
                url = URL(f"http://{HOST}:{port}{path}", encoded=True)
                async with session.post(url, data=body, headers=headers) as answer:
                    return answer.status
            finally:
                for each in runners:
                    await each.cleanup()

    status = asyncio.run(run())
    assert len(seen) == 1, "the gateway answered itself"
    return status, *seen[0]


@pytest.mark.parametrize(
    "path",
    ["/v1/customers/a%0Ab", "/v1/customers/%0d%0a", "/v1/customers/%00", "/v1/customers/%FF", "/v1/a%2Fb?q=%0A",
     "/v1/customers/%E2%80%A8", "/%0A", "/webhooks/stripe%0A"],
)  # fmt: skip
def test_every_path_reaches_the_emulator_as_it_is(path: str) -> None:
    status, seen, _, _ = through(path)
    assert (status, seen) == (204, path)


@pytest.mark.parametrize(
    "body", [gzip.compress(SENT), b"no gzip", gzip.compress(SENT)[:-4]], ids=["gzip", "no gzip", "cut off"]
)
@pytest.mark.parametrize("path", ["/v1/customers", "/webhooks/stripe"])
def test_a_compressed_body_goes_on_as_it_is(path: str, body: bytes) -> None:
    status, _, seen, coding = through(path, body, **{"Content-Encoding": "gzip"})
    assert (status, seen, coding) == (204, body, "gzip")
