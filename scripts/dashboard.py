"""``make dashboard``: writes functions/dashboard/assets/ from dashboard/; ``--check`` exits 1 where that is stale.

Each source comes as brotli and as gzip, made once and here: the function that serves them only reads. The manifest
names all that it may serve. A page names its files below a hash of all of them, and those that it waits for as modules
to load at once: else each import would be found out only when its module is there.
"""

import argparse
import base64
import gzip
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import brotli

from scripts import dashboard_sources as rules

ROOT = Path(__file__).resolve().parent.parent
SOURCES, TARGET = ROOT / "dashboard", ROOT / "functions" / "dashboard" / "assets"
PREFIX = "/dashboard/assets/"
MANIFEST = "manifest.json"
FIRST_LOAD_BYTES = 80 * 1024
"""What a page and all that it waits for may have, compressed by brotli."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
LEFT_OUT = {"README.md", "SHA256SUMS"}
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*")
_QUALITY = 11


@dataclass(frozen=True)
class Assets:
    """What is to be served.

    Args:
        content_hash: of all sources, the pages' too.
        pages: as they are served, by name.
        files: all others by name, as they are.
        first: the names of the files that each page waits for.
    """

    content_hash: str
    pages: Mapping[str, bytes]
    files: Mapping[str, bytes]
    first: Mapping[str, tuple[str, ...]]

    def manifest(self) -> dict[str, Any]:
        """What the function knows of them."""
        return {
            "hash": self.content_hash,
            "pages": {name: described(name, content) for name, content in sorted(self.pages.items())},
            "files": {name: described(name, content) for name, content in sorted(self.files.items())},
        }

    def all(self) -> dict[str, bytes]:
        """Pages and files by name."""
        return {**self.pages, **self.files}

    def first_load_bytes(self, page: str) -> int:
        """What a browser without any of it fetches before there is something to see, in bytes of brotli."""
        return sum(
            len(packed(content)) for content in (self.pages[page], *(self.files[each] for each in self.first[page]))
        )


def described(name: str, content: bytes) -> dict[str, Any]:
    """A file's entry in the manifest; its integrity as HTML writes it."""
    digest = base64.b64encode(sha256(content).digest()).decode()
    return {"type": TYPES[Path(name).suffix], "bytes": len(content), "integrity": f"sha256-{digest}"}


def read(folder: Path = SOURCES) -> dict[str, bytes]:
    """The sources by their paths.

    Raises:
        ValueError: a file's name or kind is not one that is served.
    """
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each.name not in LEFT_OUT):
        name = path.relative_to(folder).as_posix()
        if not _NAME.fullmatch(name) or path.suffix not in TYPES or name == MANIFEST:
            raise ValueError(f"{name}: nothing that is served ({', '.join(TYPES)})")
        found[name] = path.read_bytes()
    return found


def assembled(sources: Mapping[str, bytes]) -> Assets:
    """What the sources are served as."""
    digest = sha256()
    for name, content in sorted(sources.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    content_hash = digest.hexdigest()[:16]
    first = {name: rules.first_load(sources, name) for name in rules.pages(sources)}
    return Assets(
        content_hash,
        {name: served(name, sources, content_hash) for name in first},
        {name: content for name, content in sources.items() if name not in first},
        {name: (*styles, *modules) for name, (styles, modules) in first.items()},
    )


def served(page: str, sources: Mapping[str, bytes], content_hash: str) -> bytes:
    """A page that names its files below the hash, and the modules to load at once."""
    text = sources[page].decode()
    for each in set(rules.named_by_page(sources, page)):
        text = re.sub(rf'((?:href|src)=")(?:\./)?{re.escape(each)}"', rf'\g<1>{PREFIX}{content_hash}/{each}"', text)
    _, modules = rules.first_load(sources, page)
    preloads = "".join(f'<link rel="modulepreload" href="{PREFIX}{content_hash}/{each}">\n' for each in modules)
    return text.replace("</head>", f"{preloads}</head>", 1).encode()


def packed(content: bytes) -> bytes:
    """By brotli, as small as it gets."""
    made: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=_QUALITY)
    return made


def write(assets: Assets, folder: Path = TARGET) -> None:
    """Write them, and remove what is no longer among them."""
    kept = {folder / MANIFEST}
    for name, content in assets.all().items():
        for path, made in (
            (folder / f"{name}.br", packed(content)),
            (folder / f"{name}.gz", gzip.compress(content, 9, mtime=0)),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made)
            kept.add(path)
    (folder / MANIFEST).write_text(json.dumps(assets.manifest(), indent=1) + "\n")
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in kept:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def stale(assets: Assets, folder: Path = TARGET) -> list[str]:
    """What a folder has not as it is to be: contents are compared, for another release of a library packs otherwise."""
    wanted = assets.all()
    unpack = {".br": brotli.decompress, ".gz": gzip.decompress}
    paths = {f"{name}{kind}": (name, kind) for name in wanted for kind in unpack}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    found = sorted(there ^ paths.keys())
    for path in sorted(there & paths.keys()):
        name, kind = paths[path]
        try:
            same = unpack[kind]((folder / path).read_bytes()) == wanted[name]
        except (brotli.error, OSError, EOFError):
            same = False
        found += [] if same else [path]
    manifest = folder / MANIFEST
    if not manifest.exists() or json.loads(manifest.read_text()) != assets.manifest():
        found.append(MANIFEST)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write them, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the assets are stale")
    check = parser.parse_args(arguments).check
    sources = read()
    if found := rules.problems(sources):
        print("\n".join(f"dashboard/{each}" for each in found), file=sys.stderr)
        return 1
    assets = assembled(sources)
    sizes = {name: assets.first_load_bytes(name) for name in assets.pages}
    said = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    print(f"dashboard: {len(assets.all())} files; first loads of {FIRST_LOAD_BYTES:,} bytes by brotli: {said}")
    if max(sizes.values()) > FIRST_LOAD_BYTES:
        print("error: a page's first load is too big", file=sys.stderr)
        return 1
    if not check:
        write(assets)
    elif found := stale(assets):
        print(f"error: functions/dashboard/assets is stale ({', '.join(found[:5])}): make dashboard", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
