"""Strict OAuth clients (oauth4webapi, openid-client, jose) against the deployed stack, in Node."""

import os
import subprocess

import pytest

from tests.e2e.conftest import Stack
from tests.e2e.npm import FOLDER, installed


def test_15_strict_clients_find_nothing_to_refuse(stack: Stack) -> None:
    """Metadata, client credentials, code with PKCE, refusal, refresh, introspection, revocation."""
    node = installed()
    if node is None:
        pytest.skip("no Node here")
    env = {**os.environ, "API": stack.api_url, "KEY": stack.api_key}
    done = subprocess.run(
        [node, "clients.mjs"], cwd=FOLDER, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 8, done.stdout
