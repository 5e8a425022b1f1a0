"""The page at `/`: it says what answers here, and links to the parts that a person can open."""

from typing import Final

from .documents import Document, hash_of, page, policy_of
from .redeem_page import REDEEM_PATH
from .theme import THEME

_STYLE: Final = (
    THEME
    + """
html { background: var(--ground); }
body { max-width: 36rem; margin: 3rem auto; padding: 0 1rem; color: var(--text);
  font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
"""
)

_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Playtime</title>
<style>{style}</style>
</head>
<body>
<h1>Playtime</h1>
<p>This is the API of a fun-coin casino. FUN is play money and is never bought back.</p>
<ul>
<li><a href="{redeem}">Redeem a voucher</a></li>
<li><a href="{api}/openapi.json">The API, as an OpenAPI document</a></li>
<li><a href="api/health">Health of the service</a></li>
</ul>
</body>
</html>
"""


def first_page(api: str) -> Document:
    """Return the page. Its links are relative, so that they hold behind a prefix; `api` is the path of the API."""
    body = _TEMPLATE.format(style=_STYLE, redeem=REDEEM_PATH.lstrip("/"), api=api.lstrip("/"))
    return page(body, policy_of(style_src=hash_of(_STYLE)))
