"""Language tags of documents: which texts are tags, and how they are written (BCP 47, RFC 5646)."""

import re

DEFAULT_LOCALE = "en"

_TAG = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?", re.ASCII)


def canonical_locale(tag: str) -> str | None:
    """The tag as RFC 5646 (section 2.1.1) writes it, ``zh-Hant-TW`` of ``ZH-hant-tw``; None for what is no such tag.

    A language, and perhaps a script and a region. Whether anybody writes documents in it is not asked: one in an
    unknown language is in English.
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    language, script, region = found.groups()
    parts = (language.lower(), script.title() if script else None, region.upper() if region else None)
    return "-".join(part for part in parts if part)
