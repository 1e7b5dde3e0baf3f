"""What the tests need from npm: pinned by a lock file, without the scripts of packages."""

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).with_name("oauth")


def installed() -> str | None:
    """The path of Node, with the packages of the folder installed; None where this machine has no Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    wanted, there = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if not there.exists() or there.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([npm, "ci", "--silent", "--ignore-scripts"], cwd=FOLDER, check=True, timeout=300)
    return node
