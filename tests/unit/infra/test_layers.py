"""Issue 12: what the layers ship: bytecode of every module, and botocore's data of the services that are called."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local.console import Failure
from local.stack.sizes import about_bytecode

ROOT = Path(__file__).resolve().parents[3]
LAYERS = ("dependencies", "oauth", "pdf", "shared", "webhooks")
UNCHECKED_HASH = 0b01
"""The flags of bytecode that is taken as it is: a hash of the source, which nobody checks (PEP 552)."""


def makefile(layer: str) -> str:
    return (ROOT / "layers" / layer / "Makefile").read_text()


def build(target: Path, *settings: str, **env: str) -> str:
    """Build the shared layer as sam does, in a copy of its folder; what was said."""
    source = target / "source"
    shutil.copytree(ROOT / "layers/shared", source, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        ["make", "-s", "build-SharedLayer", *settings],
        cwd=source,
        env={**os.environ, **env, "ARTIFACTS_DIR": str(target / "SharedLayer")},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def runtime() -> str | None:
    """An interpreter of the runtime's version, where this machine has one: as the Makefiles look for it."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = ["python3.13", *map(str, sorted(root.glob("versions/3.13.*/bin/python")))]
    for each in candidates:
        try:
            said = subprocess.run([each, "-V"], capture_output=True, text=True, check=False).stdout
        except OSError:
            continue
        if said.startswith("Python 3.13."):
            return each
    return None


def test_issue_12_every_module_of_the_layer_has_bytecode_that_is_taken_as_it_is(tmp_path: Path) -> None:
    """/opt is read-only, and unzipping changes times: bytecode that is not there, or is doubted, is made again."""
    python = runtime()
    if python is None:
        pytest.skip("no python3.13 here")
    build(tmp_path)
    layer = tmp_path / "SharedLayer"
    modules = list(layer.rglob("*.py"))
    assert len(modules) > 200
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert compiled.read_bytes()[4:8] == UNCHECKED_HASH.to_bytes(4, "little"), module
    assert about_bytecode([layer]) == "all layers have bytecode"


def test_issue_12_the_runtime_imports_the_layers_bytecode_and_compiles_nothing(tmp_path: Path) -> None:
    """The proof is an import of sources that no longer say what they said when they were compiled."""
    python = runtime()
    if python is None:
        pytest.skip("no python3.13 here")
    build(tmp_path)
    module = tmp_path / "SharedLayer/python/billing/domain/kernel/times.py"
    module.write_text("raise AssertionError('compiled again')\n")
    os.utime(module, (1, 1))
    script = "import billing.domain.kernel.times as t; print(t.format_time.__name__)"
    done = subprocess.run(
        [python, "-c", script],
        env={"PYTHONPATH": str(tmp_path / "SharedLayer/python"), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "format_time"


def test_issue_12_the_same_sources_give_the_same_layer(tmp_path: Path) -> None:
    """Else each deploy would publish every layer and every function anew."""
    contents = []
    for name in ("a", "another/place"):
        build(tmp_path / name)
        layer = tmp_path / name / "SharedLayer"
        contents.append({each.relative_to(layer): each.read_bytes() for each in layer.rglob("*") if each.is_file()})
    assert contents[0] == contents[1]


def test_issue_12_without_an_interpreter_of_the_runtime_the_layer_is_built_and_says_so(tmp_path: Path) -> None:
    said = build(tmp_path, "COMPILERS=no-such-python")
    assert said == "no Python 3.13 here: the layer ships no bytecode, and cold starts take twice as long\n"
    layer = tmp_path / "SharedLayer"
    assert (layer / "python/billing/config.py").exists()
    assert about_bytecode([layer]).startswith("no bytecode in SharedLayer: this machine has no python3.13")


def test_issue_12_the_local_stack_gets_no_bytecode_of_another_interpreter(tmp_path: Path) -> None:
    build(tmp_path, LEDGERLINE_LAYERS="empty")
    assert not list((tmp_path / "SharedLayer").rglob("*.pyc"))


def test_issue_12_a_layer_that_is_compiled_by_half_is_no_layer(tmp_path: Path) -> None:
    """As when somebody builds into a folder that has an older build in it."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/one.cpython-313.pyc").write_bytes(b"")
    with pytest.raises(Failure, match=r"1 of 2 modules have no bytecode, such as .*two\.py"):
        about_bytecode([tmp_path])


def test_issue_12_all_layers_are_compiled_by_the_same_lines() -> None:
    """sam copies each layer's folder by itself, so they cannot share a file."""
    block = re.compile(r"^# Bytecode by.*?^endef$", re.DOTALL | re.MULTILINE)
    found = {layer: block.findall(makefile(layer)) for layer in LAYERS}
    assert all(len(blocks) == 1 for blocks in found.values())
    assert len({blocks[0] for blocks in found.values()}) == 1
    assert all("$(bytecode)" in makefile(layer) for layer in LAYERS)


def test_issue_12_the_layer_has_botocores_description_of_each_service_that_is_called() -> None:
    """A service that is called and not kept works everywhere but on AWS."""
    kept = set(re.search(r"^SERVICES := (.*)$", makefile("dependencies"), re.MULTILINE)[1].split())  # type: ignore[index]
    called = {"dynamodb"}  # PynamoDB's
    for source in (ROOT / "layers/shared/billing").rglob("*.py"):
        text = source.read_text()
        called |= set(re.findall(r'(?:aws_client|made_client|create_client|boto3\.client)\("([a-z0-9-]+)"', text))
        assert "import boto3" not in text, f"{source}: its clients are made elsewhere"
    assert kept == called
    data = Path(importlib.util.find_spec("botocore").origin).parent / "data"  # type: ignore[union-attr, arg-type]
    assert all((data / service).is_dir() for service in kept)
