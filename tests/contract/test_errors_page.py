"""docs/errors.md explains every error, at the place that ``documentation_url`` names."""

import re
from pathlib import Path

import pytest

from billing.domain.kernel import errors
from billing.domain.kernel.errors import BillingError, RateLimited
from billing.edge.http.envelope import anchor
from local.reference import errors_page

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "errors.md"


def made(kind: type[BillingError]) -> BillingError:
    return RateLimited("", retry_after_s=1) if issubclass(kind, RateLimited) else kind("")


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == errors_page.page(), "python -m local.reference.errors_page"


@pytest.mark.parametrize("kind", errors.catalogue(), ids=lambda kind: kind.__name__)
def test_an_error_has_its_section_at_its_anchor(kind: type[BillingError]) -> None:
    section = f'<a id="{anchor(made(kind))}"></a>\n### `{kind.code}`\n\n{kind.explanation}\n'
    assert section in PAGE.read_text()


def test_anchors_are_unique() -> None:
    anchors = re.findall(r'<a id="([^"]+)">', PAGE.read_text())
    assert len(anchors) == len(set(anchors)) == len(errors.catalogue())


def test_every_subclass_is_in_the_catalogue_by_its_code() -> None:
    codes = {kind.code for kind in errors.catalogue()}
    pending = [BillingError]
    while pending:
        kind = pending.pop()
        assert kind.code in codes
        pending += kind.__subclasses__()
