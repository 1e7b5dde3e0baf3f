"""Issue 16, scenarios 25 and 26: what is not public is not dialled, however it is written, and what was judged is."""

import asyncio
import socket

import httpcore
import pytest

from billing.integrations.webhooks.dial import Dialler, system_resolver
from billing.services.webhooks.transport import Answer, Reason
from tests.support import hostile
from tests.support.certificates import server_for, trusting

PUBLIC, ANOTHER = "93.184.215.14", "93.184.215.15"
AMPLE_S = 30.0


class Dialled(Exception):
    """Something was dialled that must not be."""


class Nowhere(httpcore.AsyncNetworkBackend):
    """Where nothing may be dialled."""

    async def connect_tcp(self, host, port, *args, **kwargs):
        raise Dialled(host)


class Machines(httpcore.AnyIOBackend):
    """Takes addresses to ports of this machine; at those that it does not know nobody listens."""

    def __init__(self, ports: dict[str, int]) -> None:
        super().__init__()
        self.ports = ports
        self.dialled: list[str] = []

    async def connect_tcp(self, host, port, *args, **kwargs):
        self.dialled.append(host)
        if host not in self.ports:
            raise httpcore.ConnectError("nobody listens")
        return await super().connect_tcp("127.0.0.1", self.ports[host], *args, **kwargs)


class Answers:
    """A name server that says something else each time."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = iter(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked += 1
        return next(self._answers)


def attempt(url: str, resolve=system_resolver, network=None, **options) -> Answer:
    return Dialler(resolve, trusting(), AMPLE_S, network or Nowhere()).post(url, {}, b"{}", **options)


NOTATIONS = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://[::1]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[fec0::1]/",
    "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://①②⑦.⓪.⓪.①/",
    "https://localhost/",
    "https://localhost./",
    "https://user@example.com/",
    "https://example.com:0/",
    "https://example.com\\@127.0.0.1/",
    "https://exa mple.com/",
    "http://example.com/",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("url", NOTATIONS)
def test_scenario_25_in_no_notation_is_anything_inward_dialled(url: str) -> None:
    """A URL that was stored before a rule was made is judged by the rule; names are resolved as the machine does it."""
    assert attempt(url).reason is Reason.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "found",
    [
        ("10.0.0.1",),
        (PUBLIC, "10.0.0.1"),
        (PUBLIC, "::1"),
        ("169.254.169.254", PUBLIC),
        (PUBLIC, "64:ff9b::7f00:1"),
        ("fe80::1%eth0",),
        ("no address",),
    ],
)
def test_scenario_26_one_answer_that_is_not_public_is_enough_to_dial_none(found: tuple[str, ...]) -> None:
    answer = attempt("https://hooks.example/", Answers(found))
    assert (answer.reason, answer.status, answer.excerpt) == (Reason.BLOCKED_ADDRESS, None, "")


def test_scenario_26_a_name_is_looked_up_at_each_attempt_and_once_in_each(tmp_path) -> None:
    """Public, then private: a name server that answers the second look-up otherwise gains nothing by that."""

    async def run():
        async with hostile.listening(hostile.answers(hostile.OK), server_for("hooks.example", tmp_path)) as receiver:
            names, machines = Answers((PUBLIC,), ("127.0.0.1",)), Machines({PUBLIC: receiver.port})
            made = Dialler(names, trusting(), AMPLE_S, machines)
            first = await made.posted("https://hooks.example/", {}, b"{}")
            asked = names.asked
            return first, asked, await made.posted("https://hooks.example/", {}, b"{}"), machines.dialled

    first, asked, second, dialled = asyncio.run(run())
    assert (first.reason, asked) == (None, 1)
    assert second.reason is Reason.BLOCKED_ADDRESS
    assert dialled == [PUBLIC]


def test_16_a_second_address_is_dialled_where_nobody_listens_at_the_first(tmp_path) -> None:
    async def run():
        async with hostile.listening(hostile.answers(hostile.OK), server_for("hooks.example", tmp_path)) as receiver:
            machines = Machines({ANOTHER: receiver.port})
            names = Answers(("2606:2800:21f:cb07::1", PUBLIC, ANOTHER))
            answer = await Dialler(names, trusting(), AMPLE_S, machines).posted("https://hooks.example/", {}, b"{}")
            return answer, machines.dialled

    answer, dialled = asyncio.run(run())
    assert (answer.reason, dialled) == (None, [PUBLIC, ANOTHER])


def test_16_where_nobody_listens_is_told_apart_from_a_name_without_an_address() -> None:
    async def none(host: str, port: int):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    assert attempt("https://hooks.example/", none).reason is Reason.DNS
    assert attempt("https://hooks.example/", Answers(())).reason is Reason.DNS
    assert attempt("https://hooks.example/", Answers((PUBLIC,)), Machines({})).reason is Reason.CONNECTION


def test_16_plain_http_goes_to_this_machine_and_only_where_that_is_allowed() -> None:
    async def run(loopback: bool):
        async with hostile.listening(hostile.answers(hostile.OK)) as receiver:
            url = f"http://localhost:{receiver.port}/"
            made = Dialler(Answers(("127.0.0.1",)), trusting(), AMPLE_S)
            return (await made.posted(url, {}, b"{}", loopback=loopback)).reason, receiver.accepted

    assert asyncio.run(run(loopback=True)) == (None, 1)
    assert asyncio.run(run(loopback=False)) == (Reason.BLOCKED_ADDRESS, 0)
    assert attempt("http://localhost/", Answers((PUBLIC,)), loopback=True).reason is Reason.BLOCKED_ADDRESS
    assert attempt("https://hooks.example/", Answers(("10.0.0.1",)), loopback=True).reason is Reason.BLOCKED_ADDRESS
