"""README, guide and examples lead to what there is: routes, anchors of pages, and samples that can be pasted."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
# Not any deeper: what npm installs below examples/webhooks/node has pages of its own.
EXAMPLES = [ROOT / "examples" / "README.md", *sorted((ROOT / "examples").glob("*/README.md"))]
PAGES = [ROOT / "README.md", *GUIDE, *EXAMPLES]
ROUTES = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `GET /v1/invoices/{id}/pdf?locale=de` in a sentence, and call POST "/v1/invoices/$ID/pay" in a block.
NAMED = re.compile(r"\b(GET|POST|PATCH|PUT|DELETE) \"?(/(?:v1|oauth2)/[^\s`\"'?,;)|]+)")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages(of: list[Path]) -> list[object]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in of]


def route(path: str) -> str:
    """A path as the description has it, but for the names of its parts: ``/v1/plans/{}``."""
    return re.sub(r"\{[^}]*\}|\$\w+", "{}", path).rstrip(".")


def matches(path: str, known: str) -> bool:
    """Whether a path that a page names is this route: what the route leaves open may be said, ``/v1/plans/pro``."""
    ours, theirs = route(path).split("/"), route(known).split("/")
    return len(ours) == len(theirs) and all(b in ("{}", a) for a, b in zip(ours, theirs, strict=True))


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("page", pages(PAGES))
def test_19_a_route_that_a_page_names_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text())
    missing = [
        f"{method} {path}"
        for method, path in named
        if not any(method.lower() in ROUTES[each] and matches(path, each) for each in ROUTES)
    ]
    assert missing == []


@pytest.mark.parametrize("page", pages([*PAGES, *sorted((ROOT / "docs").glob("*.md"))]))
def test_19_a_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    for path, place in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        text = FENCED.sub("", target.read_text())
        there = [anchor(each) for each in HEADING.findall(text)] + re.findall(r'id="([^"]+)"', text)
        assert place in there, f"{path}#{place}"


@pytest.mark.parametrize("page", pages(PAGES))
def test_19_a_sample_can_be_pasted(page: Path) -> None:
    """Nothing is left out of it, and whoever pastes it knows what it is: ``console`` is what the tests do not run."""
    for kind, text in FENCED.findall(page.read_text()):
        assert kind in ("bash", "console", "json", "text", "html", "javascript", "python"), text
        assert "..." not in text or kind == "console", text


@pytest.mark.parametrize("page", pages(GUIDE))
def test_19_a_page_of_the_guide_begins_by_itself(page: Path) -> None:
    """Whoever opens it pastes from its first block on."""
    commands = [text for kind, text in FENCED.findall(page.read_text()) if kind == "bash"]
    assert page.name == "README.md" or commands[0].startswith("source docs/guide/call.sh\n")


def test_19_the_index_has_every_page_of_the_guide() -> None:
    index = (ROOT / "docs" / "guide" / "README.md").read_text()
    assert [page.name for page in GUIDE if page.name != "README.md" and f"]({page.name})" not in index] == []
