"""Issue 18: what a browser gets of the dashboard, by the template's routes; no caller is known, nothing is written."""

import json
import re
import zlib
from base64 import b64encode
from hashlib import sha256
from typing import Any

import brotli
import pytest

from local.stack.settings import ROOT
from tests.integration.lambdas import Answer, Json, event, function_of, request

MANIFEST: Json = json.loads((ROOT / "functions/dashboard/assets/manifest.json").read_text())
ASSETS = f"/dashboard/assets/{MANIFEST['hash']}"
OLD = "/dashboard/assets/0123456789abcdef"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-src blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def call(path: str, method: str = "GET", **headers: str) -> Answer:
    made = event("http_get_dashboard")
    made["rawPath"] = made["requestContext"]["http"]["path"] = path
    made["requestContext"]["http"]["method"] = method
    made["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return request(made)


def unpacked(answer: Answer) -> bytes:
    match answer.headers.get("Content-Encoding"):
        case "br":
            found: bytes = brotli.decompress(answer.content)
            return found
        case "gzip":
            return zlib.decompress(answer.content, 31)
        case None:
            return answer.content
        case other:
            raise AssertionError(other)


def integrity(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


def test_the_sample_event_gets_the_page() -> None:
    made = event("http_get_dashboard")
    assert function_of(made["rawPath"]) == "dashboard"
    answer = request(made)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<!doctype html>" in unpacked(answer)


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/invoices/in_1", "/dashboard/keys?x=1"])
def test_every_address_below_is_the_page_and_is_never_kept(path: str) -> None:
    """The page reads its address itself: a link that somebody was sent opens what it names."""
    answer = call(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert integrity(unpacked(answer)) == MANIFEST["pages"]["index.html"]["integrity"]


@pytest.mark.parametrize("path", ["/docs", "/v1/docs", "/api/v1/docs", "/docs/"])
def test_the_reference_of_the_api_is_a_page_of_its_own(path: str) -> None:
    answer = call(path)
    assert (answer.status, answer.headers["Content-Security-Policy"]) == (200, POLICY)
    assert integrity(unpacked(answer)) == MANIFEST["pages"]["docs.html"]["integrity"]


def test_the_page_may_load_what_is_of_this_origin_and_nothing_becomes_code() -> None:
    headers = call("/dashboard").headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert int(headers["Strict-Transport-Security"].partition("=")[2]) >= 365 * 24 * 3600
    assert "camera=()" in headers["Permissions-Policy"]
    assert not [name for name in headers if name.lower().startswith(("set-cookie", "access-control"))]


def test_whatever_is_answered_has_the_same_guards() -> None:
    page = call("/dashboard").headers
    differ = {"Content-Type", "Cache-Control", "Content-Encoding", "Vary", "ETag", "Allow"}
    guards = {name: value for name, value in page.items() if name not in differ}
    assert len(guards) == 8
    for answer in (call(f"{ASSETS}/main.js"), call(f"{ASSETS}/none.js"), call("/dashboard", "POST")):
        assert {name: value for name, value in answer.headers.items() if name not in differ} == guards


def test_all_that_the_page_names_is_there_and_is_kept_for_a_year() -> None:
    page = unpacked(call("/dashboard")).decode()
    named = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert f"{ASSETS}/main.js" in named
    for path in named:
        answer = call(path)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("accepted", ["br, gzip", "gzip", "br;q=0.5, gzip;q=0.9", "identity", "", "zstd", "*"])
@pytest.mark.parametrize("name", MANIFEST["files"])
def test_a_file_comes_as_its_reader_takes_it_and_is_the_same_in_each_coding(name: str, accepted: str) -> None:
    answer = call(f"{ASSETS}/{name}", accept_encoding=accepted)
    coding = {"br, gzip": "br", "gzip": "gzip", "br;q=0.5, gzip;q=0.9": "gzip", "*": "br"}.get(accepted)
    assert (answer.status, answer.headers.get("Content-Encoding")) == (200, coding)
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"] == MANIFEST["files"][name]["type"]
    assert integrity(unpacked(answer)) == MANIFEST["files"][name]["integrity"]
    assert len(unpacked(answer)) == MANIFEST["files"][name]["bytes"]


def test_a_page_of_the_version_before_gets_todays_files_and_does_not_keep_them() -> None:
    answer = call(f"{OLD}/main.js")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert unpacked(answer) == unpacked(call(f"{ASSETS}/main.js"))


@pytest.mark.parametrize(
    "name",
    [
        "none.js", "", "manifest.json", "index.html", "main.js.br", "main.js/", "/main.js", "./main.js",
        "vendor/../main.js", "../handler.py", "..%2fhandler.py", "%2e%2e/handler.py", "..\\handler.py", "main.js\0",
        "main.js%00", "MAIN.JS", "//etc/passwd", "__proto__", "main.js?", "main.js;x",
    ],
)  # fmt: skip
def test_no_other_name_leads_to_a_file(name: str) -> None:
    answer = call(f"{ASSETS}/{name}")
    assert (answer.status, answer.headers["Cache-Control"]) == (404, "no-store")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content == b"There is no such file.\n"


@pytest.mark.parametrize("path", ["/dashboard", f"{ASSETS}/main.js", f"{ASSETS}/none.js"])
def test_head_answers_as_get_does_without_a_body(path: str) -> None:
    get, head = call(path), call(path, "HEAD")
    assert (head.status, head.headers, head.content) == (get.status, get.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/dashboard", f"{ASSETS}/main.js"])
def test_nothing_can_be_done_to_it(path: str, method: str) -> None:
    answer = call(path, method)
    assert (answer.status, answer.headers["Allow"], answer.headers["Cache-Control"]) == (405, "GET, HEAD", "no-store")


def test_who_has_todays_page_is_told_so() -> None:
    tag = call("/dashboard").headers["ETag"]
    for known in (tag, f'W/"another", {tag}'):
        answer = call("/dashboard/keys", if_none_match=known)
        assert (answer.status, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    assert call("/dashboard", if_none_match='W/"another"').status == 200


def test_headers_may_be_missing() -> None:
    """Not from API Gateway; a test event of the console has none."""
    made: dict[str, Any] = event("http_get_dashboard")
    del made["headers"]
    answer = request(made)
    assert (answer.status, answer.headers.get("Content-Encoding")) == (200, None)


@pytest.mark.parametrize("path", ["/api/v1/customers", "/v1/dashboard", "/api/dashboard", "/dashboards"])
def test_no_other_path_is_the_dashboards(path: str) -> None:
    assert function_of(path) != "dashboard"
