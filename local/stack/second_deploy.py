"""A second deploy that changes nothing but a tag, as the first week of every stack brings one.

Lambda takes no second version of the same configuration, and a tag is in none: what publishes a version all the same is
the digest of infra/ in CONFIG_REVISION (scripts/template.py).
"""

import re
import shutil

from local.console import Failure
from local.stack.deploy import client, deploy
from local.stack.routes import ALIAS
from local.stack.settings import ROOT, Paths, Ports
from scripts.template import generate

TAG = "      project: ledgerline\n"


def deploy_with_another_tag(paths: Paths, ports: Ports) -> None:
    """Deploy again with one more tag on every function.

    Raises:
        Failure: the deploy fails, or the alias of a function still points at the version of the first one.
    """
    before = live_versions(ports)
    folder = paths.base / "infra"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "infra", folder)
    part = folder / "stack.yaml"
    said = part.read_text()
    if TAG not in said:
        raise Failure(f"infra/{part.name} has no tag to put another one beside")
    part.write_text(said.replace(TAG, TAG + "      owner: finance\n", 1))
    template = paths.base / "template.yaml"
    # It lies elsewhere, so that where the code is has to be said whole.
    template.write_text(re.sub(r"((?:Code|Content)Uri: )", rf"\g<1>{ROOT}/", generate(folder)))
    deploy(paths, ports, template)
    after = live_versions(ports)
    stayed = sorted(name for name, version in before.items() if after.get(name) == version)
    if stayed:
        raise Failure(f"the second deploy published no version of {', '.join(stayed)}")


def live_versions(ports: Ports) -> dict[str, str]:
    """The version that each function's alias points at, by the function's name."""
    functions = client("lambda", ports)
    pages = functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    return {name: functions.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"] for name in names}
