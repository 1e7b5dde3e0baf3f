"""Says in a PDF's metadata that it is a Factur-X invoice, which the norm asks for and Typst cannot write.

A PDF may be extended behind its end: the metadata once more with the additions, and a table that says where it is now.
Nothing that was there is touched (ISO 32000-1, 7.5.6). Both, the four properties and the schema that PDF/A wants of
properties that it does not know itself, are as in Factur-X 1.0.07, section 6.
"""

from __future__ import annotations

import re

_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("name of the embedded XML invoice file", "{name}"),
    "DocumentType": ("INVOICE", "INVOICE"),
    "Version": ("The actual version of the Factur-X XML schema", "1.0"),
    "ConformanceLevel": ("The conformance level of the embedded Factur-X data", "EN 16931"),
}
_TRAILER = re.compile(
    rb"trailer\n<<(?P<size>/Size \d+)/Root (?P<root>\d+) 0 R(?P<more>[^\n]*)>>\nstartxref\n(?P<at>\d+)\n%%EOF\s*\Z"
)
_TABLE = re.compile(rb"xref\n0 (\d+)\n")
_ENTRY = 20
_METADATA_OF_CATALOG = re.compile(rb"/Metadata (\d+) 0 R")
_STREAM = re.compile(rb"(\d+) 0 obj\n<</Length (\d+)(/Type/Metadata/Subtype/XML)>>\nstream\n")
_SCHEMAS = b"<pdfaExtension:schemas><rdf:Bag>"
_DESCRIPTION, _END = b'<rdf:Description rdf:about=""', b"</rdf:Description>"


class NotExtendable(ValueError):
    """The PDF is not written as Typst writes an archival one."""


def declared(pdf: bytes, name: str) -> bytes:
    """A PDF that says which of its attached files is the invoice.

    Args:
        name: of the attached file: ``factur-x.xml``.

    Raises:
        NotExtendable: the file is not as this needs it.
    """
    trailer = _found(_TRAILER.search(pdf, max(0, len(pdf) - 1_000)), "a trailer at its end")
    table = int(trailer["at"])
    root = _object(pdf, table, int(trailer["root"]))
    catalog = pdf[root : pdf.index(b"endobj", root)]
    number = int(_found(_METADATA_OF_CATALOG.search(catalog), "metadata in its catalog")[1])
    stream = _found(_STREAM.match(pdf, _object(pdf, table, number)), "metadata that is not compressed")
    before = pdf[stream.end() : stream.end() + int(stream[2])]
    after = _extended(before, name)
    start = len(pdf)
    made = b"%d 0 obj\n<</Length %d%b>>\nstream\n%b\nendstream\nendobj\n" % (number, len(after), stream[3], after)
    entry = b"xref\n0 1\n0000000000 65535 f \n%d 1\n%010d 00000 n \n" % (number, start)
    ending = b"trailer\n<<%b/Root %b 0 R%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (
        trailer["size"],
        trailer["root"],
        trailer["more"],
        table,
        start + len(made),
    )
    return pdf + made + entry + ending


def _extended(xmp: bytes, name: str) -> bytes:
    if any(xmp.count(each) != 1 for each in (_SCHEMAS, _DESCRIPTION, _END)):
        raise NotExtendable("its metadata is not one description with one table of schemas")
    values = "".join(f"<fx:{key}>{value.format(name=name)}</fx:{key}>" for key, (_, value) in _PROPERTIES.items())
    described = xmp.replace(_DESCRIPTION, _DESCRIPTION + f' xmlns:fx="{_NAMESPACE}"'.encode(), 1)
    with_schema = described.replace(_SCHEMAS, _SCHEMAS + _schema().encode(), 1)
    return with_schema.replace(_END, values.encode() + _END, 1)


def _schema() -> str:
    item = '<rdf:li rdf:parseType="Resource">'
    properties = "".join(
        f"{item}<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, (description, _) in _PROPERTIES.items()
    )
    return (
        f"{item}<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _object(pdf: bytes, table: int, number: int) -> int:
    """Where an object begins, by the table of references: twenty bytes for each, ten of them the offset."""
    head = _found(_TABLE.match(pdf, table), "a table of references")
    at = head.end() + number * _ENTRY
    entry = pdf[at : at + _ENTRY]
    if number >= int(head[1]) or not entry[:10].isdigit() or entry[17:18] != b"n":
        raise NotExtendable(f"object {number} is not in its table")
    return int(entry[:10])


def _found(match: re.Match[bytes] | None, what: str) -> re.Match[bytes]:
    if match is None:
        raise NotExtendable(f"it has not {what}")
    return match
