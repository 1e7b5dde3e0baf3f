"""What the dashboard's sources may not say, and which modules they load first.

There is no bundler and no linter for them: a fresh machine has Python and make. What is looked for here are the few
things that the page's policy would stop in the browser (docs/decisions/0066-dashboard-assets.md), or nobody would see.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

VENDOR = "vendor/"
"""Others' modules: held to their SHA-256, not read."""
SESSION = "lib/session.js"
"""The one module that may keep something in the browser."""

Sources = Mapping[str, bytes]
"""What a folder has, by path from it."""

_STATIC = re.compile(r"^[ \t]*(?:import|export)\b(?:[^\"';()]*?\bfrom)?[ \t]*[\"']([^\"']+)[\"']", re.MULTILINE)
_DYNAMIC = re.compile(r"(?<![\w.])import\(\s*([^)]*?)\s*\)")
_LITERAL = re.compile(r"([\"'])([^\"'`]+)\1")
_COMMENT = re.compile(r"^[ \t]*(?://|/?\*).*$", re.MULTILINE)
# Names that belong to nobody (RFC 2606) are samples; a namespace is a name and is never called.
_ELSEWHERE = re.compile(
    r"[\"'`(=]\s*(?:[a-z][a-z+.-]*:)?//(?!www\.w3\.org/|(?:[\w-]+\.)*example\.(?:com|org|net)\b)[\w$\[]"
)
_FORBIDDEN = {
    "text that becomes HTML": re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|srcdoc|\bdocument\.write|createContextualFragment",
        re.IGNORECASE,
    ),
    "text that becomes code": re.compile(r"\beval\b\s*\(|\bFunction\s*\(|javascript:"),
    "a style in an attribute": re.compile(r"\bstyle\s*=\s*[\"'`]|setAttribute\(\s*[\"'`]style"),
    # A handler of Preact's is a function: onClick=${go}. What else begins so, such as `only`, is no event.
    "a handler in an attribute": re.compile(
        r"(?<![\w.])on(?:[A-Z]\w*|click|load|error|input|change|submit|toggle|close|focus|blur|(?:key|mouse|pointer)\w+)"
        r"\s*=\s*[\"'`]"
    ),
    "the browser's digits": re.compile(r"\bIntl\.NumberFormat|\btoLocaleString\b"),
}
_STORED = re.compile(r"\b(?:localStorage|sessionStorage|indexedDB)\b|\bdocument\.cookie\b")


class _Page(HTMLParser):
    """Where a page's elements lead, and what it has in itself."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[str] = []
        self.styles: list[str] = []
        self.modules: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._inside = tag if tag in ("script", "style") else ""
        named = values.get("src") or (values.get("href", "") if tag == "link" else "")
        if named:
            self.named.append(named)
        if tag == "link" and values.get("rel") == "stylesheet":
            self.styles.append(named)
        if tag == "script":
            self.modules.append(named)
            if values.get("type") != "module" or not named:
                self.inline.append("a script that is no module of its own")
        if tag == "style":
            self.inline.append("a style sheet in the page")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and data.strip():
            self.inline.append("a script in the page")


def pages(sources: Sources) -> list[str]:
    """The pages: all that is HTML."""
    return sorted(name for name in sources if name.endswith(".html"))


def _page(sources: Sources, name: str) -> _Page:
    page = _Page()
    page.feed(sources[name].decode())
    return page


def named_by_page(sources: Sources, name: str) -> list[str]:
    """The files that a page names."""
    return _page(sources, name).named


def first_load(sources: Sources, name: str) -> tuple[list[str], list[str]]:
    """The style sheets and the modules that the page waits for: those that it names, and what they import in turn."""
    page = _page(sources, name)
    modules: dict[str, None] = {}  # in the order in which they are found
    todo = list(page.modules)
    while todo:
        each = todo.pop(0)
        if each in sources and each not in modules:
            modules[each] = None
            todo += [target for target in static_imports(sources, each) if target not in modules]
    return page.styles, list(modules)


def static_imports(sources: Sources, module: str) -> list[str]:
    """What a module imports before it runs, as paths from the folder."""
    return [_target(module, each) for each in _STATIC.findall(sources[module].decode())]


def _dynamic_imports(text: str) -> Iterator[str | None]:
    """What a module imports while it runs; None where that cannot be told from the source."""
    for argument in _DYNAMIC.findall(text):
        literal = _LITERAL.fullmatch(argument)
        yield literal[2] if literal else None


def _target(module: str, named: str) -> str:
    """The path of what a module imports; a bare name stays what it is, and is no file's."""
    if not named.startswith(("./", "../")):
        return f"({named})"
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), named))


def problems(sources: Sources) -> list[str]:
    """What stands in the sources and may not, each as ``path:line: what``."""
    found = []
    for page in pages(sources):
        found += [f"{page}:1: {each}" for each in _page(sources, page).inline]
        found += [f"{page}:1: {each} is no file" for each in named_by_page(sources, page) if each not in sources]
    for name in sorted(sources):
        if name.endswith((".html", ".js", ".css")) and not name.startswith(VENDOR):
            found += _of_file(name, sources)
    return found + list(_circles(sources))


def _of_file(name: str, sources: Sources) -> Iterator[str]:
    text = _COMMENT.sub("", sources[name].decode())
    patterns = {"an address elsewhere": _ELSEWHERE}
    if not name.endswith(".css"):
        patterns |= _FORBIDDEN
    if name != SESSION:
        patterns["something kept in the browser"] = _STORED
    for what, pattern in patterns.items():
        for match in pattern.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}: {match[0].strip()}"
    if name.endswith(".js"):
        named = [*_STATIC.findall(text), *_dynamic_imports(text)]
        for each in named:
            if each is None or _target(name, each) not in sources:
                yield f"{name}:1: an import that names no file: {each or 'not a literal'}"


def _circles(sources: Sources) -> Iterator[str]:
    """Modules that import each other: which of them runs first then hangs on who asked."""
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> Iterator[str]:
        if module in path:
            yield f"{module}:1: a circle of imports: {' -> '.join((*path[path.index(module) :], module))}"
        elif module in sources and module not in done:
            for each in static_imports(sources, module):
                yield from walk(each, (*path, module))
            done.add(module)

    for name in sorted(sources):
        if name.endswith(".js"):
            yield from walk(name, ())
