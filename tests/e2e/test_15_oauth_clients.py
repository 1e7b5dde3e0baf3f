"""Strict OAuth clients (oauth4webapi, openid-client, jose) against the deployed stack, in Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack

FOLDER = Path(__file__).with_name("oauth")


def test_15_strict_clients_find_nothing_to_refuse(stack: Stack) -> None:
    """Metadata, client credentials, code with PKCE, refusal, refresh, introspection, revocation."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no Node here")
    if not (FOLDER / "node_modules").exists():
        subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=FOLDER, check=True, timeout=300)
    env = {**os.environ, "API": stack.api_url, "KEY": stack.api_key}
    done = subprocess.run(
        [node, "clients.mjs"], cwd=FOLDER, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 8, done.stdout
