"""Serves pages and the files that they are made of, which were packed before they were shipped.

No caller is known here and nothing is written: these are the same bytes for everybody. So nothing of the API's edge is
imported, and a cold start is that of Python.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from billing.edge.http.compression import best_coding

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-src blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Scripts and styles are files of this origin, and no text becomes either (Content Security Policy level 3)."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer: a picture or a licence may be opened as a page of its own, too."""
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_NEVER = "no-store"
_ENDINGS = {"br": ".br", "gzip": ".gz"}
_GZIP = 31
"""zlib's window of 32 KB, with gzip's header."""
_TEXT = "text/plain; charset=utf-8"


class _Answer(NamedTuple):
    """What goes out; its body is packed where it has a coding."""

    status: int
    body: bytes
    content_type: str = _TEXT
    headers: Mapping[str, str] = MappingProxyType({})


class Site:
    """Pages, and their files below ``ASSETS/HASH/``.

    Args:
        folder: the files, packed, and ``manifest.json``, which names all that there are.
        assets: where the files are.
        pages: names of pages by their paths.
        others: the page under all other paths, which it reads itself.
    """

    def __init__(self, folder: Path, assets: str, pages: Mapping[str, str], others: str) -> None:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        self._folder = folder
        self._assets = f"{assets}/"
        self._at, self._others = pages, others
        self._hash: str = manifest["hash"]
        self._pages: dict[str, dict[str, str]] = manifest["pages"]
        self._files: dict[str, dict[str, str]] = manifest["files"]

    def lambda_handler(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """The Lambda's entry: one HTTP event in payload format 2.0."""
        method = event["requestContext"]["http"]["method"]
        headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        if method in ("GET", "HEAD"):
            answer = self._answered(event["rawPath"], headers)
        else:
            answer = _Answer(405, b"Only GET and HEAD.\n", headers={"Allow": "GET, HEAD"})
        body = b"" if method == "HEAD" else answer.body
        return {
            "statusCode": answer.status,
            "headers": {"Content-Type": answer.content_type, "Cache-Control": _NEVER, **HEADERS, **answer.headers},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }

    def _answered(self, path: str, headers: Mapping[str, str]) -> _Answer:
        if path.startswith(self._assets):
            return self._asset(path.removeprefix(self._assets), headers.get("accept-encoding"))
        name = self._at.get(path.rstrip("/"), self._others)
        page = self._pages[name]
        tag = f'W/"{page["integrity"]}"'  # weak: it stands for the page in each of its codings
        if tag in headers.get("if-none-match", ""):
            return _Answer(304, b"", headers={"ETag": tag, "Vary": "Accept-Encoding"})
        return self._file(name, page, headers.get("accept-encoding"), {"ETag": tag})

    def _asset(self, path: str, accepted: str | None) -> _Answer:
        """A file by its name, which is looked up among those that there are and is no path of anything.

        A page of the version before asks for files by its own hash while a deploy is under way: it gets today's, and
        keeps them under that address for no longer than it is open.
        """
        asked, _, name = path.partition("/")
        entry = self._files.get(name)
        if entry is None:
            return _Answer(404, b"There is no such file.\n")
        return self._file(name, entry, accepted, {"Cache-Control": _FOR_A_YEAR if asked == self._hash else _NEVER})

    def _file(self, name: str, entry: Mapping[str, str], accepted: str | None, headers: Mapping[str, str]) -> _Answer:
        coding = best_coding(accepted, list(_ENDINGS))
        body = (self._folder / f"{name}{_ENDINGS[coding or 'gzip']}").read_bytes()
        coded = {"Content-Encoding": coding} if coding else {}
        return _Answer(
            200,
            body if coding else zlib.decompress(body, _GZIP),
            entry["type"],
            {"Vary": "Accept-Encoding", **coded, **headers},
        )
