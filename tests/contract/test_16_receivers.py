"""Issue 16: the receivers' examples: they verify with the libraries that everybody has, and survive what comes."""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.receiving import EXAMPLES, PYTHON, Receiver, encoded, event, node, running, secret, signed

OURS, BEFORE, OTHERS = secret("ours"), secret("before"), secret("others")


@pytest.fixture(scope="module", params=["python", "node"])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with running(PYTHON if request.param == "python" else node(), OURS) as made:
        yield made


def test_16_a_receiver_acts_on_what_is_signed_and_on_nothing_else(receiver: Receiver) -> None:
    body = encoded(event("evt_a1", 1) | {"data": {"object": {"id": "in_a", "version": 1, "customer": "Zoë"}}})
    now = datetime.now(UTC)
    good = signed([OURS], "evt_a1", body)
    forged = [
        signed([OTHERS], "evt_a1", body),
        good | {"webhook-id": "evt_a2"},
        signed([OURS], "evt_a1", body, now - timedelta(minutes=6)),
        signed([OURS], "evt_a1", body, now + timedelta(minutes=6)),
        good | {"webhook-signature": "nonsense"},
        good | {"webhook-signature": "v1,~"},
        good | {"webhook-timestamp": "soon"},
        {},
    ]
    assert [receiver.post(body, each) for each in forged] == [400] * len(forged)
    assert receiver.post(body + b" ", good) == 400
    assert receiver.post(b"\xff", good) == 400
    assert receiver.post(body, good) == 204
    assert receiver.said() == "act invoice.paid in_a 1"


def test_16_scenario_31_a_receiver_that_knows_either_secret_verifies(receiver: Receiver) -> None:
    body = encoded(event("evt_b1") | {"data": {"object": {"id": "in_b", "version": 1}}})
    assert receiver.post(body, signed([OTHERS, OURS], "evt_b1", body)) == 204
    assert receiver.said() == "act invoice.paid in_b 1"


def test_16_scenario_30_an_event_that_comes_twice_is_acted_on_once(receiver: Receiver) -> None:
    """The same id and the same bytes, at another time of signing."""
    body = encoded(event("evt_c1") | {"data": {"object": {"id": "in_c", "version": 1}}})
    for n, said in enumerate(("act invoice.paid in_c 1", "again evt_c1")):
        assert receiver.post(body, signed([OURS], "evt_c1", body, datetime.now(UTC) - timedelta(seconds=n))) == 204
        assert receiver.said() == said  # it acts after it has answered: later than on what comes next, if it is slow


def test_16_scenario_32_an_older_state_does_not_overwrite_a_newer_one(receiver: Receiver) -> None:
    """What happened first comes last; what has no version is always acted on."""
    for event_id, version in (("evt_d2", 2), ("evt_d1", 1), ("evt_d3", 3)):
        body = encoded(event(event_id) | {"data": {"object": {"id": "in_d", "version": version}}})
        assert receiver.post(body, signed([OURS], event_id, body)) == 204
        assert receiver.said() == ("older invoice.paid in_d" if version == 1 else f"act invoice.paid in_d {version}")
    for event_id in ("evt_e1", "evt_e2"):
        body = encoded(event(event_id) | {"data": {"object": {"id": "in_e"}}})
        assert receiver.post(body, signed([OURS], event_id, body)) == 204
        assert receiver.said() == "act invoice.paid in_e -"


def test_16_what_a_receiver_kept_it_acts_on_after_a_crash(tmp_path: Path) -> None:
    """It has answered, and died before it acted: the event is not sent again, so it has to be kept."""
    import sqlite3

    inbox, body = tmp_path / "inbox", encoded(event("evt_f1"))
    with running(PYTHON, OURS, INBOX=str(inbox)) as first:
        assert first.post(body, signed([OURS], "evt_f1", body)) == 204
        assert first.said() == "act invoice.paid in_1 1"
    with sqlite3.connect(inbox) as database:
        database.executescript("UPDATE events SET done = 0; DELETE FROM objects")
    database.close()
    with running(PYTHON, OURS, INBOX=str(inbox)) as second:
        assert second.said() == "act invoice.paid in_1 1"


@pytest.mark.parametrize("secrets", [[OURS], [OTHERS, OURS]])
def test_16_a_shell_verifies_by_hand(secrets: list[str]) -> None:
    body = encoded(event("evt_1"))
    headers = signed(secrets, "evt_1", body)
    verdicts = [
        verified(OURS, headers, body),
        verified(OURS, headers, body + b" "),
        verified(BEFORE, headers, body),
        verified(OURS, headers, body, NOW=str(int(time.time()) + 400)),
    ]
    assert verdicts == [True, False, False, False]


def test_16_a_shell_signs_as_we_do(receiver: Receiver) -> None:
    body = encoded(event("evt_g1") | {"data": {"object": {"id": "in_g", "version": 7, "name": "100 % 'Zoë'"}}})
    command = [str(EXAMPLES / "curl" / "deliver.sh"), receiver.url, "evt_g1", body.decode()]
    done = subprocess.run(command, env=shell(OURS), capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "204\n"
    assert receiver.said() == "act invoice.paid in_g 7"


def shell(of: str, **more: str) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "WEBHOOK_SECRET": of, **more}


def verified(of: str, headers: dict[str, str], body: bytes, **more: str) -> bool:
    """Whether the script takes a webhook for signed."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    command = [str(EXAMPLES / "curl" / "verify.sh"), *(headers[name] for name in names)]
    done = subprocess.run(command, env=shell(of, **more), input=body, capture_output=True, timeout=120, check=False)
    return done.returncode == 0
