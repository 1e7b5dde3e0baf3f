"""Checks that no function, with its layers, passes what Lambda takes, 250 MB unzipped, and that layers have bytecode.

`python -m local.stack.sizes .aws-sam/build/template.yaml` after a build; exits 1 when one is too big, or half compiled.
Source: AWS Lambda quotas, "Deployment package (.zip file archive) size".
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local.console import Failure, say
from local.stack.routes import template

LIMIT_BYTES = 250 * 1024 * 1024
MEBIBYTE = 1024 * 1024


def folder_bytes(folder: Path) -> int:
    """Sum of the files under `folder`, unzipped."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def layer_ids(document: dict[str, Any], function: dict[str, Any]) -> list[str]:
    """Logical ids of a function's layers: those of Globals, then its own (SAM joins the two lists)."""
    return [*document["Globals"]["Function"].get("Layers", []), *function["Properties"].get("Layers", [])]


def sizes(document: dict[str, Any], source: Path, build: Path) -> dict[str, dict[str, int]]:
    """Bytes of every part of every function, by logical id."""
    found: dict[str, dict[str, int]] = {}
    layers: dict[str, int] = {}
    for logical_id, resource in document["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        parts = {"code": folder_bytes(source / resource["Properties"]["CodeUri"])}
        for layer in layer_ids(document, resource):
            if layer not in layers:
                if not (build / layer).is_dir():
                    raise Failure(f"{build / layer} is missing: make build")
                layers[layer] = folder_bytes(build / layer)
            parts[layer] = layers[layer]
        found[logical_id] = parts
    return found


def uncompiled(layer: Path) -> tuple[list[Path], int]:
    """The modules of a layer that have no bytecode, and how many modules there are."""
    modules = sorted(layer.rglob("*.py"))
    compiled = {(each.parent.parent, each.name.split(".")[0]) for each in layer.rglob("*.pyc")}
    return [each for each in modules if (each.parent, each.stem) not in compiled], len(modules)


def about_bytecode(layers: Iterable[Path]) -> str:
    """What there is to say about the bytecode of the layers.

    Raises:
        Failure: some of a layer's modules have it: it was built over another one, or by half.
    """
    slow = []
    for layer in layers:
        lacking, modules = uncompiled(layer)
        if 0 < len(lacking) < modules:
            raise Failure(f"{layer.name}: {len(lacking)} of {modules} modules have no bytecode, such as {lacking[0]}")
        slow += [layer.name] if lacking else []
    if slow:
        return f"no bytecode in {', '.join(slow)}: this machine has no python3.13; cold starts take twice as long"
    return "all layers have bytecode"


def of_layers(found: dict[str, dict[str, int]], build: Path) -> str:
    """What there is to say about the bytecode of all layers that are in ``sizes``."""
    layers = {name for parts in found.values() for name in parts if name != "code"}
    return about_bytecode(build / name for name in sorted(layers))


def main() -> int:
    """One line per function."""
    built = Path(sys.argv[1])
    try:
        found = sizes(template(), Path(), built.parent)
        bytecode = of_layers(found, built.parent)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    too_big = []
    say(f"{'function':24} {'unzipped':>10}   of which")
    for name, parts in sorted(found.items()):
        total = sum(parts.values())
        detail = ", ".join(f"{part} {size / MEBIBYTE:.1f}" for part, size in parts.items())
        say(f"{name.removesuffix('Function'):24} {total / MEBIBYTE:7.1f} MB   {detail}")
        if total > LIMIT_BYTES:
            too_big.append(name)
    if too_big:
        print(f"error: over {LIMIT_BYTES // MEBIBYTE} MB unzipped: {', '.join(too_big)}", file=sys.stderr)
        return 1
    say(f"all within Lambda's {LIMIT_BYTES // MEBIBYTE} MB; {bytecode}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
