"""What the local emulator has saved, what it has not, and when it saves."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from local.stack.emulator import what_was_lost
from local.stack.saving_emulator import BREAK_PER_SAVE, SAVE_EVERY_S, Saver, Unsaved, is_write
from local.stack.settings import Paths


def call(method: str = "POST", path: str = "/", target: str = "", host: str = "127.0.0.1") -> dict[str, Any]:
    headers = [(b"Host", host.encode())] + ([(b"X-Amz-Target", target.encode())] if target else [])
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("scope", "writes"),
    [
        (call(target="DynamoDB_20120810.PutItem"), True),
        (call(target="DynamoDB_20120810.TransactWriteItems"), True),
        (call(target="AmazonSQS.SendMessage"), True),
        (call(), True),  # CloudFormation's and IAM's form of a request
        (call(target="DynamoDB_20120810.Query"), False),
        (call(target="DynamoDB_20120810.BatchGetItem"), False),
        (call(target="AmazonSQS.ReceiveMessage"), False),
        (call(path="/_aws/execute-api/abc/v1/customers"), False),
        (call(path="/2015-03-31/functions/payments/invocations"), False),
        (call(host="abc.lambda-url.us-east-1.127.0.0.1"), False),
        (call("GET", path="/_ministack/health"), False),
        ({"type": "lifespan"}, False),
    ],
)
def test_what_counts_as_a_write(scope: dict[str, Any], writes: bool) -> None:
    assert is_write(scope) is writes


def test_what_comes_during_a_save_is_not_in_it(tmp_path: Path) -> None:
    unsaved = Unsaved(tmp_path)
    unsaved.add()
    unsaved.saving()
    unsaved.add()
    unsaved.add()
    assert len(unsaved) == 3
    unsaved.saved()
    assert len(unsaved) == 2


def test_what_a_failed_save_held_is_in_the_next_one(tmp_path: Path) -> None:
    unsaved = Unsaved(tmp_path)
    unsaved.add()
    unsaved.saving()  # and it fails
    unsaved.add()
    unsaved.saving()
    assert len(unsaved) == 2
    unsaved.saved()
    assert len(unsaved) == 0


def test_a_loss_is_told_once(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.make()
    assert what_was_lost(paths) is None
    unsaved = Unsaved(paths.emulator_state)
    unsaved.add()
    unsaved.saving()
    unsaved.add()
    assert "2 writes" in (what_was_lost(paths) or "")
    assert what_was_lost(paths) is None


def _saver(tmp_path: Path, save: Any) -> Saver:
    made = Saver(Unsaved(tmp_path), save, list)
    made.next_at = time.monotonic()
    return made


def test_a_save_is_made_by_a_copy_and_only_where_something_is_unsaved(tmp_path: Path) -> None:
    own = os.getpid()
    saver = _saver(tmp_path, lambda: (tmp_path / "by").write_text(str(os.getpid())))
    saver.look()
    assert saver.child is None
    saver.unsaved.add()
    saver.look()
    saver.finish()
    assert int((tmp_path / "by").read_text()) != own
    assert len(saver.unsaved) == 0


def test_a_save_that_fails_leaves_its_writes_unsaved(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise OSError("no space left")

    saver = _saver(tmp_path, fails)
    saver.unsaved.add()
    saver.look()
    saver.finish()
    assert len(saver.unsaved) == 1
    assert "no space left" in capfd.readouterr().err


def test_saves_keep_a_distance_that_grows_with_their_work(tmp_path: Path) -> None:
    cpu_s = 1.5 * SAVE_EVERY_S / BREAK_PER_SAVE  # so much that the break is longer than the least one

    def works() -> None:
        while time.process_time() < cpu_s:
            pass

    saver = _saver(tmp_path, works)
    saver.unsaved.add()
    saver.look()
    before = time.monotonic()
    saver.finish()
    assert saver.next_at >= before + 1.5 * SAVE_EVERY_S


def test_before_its_time_comes_nothing_is_saved(tmp_path: Path) -> None:
    saver = _saver(tmp_path, lambda: None)
    saver.next_at = time.monotonic() + 3600
    saver.unsaved.add()
    saver.look()
    assert saver.child is None
