"""What stands around a payer's page: whose it is, in the tenant's colour; in which language; and whom to ask."""

import base64
from functools import lru_cache
from html import escape

from billing.domain.kernel.colors import PARTS, WHITE, contrast, ink_on, is_color
from billing.domain.kernel.images import image_type
from billing.domain.tenant import Mode, Tenant
from billing.edge.forms.endpoint import NOT_FOUND, FormCall, FormResponse
from billing.edge.forms.html import Frame, alert, page
from billing.services.invoicing.documents import Branding
from billing.services.payer.language import Language, Languages

LANGUAGE = "lang"
"""The parameter by which a payer chooses a language."""
_OURS, _EDGE = "#0b4f9e", "#595959"
_COLORS = 200
"""Of so many tenants a worker keeps the style."""
_PAGES = {404: "page_unknown", 429: "page_busy", 500: "page_failed", 503: "page_failed"}
_STYLE = (
    "*{box-sizing:border-box}"
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#f4f4f2;margin:0;overflow-wrap:anywhere}"
    "header,main,footer{max-width:44rem;margin:0 auto;padding:1rem}"
    "header{display:flex;align-items:center;gap:.75rem;padding-top:1.5rem;font-weight:600}"
    "header img{max-height:3rem;max-width:10rem}"
    "main{background:#fff;border:1px solid #d0d0cc;border-top:4px solid var(--edge);padding:1.25rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}h2{font-size:1.1rem;margin:1.75rem 0 .5rem}p{margin:.5rem 0}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .5rem .5rem 0;border-bottom:1px solid #d0d0cc}"
    "th{font-weight:600}.n{text-align:right;padding-right:0;white-space:nowrap}.n+.n{padding-left:.75rem}"
    ".wide{overflow-x:auto}small,.quiet{color:#595959;font-size:.875rem}td small{display:block}"
    "tr.plain>th{font-weight:400}tr.strong>*{font-weight:600}tr.grand>*{font-weight:700;font-size:1.1rem;border-bottom:0}"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1rem 0}dt{color:#595959}dd{margin:0}"
    "label{display:block;margin:1rem 0 .25rem}"
    "input:not([type=hidden]):not([type=radio]):not([type=checkbox]),select{width:100%;font:inherit;padding:.6rem;"
    "border:1px solid #595959;background:#fff;color:inherit}"
    ".acts{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;margin:1.25rem 0}form{margin:0}"
    "button,.button{display:inline-block;font:inherit;font-weight:600;line-height:1.5;min-height:2.75rem;"
    "padding:.5rem 1.25rem;border:2px solid var(--edge);background:var(--brand);color:var(--ink);cursor:pointer;"
    "text-decoration:none;text-align:center}"
    "button.no,.button.no{background:#fff;color:#1a1a1a;border-color:#595959}"
    "a{color:#1a1a1a}:focus-visible{outline:3px solid #1a1a1a;outline-offset:3px}"
    "[role=alert],[role=status]{border-left:4px solid #b00020;padding:.5rem .75rem;margin:1rem 0;background:#fdf3f4}"
    "[role=status]{border-color:#1b6e3c;background:#f0f7f2}.test{background:#fff3cd;text-align:center;margin:0;padding:.5rem}"
    ".tabs{display:flex;flex-wrap:wrap;gap:.5rem 1rem;max-width:44rem;margin:0 auto;padding:0 1rem 1rem}"
    "main+.tabs{padding-top:1rem}nav [aria-current]{font-weight:700}td .acts{margin:0}th small{display:block}"
    "h3{font-size:1rem;margin:1.25rem 0 .25rem}fieldset{border:1px solid #d0d0cc;"
    "margin:1rem 0;padding:.25rem 1rem}label:has([type=radio]){margin:.5rem 0}"
    "footer nav{display:flex;flex-wrap:wrap;gap:.5rem 1rem}"
    "@media(max-width:30rem){main{border-left:0;border-right:0}button,.button,.acts form{width:100%}"
    ".lines thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}"
    ".lines tr{display:flex;flex-wrap:wrap;border-bottom:1px solid #d0d0cc;padding:.5rem 0}"
    ".lines td{border:0;padding:0 .5rem 0 0}.lines td:first-child{flex:1 0 100%}"
    ".lines td:last-child{margin-left:auto;padding-right:0}}"
)


