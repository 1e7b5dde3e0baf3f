"""Documents as HTML, for a payer: facts, lines, sums, and how they are paid by transfer."""

from collections.abc import Iterable
from html import escape

from billing.services.payer.contents import DocumentContents
from billing.services.payer.language import Language


def described(contents: DocumentContents, language: Language) -> str:
    """A document: what is printed of it, in the same order."""
    transfer = ""
    if contents.transfer:
        transfer = f"<h2>{escape(language['pay_by_transfer'])}</h2>{_facts(contents.transfer)}"
    remarks = "".join(f"<p>{escape(each)}</p>" for each in contents.remarks)
    return f"{_facts(contents.facts)}{billed(contents)}{transfer}{remarks}"


def billed(contents: DocumentContents) -> str:
    """The lines and the sums of a document alone."""
    return f"{_lines(contents)}{_sums(contents)}"


def told(text: str) -> str:
    """Good news, read out without interrupting."""
    return f'<p role="status">{escape(text)}</p>'


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(label)}</dt><dd>{escape(value)}</dd>' for label, value in pairs)}</dl>"


def _lines(contents: DocumentContents) -> str:
    first, *others = (escape(each) for each in contents.headers)
    head = f'<th scope="col">{first}</th>' + "".join(f'<th scope="col" class="n">{each}</th>' for each in others)
    rows = "".join(
        f"<tr><td>{escape(line.description)}{''.join(f'<small>{escape(each)}</small>' for each in line.details)}</td>"
        + "".join(f'<td class="n">{escape(cell)}</td>' for cell in line.cells)
        + "</tr>"
        for line in contents.lines
    )
    return f'<table class="lines"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _sums(contents: DocumentContents) -> str:
    rows = "".join(
        f'<tr class="{row.weight}"><th scope="row">{escape(row.label)}</th><td class="n">{escape(row.value)}</td></tr>'
        for row in contents.totals
    )
    return f"<table>{rows}</table>"
