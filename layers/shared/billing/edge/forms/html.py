"""Pages of plain HTML: no script, one style, and a policy that says so."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from billing.edge.forms.endpoint import FormResponse

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0}"
    "main{max-width:26rem;margin:3rem auto;padding:0 1rem}h1{font-size:1.4rem}"
    "label{display:block;margin:1rem 0 .25rem}"
    "input:not([type=hidden]){box-sizing:border-box;width:100%;font:inherit;padding:.6rem;border:1px solid #595959}"
    "button{font:inherit;padding:.6rem 1.2rem;margin:1.5rem .5rem 0 0;border:2px solid #0b4f9e;background:#0b4f9e;"
    "color:#fff;cursor:pointer}button.no{background:#fff;color:#0b4f9e}"
    ":focus-visible{outline:3px solid #d14900;outline-offset:2px}"
    "[role=alert]{border-left:4px solid #b00020;padding:.25rem .75rem}a{color:#0b4f9e}code{overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page's content.

    Args:
        language: of its words, as a tag.
        style: the one style that its policy allows; no element has one of its own.
        above, below: HTML before and after the page's main part.
        pictures: whether it shows any; they are in the page itself, so that nothing is loaded.
    """

    language: str = "en"
    style: str = _STYLE
    above: str = ""
    below: str = ""
    pictures: bool = False


PLAIN = Frame()


def page(
    title: str,
    content: str,
    *,
    status: int = 200,
    form_to: str = "",
    cookies: tuple[str, ...] = (),
    frame: Frame = PLAIN,
) -> FormResponse:
    """A page.

    Args:
        content: HTML, in which all that came from outside is escaped already.
        form_to: where a form's answer may send the browser: a browser that checks the policy after a redirect, too,
            would drop it in silence otherwise.
    """
    style_hash = base64.b64encode(sha256(frame.style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; {'img-src data:; ' if frame.pictures else ''}"
        f"frame-ancestors 'none'; base-uri 'none'; form-action 'self'{' ' + form_to if form_to else ''}"
    )
    body = (
        f'<!doctype html><html lang="{escape(frame.language)}"><head><meta charset="utf-8">'
        f'<title>{escape(title)}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{frame.style}</style></head><body>{frame.above}<main><h1>{escape(title)}</h1>{content}</main>"
        f"{frame.below}</body></html>"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=63072000",
    }
    return FormResponse(status, body, "text/html; charset=utf-8", headers, cookies)


def redirect(location: str, cookies: tuple[str, ...] = ()) -> FormResponse:
    """The browser goes on, with GET: a 307 would carry the password along."""
    return FormResponse(303, "", "text/plain", {"Location": location, "Referrer-Policy": "no-referrer"}, cookies)


def form(action: str, hidden: Mapping[str, str], fields: str) -> str:
    """A form; ``fields`` is HTML."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return f'<form method="post" action="{escape(action)}">{kept}{fields}</form>'


def field(
    label: str, name: str, kind: str, autocomplete: str, *, required: bool = True, hint: str = "", fixed: str = ""
) -> str:
    """An input with its label.

    Args:
        fixed: what it holds, and nobody can change; nothing for one to be filled in.
    """
    described = f' aria-describedby="{name}-hint"' if hint else ""
    more = f'<div id="{name}-hint">{escape(hint)}</div>' if hint else ""
    state = " required" if required else ""
    if fixed:
        state = f' value="{escape(fixed)}" readonly'
    return (
        f'<label for="{name}">{escape(label)}</label>{more}'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{autocomplete}"{described}{state}>'
    )


def alert(text: str) -> str:
    """What went wrong, read out at once."""
    return f'<p role="alert">{escape(text)}</p>' if text else ""


def problem(text: str, status: int = 400) -> FormResponse:
    """A page that says what went wrong, and leads nowhere."""
    return page("That did not work", alert(text), status=status)
