"""Issue 16: a connection whose TLS fails after its handshake is the receiver's failure, as any other, and not ours."""

import asyncio
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from billing.services.webhooks.transport import Answer, Reason
from tests.support import hostile
from tests.support.certificates import server_for, trusting
from tests.unit.integrations.webhooks.test_16_hostile_receivers import HEADERS, dialler

GARBAGE = b"\x17\x03\x03\x00\x20" + b"x" * 32
"""A record of application data that no key opens."""


def attempt(tls: ssl.SSLContext, behaviour=hostile.answers(hostile.OK)) -> Answer:
    async def run() -> Answer:
        async with hostile.listening(behaviour, tls) as receiver:
            return await dialler().posted(f"https://hooks.example:{receiver.port}/", HEADERS, b"{}")

    return asyncio.run(run())


def spoils(beginning: bytes):
    """Reads the request, says the beginning of an answer, and then what is no TLS."""

    def of(receiver):
        async def behave(reader, writer):
            await hostile.request(reader)
            writer.write(beginning)
            await writer.drain()
            os.write(writer.get_extra_info("socket").fileno(), GARBAGE)
            await reader.read()

        return behave

    return of


def refuse(listener: socket.socket, tls: ssl.SSLContext) -> None:
    """A handshake that ends in an alert, after which what the peer sends is read, so that no reset overtakes that."""
    with tls.wrap_socket(listener.accept()[0], server_side=True, do_handshake_on_connect=False) as connection:
        with suppress(ssl.SSLError):
            connection.do_handshake()
        while os.read(connection.fileno(), 4096):
            pass


def test_16_a_receiver_that_wants_a_certificate_of_ours_is_a_failure_of_tls(tmp_path: Path) -> None:
    """With TLS 1.3 it says so after the handshake, when we read: many a gateway in front of a receiver does."""
    tls = server_for("hooks.example", tmp_path)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(trusting().get_ca_certs(binary_form=True)[0]))
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as beside:
        done = beside.submit(refuse, listener, tls)
        answer = dialler().post(f"https://hooks.example:{listener.getsockname()[1]}/", HEADERS, b"{}")
        done.result()
    assert (answer.reason, answer.status) == (Reason.TLS, None)


def test_16_a_receiver_that_spoils_its_tls_is_a_failure_of_tls(tmp_path: Path) -> None:
    answer = attempt(server_for("hooks.example", tmp_path), spoils(b""))
    assert (answer.reason, answer.status) == (Reason.TLS, None)


def test_16_a_status_that_came_before_tls_was_spoiled_stands(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    answer = attempt(server_for("hooks.example", tmp_path), spoils(head))
    assert (answer.reason, answer.status) == (None, 200)
