"""What runs the guide's pages would notice one that is not true."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e import guide

PAGE = """
```bash
NAME=Ada
```
In words.
```bash
echo '{"name": "'$NAME'", "id": "cus_01KE7WWPG0EXAMPLE"}'
```
```json
{"name": "%s",
 "id": "cus_01AAAAAAAAAAAAAAA"}
```
```console
make run
```
```bash
echo "two   words"
```
```text
two words
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def test_19_blocks_share_their_variables_and_ids_may_differ(page: Path, tmp_path: Path) -> None:
    page.write_text(PAGE % "Ada")
    guide.check(page, tmp_path)


def test_19_what_is_printed_has_to_be_what_the_page_says(page: Path, tmp_path: Path) -> None:
    page.write_text(PAGE % "Grace")
    with pytest.raises(AssertionError, match="name"):
        guide.check(page, tmp_path)


@pytest.mark.parametrize("command", ["false", "false | cat", "echo $NOBODY_HAS_SET_THIS"])
def test_19_a_command_that_fails_fails_the_page(page: Path, tmp_path: Path, command: str) -> None:
    page.write_text(f"```bash\n{command}\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md"):
        guide.check(page, tmp_path)


def test_19_one_id_of_the_page_is_one_id_here() -> None:
    comparison = guide.Comparison()
    comparison.compares(["cus_01AAAAAAAAAA", "cus_01AAAAAAAAAA"], ["cus_01BBBBBBBBBB", "cus_01BBBBBBBBBB"])
    with pytest.raises(AssertionError):
        comparison.compares("cus_01AAAAAAAAAA", "cus_01CCCCCCCCCC")
    with pytest.raises(AssertionError):
        comparison.compares("in_01AAAAAAAAAA", "cus_01BBBBBBBBBB")


def test_19_only_the_wall_clock_may_differ() -> None:
    comparison = guide.Comparison()
    comparison.compares("2026-01-30T00:00:00Z", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    comparison.compares("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z")
    with pytest.raises(AssertionError):
        comparison.compares("2020-03-01T00:00:00Z", "2020-03-02T00:00:00Z")
