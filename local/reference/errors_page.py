"""`python -m local.reference.errors_page`: docs/errors.md from the catalogue. `--check`: exit 1 where stale.

Each error has a section whose anchor is the one that ``documentation_url`` of its responses names.
"""

import argparse
import sys
from typing import Any

from local.console import say
from local.stack.settings import ROOT

PAGE = ROOT / "docs" / "errors.md"
SHARED = ROOT / "layers" / "shared"

HEAD = """\
# Errors

Written by `python -m local.reference.errors_page` from `billing/domain/kernel/errors.py`; do not edit.

Every error has one shape:

```json
{
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "planId: missing_required_field",
    "details": [{"field": "planId", "reason": "missing_required_field"}],
    "request_id": "req_01M8057CNXV6FSV1VD81CQK8JT",
    "documentation_url": "https://.../docs#errors_validation_error"
  }
}
```

- `code` is public: it never changes its meaning. Decide by it, not by `message`.
- `details` names the fields concerned; a path such as `components.0.key` is as the caller wrote it.
- **4xx**: mend the request before you send it again. **429** and **503** carry `Retry-After` in seconds: wait,
  then send the same request with the same `Idempotency-Key`. **500**: the same, with growing pauses, at most
  three times.
- A declined charge is an answer like any other: it is stored under its `Idempotency-Key` and comes again for 24
  hours. To charge again, use a new key. A refusal that wrote nothing is not stored.
- Keep `request_id` when you ask somebody about a call: it is in the logs and in the audit trail.
"""

WORDS = {
    400: "Bad request",
    401: "Unauthenticated",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    409: "Conflict",
    412: "Not this version",
    413: "Too large",
    422: "Unprocessable",
    429: "Too many requests",
    500: "Internal error",
    502: "Bad gateway",
    503: "Unavailable",
}


def catalogue() -> list[Any]:
    """Every error class, by status and code."""
    if str(SHARED) not in sys.path:
        sys.path.insert(0, str(SHARED))
    from billing.domain.kernel import errors

    return list(errors.catalogue())


def anchor_of(error: Any) -> str:
    """The anchor that the edge puts into ``documentation_url``."""
    from billing.edge.http import envelope

    return envelope.anchor(error("", retry_after_s=0) if error.status == 429 else error(""))


def page() -> str:
    """The whole page."""
    errors = catalogue()
    lines = [HEAD, "| status | code |", "| --- | --- |"]
    lines += [f"| {error.status} | [`{error.code}`](#{anchor_of(error)}) |" for error in errors]
    status = 0
    for error in errors:
        if error.status != status:
            status = error.status
            lines += ["", f"## {status} {WORDS[status]}"]
        # The anchor is written out: what a heading's own anchor is differs from one renderer to the next.
        lines += ["", f'<a id="{anchor_of(error)}"></a>', f"### `{error.code}`", "", error.explanation]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or look whether it is as it should be."""
    parser = argparse.ArgumentParser(description="Writes docs/errors.md.")
    parser.add_argument("--check", action="store_true", help="only look; exit 1 when it is stale")
    only_look = parser.parse_args().check
    text = page()
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    if only_look:
        print("error: docs/errors.md is stale: python -m local.reference.errors_page", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    say("wrote docs/errors.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
