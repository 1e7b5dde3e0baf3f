"""The local emulator saves as it goes: killed, it comes back with what it had saved, and says what is missing."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.stack.emulator import start_emulator, wait_for_emulator, what_was_lost
from local.stack.processes import Child
from local.stack.saving_emulator import Unsaved
from local.stack.settings import HOST, REGION, Paths, Ports

AT_MOST_S = 60.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.make()
    return paths


@contextmanager
def emulator(paths: Paths) -> Iterator[tuple[Child, Any]]:
    ports = Ports.free()
    child = start_emulator(paths, ports, saves=True)
    try:
        wait_for_emulator(child, ports)
        yield (
            child,
            boto3.client(
                "dynamodb",
                endpoint_url=f"http://{HOST}:{ports.aws}",
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            ),
        )
    finally:
        child.stop(AT_MOST_S)


def put(dynamodb: Any, name: str) -> None:
    dynamodb.put_item(TableName="things", Item={"id": {"S": name}})


def kill(child: Child) -> None:
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()


def names(dynamodb: Any) -> set[str]:
    return {item["id"]["S"] for item in dynamodb.scan(TableName="things")["Items"]}


def test_what_was_saved_outlives_a_kill_and_what_was_not_is_told(paths: Paths) -> None:
    unsaved = Unsaved(paths.emulator_state)
    with emulator(paths) as (child, dynamodb):
        dynamodb.create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        put(dynamodb, "saved")
        assert len(unsaved), "a write that was answered is not noted"
        deadline = time.monotonic() + AT_MOST_S
        while len(unsaved):
            assert time.monotonic() < deadline, "it never saved"
            time.sleep(0.1)
        put(dynamodb, "too late")
        kill(child)
    lost = what_was_lost(paths)
    assert what_was_lost(paths) is None  # told once
    with emulator(paths) as (_, dynamodb):
        there = names(dynamodb)
        assert "saved" in there
        assert lost or "too late" in there  # the next save is seconds away; a stopped machine may have seen it
        put(dynamodb, "stopped in order")
    assert what_was_lost(paths) is None
    with emulator(paths) as (_, dynamodb):
        assert names(dynamodb) == there | {"stopped in order"}
