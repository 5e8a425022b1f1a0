"""The page where a player redeems a voucher on a phone: it opens from the QR code, with the code filled in.

The page itself is a form and a script of its own; the script calls the API. PIN and play pass never stand in an
address.
"""

from functools import cache
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

from ....domain.access.codes import MalformedCode, parse_code
from .documents import JAVASCRIPT, Document, hash_of, page, policy_of
from .redeem_script import REDEEM_SCRIPT
from .theme import THEME

REDEEM_PATH: Final = "/redeem"
SCRIPT_PATH: Final = "/redeem.js"

_STYLE: Final = (
    THEME
    + """
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color: var(--text); background: var(--ground); -webkit-text-size-adjust: 100%; }
body { margin: 0; padding: 1.25rem 1rem 3rem; }
main { max-width: 26rem; margin: 0 auto; background: var(--card); border-radius: 0.9rem; padding: 1.25rem;
  box-shadow: 0 1px 4px rgb(27 27 34 / 18%); }
h1, h2 { margin: 0 0 0.75rem; font-size: 1.5rem; line-height: 1.2; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { width: 100%; margin-top: 0.25rem; padding: 0.7rem 0.6rem; border: 1px solid var(--edge);
  border-radius: 0.5rem; background: var(--card); color: inherit;
  font: 600 1.15rem/1.3 ui-monospace, Menlo, Consolas, monospace; }
#code, #pass { text-transform: uppercase; }
#pin { letter-spacing: 0.25em; }
[aria-invalid=true] { border: 2px solid var(--bad); }
button { width: 100%; min-height: 3rem; margin-top: 1.5rem; border: 0; border-radius: 0.5rem;
  background: var(--accent); color: var(--on-accent);
  font: inherit; font-weight: 700; font-size: 1.1rem; cursor: pointer; }
button[aria-disabled=true] { background: var(--busy); cursor: progress; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
h2:focus { outline: none; }
.help { margin: 0.25rem 0 0; font-size: 0.9rem; color: var(--muted); }
label { scroll-margin-top: 0.5rem; }
.message:focus { outline: none; }
.message:not(:empty) { margin: 0.5rem 0 0; padding: 0.7rem 0.8rem; border-left: 4px solid var(--bad);
  border-radius: 0.25rem; background: var(--bad-ground); }
dl { margin: 1rem 0; }
dt { color: var(--muted); font-size: 0.9rem; }
dd { margin: 0 0 0.75rem; font-weight: 700; font-size: 1.2rem; overflow-wrap: anywhere; }
.secret { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 1.35rem; white-space: nowrap; }
.keep { padding: 0.7rem 0.8rem; border-left: 4px solid var(--keep); border-radius: 0.25rem;
  background: var(--keep-ground); }
[hidden] { display: none; }
@media (max-width: 22rem) { body { padding: 0.5rem 0.5rem 2rem; } main { padding: 1rem 0.8rem; }
  .secret { font-size: 1.2rem; } }
"""
)

_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="format-detection" content="telephone=no">
<title>Redeem a voucher</title>
<style>{{ style|safe }}</style>
<script src="{{ script }}" defer></script>
</head>
<body>
<main>
<form id="form" method="post" novalidate>
<h1>Redeem a voucher</h1>
<noscript><p class="keep">This page needs JavaScript. Turn it on, or let the agent help you.</p></noscript>
<label for="code">Voucher code</label>
<input id="code" name="code" type="text" value="{{ code }}" maxlength="64" required aria-describedby="code-help"
 autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck="false">
<p class="help" id="code-help">13 letters and digits.</p>
<label for="pin">PIN</label>
<input id="pin" name="pin" type="text" maxlength="64" required aria-describedby="pin-help"
 inputmode="numeric" autocomplete="one-time-code" spellcheck="false">
<p class="help" id="pin-help">6 digits.</p>
<label for="pass">Play pass, if you have one</label>
<input id="pass" name="pass" type="text" maxlength="64" aria-describedby="pass-help"
 autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck="false">
<p class="help" id="pass-help">13 letters and digits. Your limits and breaks hold for this account as well.</p>
<button id="button" type="submit">Redeem</button>
<p class="message" id="message" role="alert" aria-live="assertive" tabindex="-1"></p>
</form>
<section id="done" aria-labelledby="done-title" hidden>
<h2 id="done-title" tabindex="-1">Your voucher is redeemed</h2>
<p class="keep">Write down the login code and PIN, or take a picture of this screen: this is how you come back.</p>
<dl>
<dt>Login code</dt><dd class="secret" id="login-code"></dd>
<dt>PIN</dt><dd class="secret" id="login-pin"></dd>
<dt>Balance</dt><dd id="balance"></dd>
<dt>Bonus, paid when you run low</dt><dd id="bonus"></dd>
</dl>
<p class="help">FUN is play money and is never bought back.</p>
</section>
</main>
</body>
</html>
"""

_POLICY: Final = policy_of(style_src=hash_of(_STYLE), script_src="'self'", connect_src="'self'")


def redeem_url(site: str, code: str | None = None) -> str:
    """Return the address of the page, with a code filled in where one is given."""
    return f"{site}{REDEEM_PATH}" + ("" if code is None else f"?code={code}")


def redeem_page(typed: str) -> Document:
    """Return the page with a code filled in; a text that is not a code is dropped, so that nothing is injected."""
    try:
        code = str(parse_code(typed))
    except MalformedCode:
        code = ""
    body = _template().render(code=code, style=_STYLE, script=SCRIPT_PATH.lstrip("/"))
    return page(body, _POLICY)


def redeem_script() -> Document:
    """Return the script of the page."""
    return Document(media_type=JAVASCRIPT, body=REDEEM_SCRIPT.encode())


@cache
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE)