def around(
    tenant: Tenant,
    branding: Branding | None,
    language: Language,
    languages: Languages | None,
    name: str | None = None,
    address: str = "",
) -> Frame:
    """The frame of a tenant's page.

    Args:
        branding: None where nothing was read but the tenant: then it has its colour alone.
        languages: to choose another one of; None where the page's address is not to be followed again.
        name: whose the page is; the tenant's own name if none is given.
        address: where the page is to be had in another language, which a form's answer is not; by default where it is.
    """
    branding = branding or Branding(color=tenant.branding.color)
    name = name or tenant.legal_name or tenant.name
    test = f'<p class="test">{escape(language["test_notice"])}</p>' if tenant.mode is Mode.TEST else ""
    ask = tenant.contact.email if tenant.contact is not None and tenant.contact.email else tenant.email
    who = f"{name}, {ask}" if ask else name
    foot = "".join(f"<p>{escape(each)}</p>" for each in (branding.footer, branding.legal_line) if each)
    choice = _choice(language, languages, address) if languages is not None else ""
    questions = escape(language["page_questions"].format(name=who))
    return Frame(
        language=language.tag,
        style=style(branding.color),
        above=f"{test}<header>{_logo(branding.logo)}<span>{escape(name)}</span></header>",
        below=f'<footer class="quiet"><p>{questions}</p>{foot}{choice}</footer>',
        pictures=branding.logo is not None,
    )


@lru_cache(_COLORS)
def style(color: str | None) -> str:
    """The style in a tenant's colour: on it text is black or white, and beside white it has an edge that is seen."""
    brand = color if color is not None and is_color(color) else _OURS
    edge = brand if contrast(brand, WHITE) >= PARTS else _EDGE
    return f":root{{--brand:{brand};--ink:{ink_on(brand)};--edge:{edge}}}{_STYLE}"


def written(call: FormCall, languages: Languages, locale: str, timezone: str) -> Language:
    """The language of a page: the one that the payer chose, or the one given."""
    chosen = call.request.query.get(LANGUAGE, "") if call.request.method in ("GET", "HEAD") else ""
    return languages.of(chosen if chosen in languages.names else locale, timezone)


class Refusals:
    """Errors, as pages: they say what to do, and nothing of what there is.

    Args:
        languages: the browser says which one, as nobody knows whose page it is.
    """

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    def __call__(self, call: FormCall, error: str, status: int | None) -> FormResponse:
        """An error's page: a ``billing.edge.forms.endpoint.Refusal``."""
        usual = {NOT_FOUND: 404, "temporarily_unavailable": 503, "server_error": 500, "unauthorized_client": 404}
        status = status or usual.get(error, 400)
        language = self._languages.accepted(call.request.headers.get("accept-language", ""))
        key = {404: "page_unknown", 429: "page_busy", 500: "page_failed", 503: "page_failed"}.get(
            status, "page_refused"
        )
        frame = Frame(language=language.tag, style=style(None))
        return page(language[key], alert(language[f"{key}_text"]), status=status, frame=frame)


def _logo(content: bytes | None) -> str:
    """The logo, in the page itself; its name stands beside it."""
    kind = image_type(content) if content else None
    if content is None or kind is None:
        return ""
    return f'<img alt="" src="data:{kind};base64,{base64.b64encode(content).decode()}">'


def _choice(language: Language, languages: Languages, address: str) -> str:
    links = "".join(
        f'<a href="{escape(address)}?{LANGUAGE}={tag}" lang="{tag}" hreflang="{tag}"'
        f"{' aria-current=true' * (tag == language.tag)}>"
        f"{escape(name)}</a>"
        for tag, name in languages.names.items()
    )
    return f'<nav aria-label="{escape(language["language"])}">{links}</nav>'
