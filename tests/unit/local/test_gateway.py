"""The local gateway's bounds: a few calls at once, some that wait, the rest throttled."""

import asyncio

from aiohttp import ClientSession, web

from local.stack.gateway import bounded, listen
from local.stack.settings import HOST, Ports


def test_calls_beyond_the_bounds_are_throttled_and_the_others_take_turns() -> None:
    async def scenario() -> tuple[list[int], int]:
        inside, most = 0, 0
        go = asyncio.Event()

        async def answer(_request: web.Request) -> web.Response:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await go.wait()
            inside -= 1
            return web.Response(text="done")

        ports = Ports.free()
        runner = await listen(ports.api, bounded(answer, at_once=2, waiting=3))
        async with ClientSession() as session:

            async def call() -> int:
                async with session.post(f"http://{HOST}:{ports.api}/v1/customers", data=b"{}") as response:
                    if response.status == 429:
                        go.set()  # five are in: one had to be refused before any of them is answered
                    return response.status

            statuses = await asyncio.gather(*(call() for _ in range(6)))
            again = await call()
        await runner.cleanup()
        return sorted(statuses), max(most, 0) * 1000 + again

    statuses, rest = asyncio.run(scenario())
    assert statuses == [200, 200, 200, 200, 200, 429]
    assert rest == 2 * 1000 + 200  # never more than two at once; and a refused caller may come again
