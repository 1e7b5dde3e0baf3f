"""Issue 18: what the dashboard has from others is what was made of npm's tarballs, with its licence."""

import re
from hashlib import sha256

from local.stack.settings import ROOT

VENDOR = ROOT / "dashboard" / "vendor"


def test_every_vendored_file_is_the_one_that_was_made() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    wanted = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.relative_to(VENDOR).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name not in ("README.md", "SHA256SUMS")
    }
    assert found == wanted


def test_every_vendored_module_says_what_it_is_made_of_as_the_table_does() -> None:
    table = (VENDOR / "README.md").read_text()
    for name in ("preact.js", "uplot.js"):
        head = (VENDOR / name).read_text().splitlines()[0]
        parts = re.findall(r"([@\w/-]+) (\d+\.\d+\.\d+)", head)
        assert parts
        for package, version in parts:
            assert f"{package.lower()} {version} |" in table


def test_no_vendored_module_makes_code_or_a_policy_or_calls_anybody() -> None:
    """Else the page's policy would stop it in front of somebody."""
    for name in ("preact.js", "uplot.js"):
        text = (VENDOR / name).read_text()
        assert not re.search(r"\beval\(|\bFunction\(|trustedTypes|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(", text)
        assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
