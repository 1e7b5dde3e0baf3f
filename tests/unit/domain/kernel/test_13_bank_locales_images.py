"""Issue 13: IBANs, language tags and logos are what they say, and nothing else gets onto a document."""

import base64

import pytest

from billing.domain.kernel.bank import is_bic, is_iban
from billing.domain.kernel.images import CannotDraw, ImageType, image_type
from billing.domain.kernel.locales import canonical_locale
from billing.integrations.pdf.logos import drawable

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Of the SWIFT registry of IBAN formats (ISO 13616).
IBANS = (
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "CH9300762011623852957",
    "ES9121000418450200051332",
)


def svg(inside: str = "", attributes: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_is_one_and_with_another_digit_it_is_none(iban: str) -> None:
    assert is_iban(iban)
    for place in range(4, len(iban)):
        if iban[place].isdigit():
            assert not is_iban(iban[:place] + str((int(iban[place]) + 1) % 10) + iban[place + 1 :])


def test_two_neighbours_exchanged_make_no_iban() -> None:
    assert not is_iban("DE89370400440532010300")


@pytest.mark.parametrize(
    "text", ["", "DE89", "de89370400440532013000", "DE89 3704 0044 0532 0130 00", "DE893704004405320130\n00"]
)
def test_what_has_not_the_form_of_an_iban_is_none(text: str) -> None:
    assert not is_iban(text)


@pytest.mark.parametrize(
    ("text", "valid"),
    [("COBADEFF", True), ("COBADEFFXXX", True), ("COBADEFFXX", False), ("COBA1EFF", False), ("", False)],
)
def test_a_bic_has_eight_characters_or_eleven(text: str, valid: bool) -> None:
    assert is_bic(text) is valid


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("de", "de"),
        ("DE-at", "de-AT"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("xyz", "xyz"),
        ("fil", "fil"),
    ],
)
def test_a_language_tag_is_written_as_rfc_5646_writes_it(tag: str, written: str) -> None:
    assert canonical_locale(tag) == written


@pytest.mark.parametrize(
    "text", ["", "d", "german", "de_AT", "de-", "de-AUT", "de-AT-x", "en-US-u-ca-buddhist", "dé", "de\n", "../en"]
)
def test_what_is_no_language_tag_is_refused(text: str) -> None:
    assert canonical_locale(text) is None


def test_a_picture_is_what_its_first_bytes_say() -> None:
    assert image_type(PNG) is ImageType.PNG
    assert image_type(b"\xff\xd8\xff\xe0\x00\x10JFIF") is ImageType.JPEG
    assert image_type(svg('<path d="M0 0h9" fill="url(#g)"/><circle r="3"/>')) is ImageType.SVG
    for other in (
        b"",
        b"GIF89a",
        b"<html></html>",
        b"%PDF-1.7",
        b"<svg/>",
        b'<svg xmlns="http://www.w3.org/2000/svg">',
    ):
        assert image_type(other) is None


@pytest.mark.parametrize(
    "content",
    [
        svg("<script>alert(1)</script>"),
        svg('<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>'),
        svg("", 'onload="alert(1)"'),
        svg('<a href="javascript:alert(1)"><text>x</text></a>'),
        svg('<image href="https://example.com/a.png"/>'),
        svg('<use href="https://example.com/a.svg#x"/>'),
        svg('<use xlink:href="other.svg#x" xmlns:xlink="http://www.w3.org/1999/xlink"/>'),
        svg("", 'xml:base="https://example.com/"'),
        svg("<style>@import 'https://example.com/a.css';</style>"),
        svg("<style>path{fill:url(</style><style>https://example.com/x)}</style>"),
        svg("<style>p{background:u\\72l(//example.com)}</style>"),
        svg('<path fill="url( \'https://example.com/a#b\')"/>'),
        svg("<foreignObject/>"),
        svg('<use href="#p"/>'),
        svg("<text>Acme</text>"),
        svg("<style>p{fill:&#117;rl(//example.com)}</style>"),
        svg('<set attributeName="href" to="https://example.com"/>'),
        b'<?xml-stylesheet href="https://example.com/a.css"?>' + svg(),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + svg("<text>&b;</text>"),
        b'<!DOCTYPE svg SYSTEM "https://example.com/a.dtd">' + svg(),
    ],
)  # fmt: skip
def test_an_svg_that_acts_or_looks_outside_is_refused(content: bytes) -> None:
    with pytest.raises(CannotDraw):
        image_type(content)


def test_what_an_editor_notes_for_itself_is_no_reason_to_refuse() -> None:
    notes = 'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" inkscape:export-filename="/home/a/logo.png"'
    assert image_type(b'<?xml version="1.0" encoding="UTF-8"?>' + svg("<g/>", notes)) is ImageType.SVG


def test_a_picture_of_too_many_points_is_refused() -> None:
    huge = PNG[:16] + (3_000).to_bytes(4, "big") * 2 + PNG[24:]
    with pytest.raises(CannotDraw):
        image_type(huge)


@pytest.mark.parametrize(
    "content",
    [
        PNG,
        svg('<path d="M0 0h9" fill="url(#g)"/><circle r="3"/>'),
        b'<?xml version="1.0" encoding="UTF-8"?>' + svg("<style>.a{fill:url(#g)}</style><g class='a'/>"),
        svg('<i:note xmlns:i="urn:editor" i:path="/home/a"/><rect/>'),
        svg("<!-- made by hand --><title>A &amp; B</title><polygon/>"),
    ],
)
def test_what_is_taken_as_a_logo_is_drawn(content: bytes) -> None:
    """Both look by their own means; nobody uploads a logo that then is missing on the document."""
    assert image_type(content) is not None
    assert drawable(content) is not None
