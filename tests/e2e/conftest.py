"""The running stack: of `make e2e`, or of `make run` with `LEDGERLINE_STACK_FILE=.local/stack.json`."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Stack:
    """stack.json, as local/seed.py writes it."""

    api_url: str
    stripe_webhook_url: str
    stripe_url: str
    tenant_id: str
    api_key: str
    platform_api_key: str
    stripe_api_key: str
    aws_endpoint_url: str
    region: str
    tables: dict[str, str]
    billing_queue_url: str
    billing_dead_letter_queue_url: str
    stripe_secret_id: str
    key_id: str

    def aws(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.aws_endpoint_url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The addresses and keys of the running stack."""
    name = os.environ.get("LEDGERLINE_STACK_FILE")
    if not name:
        pytest.fail("no running stack: make e2e starts one and sets LEDGERLINE_STACK_FILE")
    return Stack(**json.loads(Path(name).read_text()))
