"""The parts of the local stack that need no running stack."""

import argparse
import asyncio
import hashlib
import io
import socket
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from rich.console import Console

from local.console import Failure
from local.demo.books import invoice_table
from local.demo.story import money
from local.stack.gateway import WEBHOOKS_AT_ONCE, by_sender, listen
from local.stack.platform_key import create_platform_key, new_key
from local.stack.seed import Keys, snake
from local.stack.settings import HOST, Ports, write_private
from local.stack.sizes import folder_bytes, layer_ids
from scripts.ensure_env import fingerprint


class FakeTable:
    """Remembers what was put."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def put_item(self, **arguments: Any) -> None:
        assert arguments["TableName"] in ("callers", "access")
        self.items.append(arguments["Item"])


def test_the_platform_key_is_stored_as_its_hash_only() -> None:
    table = FakeTable()
    key = create_platform_key(table, {"callers": "callers", "access": "access"})
    listed, item = table.items
    assert key not in str(listed)
    assert item["caller_id"] == {"S": "key#" + hashlib.sha256(key.encode()).hexdigest()}
    assert key not in str(item)
    assert item["scope"] == {"S": "platform"}


def test_keys_have_256_random_bits() -> None:
    assert len(new_key()) == len("llk_platform_") + 43 + 6  # and a checksum
    assert new_key() != new_key()


def test_a_taken_port_is_named() -> None:
    ports = Ports.free()
    with socket.socket() as taken:
        taken.bind((HOST, ports.stripe))
        taken.listen()
        with pytest.raises(Failure, match=rf"port {ports.stripe} \(stripe\) is taken"):
            ports.require_free()


@pytest.mark.parametrize("text", ["", "80", "70000", "8787,8788", "-1"])
def test_ports_must_be_a_port(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORTS", text)
    with pytest.raises(Failure, match="PORTS"):
        Ports.fixed()


def test_ports_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTS", "9000")
    assert Ports.fixed() == Ports(api=9000, webhook=9001, stripe=9002, aws=9003)


def test_keys_stay_the_same_from_start_to_start(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = Keys.load(path)
    first.tenant_id = "tnt_1"
    first.save(path)
    assert Keys.load(path) == first


def test_keys_of_a_start_before_a_release_are_kept_without_what_is_no_more(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"webhook_secret": "whsec_1", "api_key": "llk_1"}')
    assert Keys.load(path).api_key == "llk_1"


def test_what_holds_keys_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    write_private(path, "{}")
    assert path.stat().st_mode & 0o777 == 0o600


def test_table_names_are_written_as_in_code() -> None:
    assert snake("PaymentMethods") == "payment_methods"


def test_the_layers_of_globals_come_before_a_functions_own() -> None:
    document = {"Globals": {"Function": {"Layers": ["A", "B"]}}}
    assert layer_ids(document, {"Properties": {"Layers": ["C"]}}) == ["A", "B", "C"]


def test_folder_bytes_counts_files_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"123")
    (tmp_path / "two").write_bytes(b"45")
    assert folder_bytes(tmp_path) == 5


def test_an_environment_is_made_anew_when_its_requirements_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n")
    before = fingerprint(tmp_path / ".venv", requirements)
    assert fingerprint(tmp_path / "elsewhere" / ".venv", requirements) != before
    requirements.write_text("a==2\n")
    assert fingerprint(tmp_path / ".venv", requirements) != before


@pytest.mark.parametrize(
    ("micros", "currency", "said"),
    [(4_999_000, "USD", "$49.99"), (-55_880_000, "EUR", "-€558.80"), (3_256_090_000, "", "32,560.90"), (0, "", "0.00")],
)
def test_money_is_said_as_people_say_it(micros: int, currency: str, said: str) -> None:
    assert money(micros, currency) == said


def test_the_table_of_the_demo_fits_a_terminal() -> None:
    invoice = {
        "number": "K-000011",
        "createdAt": "2027-10-01T00:00:00Z",
        "currency": "EUR",
        "period": {"start": "2027-10-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"},
        "billingReason": "subscription_update",
        "status": "paid",
        **dict.fromkeys(("total", "amountPaid"), 86_727_000),
        **dict.fromkeys(("tax", "discount", "balanceApplied"), 13_847_000),
    }
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(invoice_table([invoice] * 3))
    text = console.export_text()
    assert "10-01/01-01" in text
    assert "2,601.81" in text  # 3 x 867.27
    assert "…" not in text


class Emulator:
    """Stands where the emulator does: answers nobody before it may, and counts whom it has at once."""

    def __init__(self) -> None:
        self.full, self.may_answer = asyncio.Event(), asyncio.Event()
        self.now = self.most = self.served = 0

    async def answer(self, _: web.Request) -> web.StreamResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == WEBHOOKS_AT_ONCE:
            self.full.set()
        await self.may_answer.wait()
        self.now -= 1
        self.served += 1
        return web.Response(text="ok")


async def storm_of_webhooks(emulator: Emulator, patient: int, hasty: int) -> list[int]:
    """So many senders at once; the hasty ones give up before anybody is answered. What the patient ones get."""
    ports = Ports.free()
    async with ClientSession() as session, ClientSession(timeout=ClientTimeout(total=0.1)) as impatient:
        hosts = argparse.Namespace(stripe_host="stripe", tax_host="tax")
        handler = by_sender(session, f"http://{HOST}:{ports.aws}", hosts)
        runners = [await listen(ports.aws, emulator.answer), await listen(ports.webhook, handler)]

        async def deliver(sender: ClientSession) -> int:
            async with sender.post(f"http://{HOST}:{ports.webhook}/webhooks/stripe", data=b"{}") as answer:
                return answer.status

        try:
            waiting = [asyncio.create_task(deliver(session)) for _ in range(patient)]
            await emulator.full.wait()
            given_up = await asyncio.gather(*(deliver(impatient) for _ in range(hasty)), return_exceptions=True)
            assert all(isinstance(each, TimeoutError) for each in given_up)
            emulator.may_answer.set()
            return await asyncio.gather(*waiting)
        finally:
            for each in runners:
                await each.cleanup()


def test_the_gateway_lets_a_few_webhooks_through_at_once_and_forgets_those_who_gave_up() -> None:
    async def run() -> tuple[Emulator, list[int]]:
        emulator = Emulator()
        return emulator, await storm_of_webhooks(emulator, patient=3 * WEBHOOKS_AT_ONCE, hasty=3)

    emulator, statuses = asyncio.run(run())
    assert statuses == [200] * (3 * WEBHOOKS_AT_ONCE)
    assert (emulator.most, emulator.served) == (WEBHOOKS_AT_ONCE, 3 * WEBHOOKS_AT_ONCE)
