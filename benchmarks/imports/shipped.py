"""The layers as they are shipped, built by their own Makefiles, for an interpreter of this machine: with bytecode.

The interpreter is the runtime's version where this machine has it, else the one of this process. The peer's packages
are a layer like ours: pinned, installed and compiled the same way.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks import ROOT
from local.stack.routes import template
from local.stack.sizes import layer_ids

RUNTIME = "3.13"
_PEER = ("fastapi", "mangum")
_BUILD_S = 600
_INSTALL = ("--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes")


@dataclass(frozen=True)
class Shipped:
    """What was built.

    Args:
        python: the interpreter that the layers are for.
        version: such as ``3.13``.
        folder: has a folder for each layer, and ``functions`` with each function's.
    """

    python: str
    version: str
    folder: Path

    def path(self, function: str, side: str) -> list[str]:
        """The path of a function, as Lambda would have it: its own folder, then what is under /opt."""
        layers = [*layers_of(function), *(["peer"] if side == "peer" else [])]
        return [str(self.folder / "functions" / function), *(str(self.folder / each / "python") for each in layers)]


def layers_of(function: str) -> list[str]:
    """The folders of a function's layers, as template.yaml says: "pdf" of ``PdfLayer``."""
    resources = template()["Resources"].values()
    (of,) = (each for each in resources if each["Properties"].get("CodeUri") == f"functions/{function}")
    return [each.removesuffix("Layer").lower() for each in layer_ids(template(), of)]


def interpreter() -> tuple[str, str]:
    """The interpreter to measure with, and its version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for each in ["python" + RUNTIME, *map(str, sorted(pyenv.glob(f"versions/{RUNTIME}.*/bin/python")))]:
        try:
            said = subprocess.run([each, "-V"], capture_output=True, text=True, check=False, timeout=30).stdout
        except OSError:
            continue
        if said.startswith(f"Python {RUNTIME}."):
            return each, RUNTIME
    return sys.executable, f"{sys.version_info[0]}.{sys.version_info[1]}"


def build(folder: Path) -> Shipped:
    """Build all of it into a folder; the packages only where they are not what the folder has.

    Raises:
        subprocess.CalledProcessError: a build failed; it has said why.
    """
    python, version = interpreter()
    shipped = Shipped(python, version, folder)
    for layer in ("dependencies", "pdf", "oauth", "webhooks"):
        sources = [ROOT / "layers" / layer / name for name in ("Makefile", "requirements.txt")]
        _kept(folder / layer, f"{version} " + _hash(sources), partial(_make, shipped, layer))
    pinned = peer_requirements()
    modules = sorted((ROOT / "benchmarks/imports").glob("peer_*.py"))
    stamp = f"{version} {sha256(pinned.encode()).hexdigest()} {_hash(modules)}"
    _kept(folder / "peer", stamp, partial(_peer, shipped, pinned, modules))
    shutil.rmtree(folder / "shared", ignore_errors=True)
    _make(shipped, "shared")
    shutil.rmtree(folder / "functions", ignore_errors=True)
    # SkipBuild: a function's folder is shipped as it is, without bytecode.
    shutil.copytree(ROOT / "functions", folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    return shipped


def peer_requirements() -> str:
    """The pins, with hashes, of the peer's packages and of all that they need beyond the layer of dependencies."""
    theirs, ours = _pins(ROOT / "requirements-dev.txt"), _pins(ROOT / "layers/dependencies/requirements.txt")
    found: dict[str, str] = {}
    todo = list(_PEER)
    while todo:
        name = todo.pop()
        if name in found or name in ours:
            continue
        found[name] = theirs[name]
        needed = map(Requirement, requires(name) or ())
        todo += [_plain(each.name) for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return "".join(found[name] for name in sorted(found))


def _pins(path: Path) -> dict[str, str]:
    """From a package's name to its lines in a file of requirements."""
    blocks = re.findall(r"^[A-Za-z0-9].*\n(?:[ \t].*\n)*", path.read_text(), re.MULTILINE)
    return {_plain(re.split(r"[=\[; ]", block)[0]): block for block in blocks}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _hash(paths: list[Path]) -> str:
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _kept(folder: Path, stamp: str, build: Callable[[], None]) -> None:
    """Build a folder unless it has what the stamp says."""
    mark = folder / "stamp"
    if mark.exists() and mark.read_text() == stamp:
        return
    print(f"    building {folder.name}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    build()
    mark.write_text(stamp)


def _make(shipped: Shipped, layer: str) -> None:
    """A layer, by its own Makefile; wheels for this machine instead of the runtime's."""
    settings = [f"PYTHON={sys.executable}", f"VERSION={shipped.version}", f"COMPILERS={shipped.python}", "PLATFORMS="]
    command = ["make", "-s", f"build-{layer.title()}Layer", *settings]
    env = {name: value for name, value in os.environ.items() if name != "LEDGERLINE_LAYERS"}
    env |= {"ARTIFACTS_DIR": str(shipped.folder / layer)}
    subprocess.run(
        command, cwd=ROOT / "layers" / layer, env=env, check=True, stdout=subprocess.DEVNULL, timeout=_BUILD_S
    )


def _peer(shipped: Shipped, pinned: str, modules: list[Path]) -> None:
    target = shipped.folder / "peer" / "python"
    package = target / "benchmarks" / "imports"
    package.mkdir(parents=True)
    requirements = shipped.folder / "peer" / "requirements.txt"
    requirements.write_text(pinned)
    wheels = ["--only-binary=:all:", "--implementation", "cp", "--python-version", shipped.version]
    command = [sys.executable, "-m", "pip", "install", *_INSTALL, *wheels, "--target", str(target)]
    command += ["-r", str(requirements)]
    subprocess.run(command, check=True, timeout=_BUILD_S)
    for each in modules:
        shutil.copy(each, package)
    compiling = [shipped.python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run(compiling, check=True, timeout=_BUILD_S)
