"""Vouchers on paper: one page of HTML that needs nothing else, to be printed on A4 or on a roll of 80 mm."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import segno
from attrs import frozen
from jinja2 import Environment, StrictUndefined, Template

from ....application.vouchers.sheets import Sheet, Slip
from ..requests import Paper
from .documents import Document, hash_of, page, policy_of
from .redeem_page import redeem_url
from .words import in_figures, in_words

SLIPS_ON_A4: Final = 12
_ROOMY: Final = len("999,999.00")
_ROOMY_NAME: Final = 40
"""Figures and names that are longer are printed smaller."""
TEST_PRINT: Final = "Playtime-Test-Print"
"""The header of a sheet that is a test print."""

_TEST_REASON: Final = "PLAYTIME_PUBLIC_URL is not set"
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - easier to read

_STYLE: Final = """
* { box-sizing: border-box; margin: 0; padding: 0; }
html { font: 8.5pt/1.25 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; color: #000; }
.slip { break-inside: avoid; overflow: hidden; }
.agent { font-size: 10pt; font-weight: 700; line-height: 1.2; overflow-wrap: anywhere; overflow: hidden;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.figures { font-weight: 700; line-height: 1.2; white-space: nowrap; }
.words { line-height: 1.2; }
.words::first-letter { text-transform: uppercase; }
.secrets { display: grid; grid-template-columns: auto 1fr; column-gap: 2mm; align-items: baseline; }
.secrets dd { font-family: "Courier New", "Liberation Mono", monospace; font-weight: 700; white-space: nowrap; }
.expires { font-weight: 700; }
.where { overflow-wrap: anywhere; }
.fine { font-size: 7pt; }
.qr svg { display: block; width: 100%; }
.duplicate { border: 0.7mm solid #000; font-weight: 700; text-align: center; }
.test { border: 0.7mm solid #000; font-weight: 700; line-height: 1.1; text-align: center; }
.qr .test { display: grid; aspect-ratio: 1; place-content: center; }
.hint { padding: 4mm; text-align: center; }
.hint.test { font-size: 24pt; }
@media screen { body { background: #ddd; } .page, .roll { background: #fff; margin: 0 auto 6mm; } }
@media print { .hint { display: none; } }
"""

_STYLE_OF: Final = {
    Paper.A4: """
@page { size: A4 portrait; margin: 8mm; }
.page { display: grid; grid-template-columns: repeat(2, 96mm); grid-auto-rows: 46.5mm; width: fit-content;
  border-top: 0.2mm dashed #777; border-left: 0.2mm dashed #777; break-after: page; }
.page:last-child { break-after: auto; }
.slip { border-right: 0.2mm dashed #777; border-bottom: 0.2mm dashed #777; padding: 2mm 3mm; line-height: 1.15;
  display: grid; grid-template: "head head" auto "text side" minmax(0, 1fr) "foot side" auto / 1fr 27mm;
  gap: 0 3mm; }
.head { grid-area: head; display: flex; gap: 3mm; align-items: flex-start; }
.agent { flex: 1; font-size: 9.5pt; }
.agent.long { font-size: 8pt; }
.duplicate { font-size: 9pt; letter-spacing: 0.12em; padding: 0 2mm; }
.text { grid-area: text; min-width: 0; min-height: 0; display: flex; flex-direction: column; }
.side { grid-area: side; min-height: 0; text-align: center; }
.foot { grid-area: foot; }
.where { font-size: 7.5pt; }
.qr .test { font-size: 20pt; }
.figures { font-size: 17pt; }
.figures.long { font-size: 12pt; }
.words { font-size: 8pt; }
.figures.long + .words { font-size: 7pt; }
.secrets { margin: auto 0; }
.secrets dd { font-size: 11pt; line-height: 1.15; }
.number { font-size: 9pt; font-weight: 700; }
.fine { font-size: 6pt; margin-top: 0.5mm; }
""",
    Paper.ROLL: """
@page { size: 80mm 120mm; margin: 0; }
.roll { width: 80mm; }
.slip { height: 119.5mm; padding: 4mm; border-bottom: 0.3mm dashed #000; break-after: page; text-align: center;
  display: flex; flex-direction: column; justify-content: space-between; font-size: 9pt; }
.slip:last-child { break-after: auto; }
.head, .text, .side { display: contents; }
.agent { font-size: 12pt; }
.agent.long { font-size: 9pt; }
.duplicate { order: -1; font-size: 14pt; letter-spacing: 0.2em; }
.qr, .number { order: 1; }
.number { font-size: 11pt; font-weight: 700; }
.figures { font-size: 22pt; }
.figures.long { font-size: 15pt; }
.secrets { width: fit-content; margin: 0 auto; text-align: left; }
.secrets dd { font-size: 14pt; line-height: 1.3; }
.qr { width: 36mm; margin: 0 auto; }
.foot { order: 2; }
.qr .test { font-size: 26pt; }
.fine { order: 3; }
""",
}

_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>Vouchers of {{ sheet.agent_name }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
{% if is_test %}
<p class="hint test">TEST PRINT. {{ test_reason }}: there are no QR codes. Do not sell these vouchers.</p>
{% endif %}
{% if pages %}
<p class="hint">Open vouchers of this batch: {{ sheet.slips|length }} of {{ sheet.count }}. {{ advice }}</p>
{% else %}
<p class="hint">No voucher of this batch is open any more.</p>
{% endif %}
{% for slips in pages %}
<section class="{{ block }}">
{% for slip in slips %}
<article class="slip">
<div class="head">
<p class="agent{{ ' long' if sheet.agent_name|length > roomy_name }}">{{ sheet.agent_name }}</p>
{% if slip.is_duplicate %}
<p class="duplicate">DUPLICATE</p>
{% endif %}
</div>
<div class="text">
<p class="figures{{ ' long' if slip.figures|length > roomy }}">{{ slip.figures }} FUN</p>
<p class="words">{{ slip.words }}</p>
<p>Bonus {{ slip.bonus }} FUN</p>
<dl class="secrets">
<dt>Code</dt><dd>{{ slip.code }}</dd>
<dt>PIN</dt><dd>{{ slip.pin }}</dd>
</dl>
</div>
<div class="side">
{% if is_test %}
<div class="qr"><span class="test">TEST PRINT</span></div>
{% else %}
<div class="qr" role="img" aria-label="QR code that opens the page to redeem this voucher">{{ slip.qr|safe }}</div>
{% endif %}
<p class="number">No. {{ slip.number }} of {{ sheet.count }}</p>
<p class="fine">FUN is play money and is never bought back.</p>
</div>
<div class="foot">
<p class="expires">Expires {{ slip.expires }}</p>
{% if is_test %}
<p class="where">{{ test_reason }}.</p>
{% else %}
<p class="where">Scan, or open {{ address }}</p>
{% endif %}
</div>
</article>
{% endfor %}
</section>
{% endfor %}
</body>
</html>
"""

_ADVICE: Final = {
    Paper.A4: "Print on A4 at 100 %, without headers and footers, and cut along the dashed lines.",
    Paper.ROLL: "Print on the 80 mm roll at 100 %, without margins; each voucher is a page of 80 by 120 mm.",
}


@frozen(kw_only=True)
class _PrintedSlip:
    """A slip as it is printed: everything is text by now, and the QR code a drawing."""

    number: int
    figures: str
    words: str
    bonus: str
    code: str
    pin: str
    expires: str
    is_duplicate: bool
    qr: str


def sheet_page(sheet: Sheet, *, paper: Paper, site: str | None, timezone: str | None = None) -> Document:
    """Return the sheet as a page; `site` is the address that the QR codes lead to, without the PINs.

    Without a site it is a test print: it has these words in the place of QR codes. Times are in `timezone`, by
    default the agent's.
    """
    style = _STYLE + _STYLE_OF[paper]
    policy = policy_of(style_src=hash_of(style))
    is_test = site is None
    slips = list(_printed(sheet.slips, site, timezone or sheet.timezone))
    at_once = SLIPS_ON_A4 if paper is Paper.A4 else len(slips) or 1
    body = _template().render(
        sheet=sheet,
        pages=[slips[at : at + at_once] for at in range(0, len(slips), at_once)],
        block="page" if paper is Paper.A4 else "roll",
        advice=_ADVICE[paper],
        roomy=_ROOMY,
        roomy_name=_ROOMY_NAME,
        address="" if site is None else redeem_url(site).partition("://")[2],
        is_test=is_test,
        test_reason=_TEST_REASON,
        policy=policy,
        style=style,
    )
    return page(body, policy, *([(TEST_PRINT, _TEST_REASON)] if is_test else []))


def _printed(slips: Sequence[Slip], site: str | None, timezone: str) -> Iterator[_PrintedSlip]:
    draw = _drawer(site)
    for slip in slips:
        yield _PrintedSlip(
            number=slip.number,
            figures=in_figures(slip.amount_minor),
            words=in_words(slip.amount_minor),
            bonus=in_figures(slip.bonus_minor),
            code=slip.code,
            pin=slip.pin,
            expires=_moment(slip.expires_at, timezone),
            is_duplicate=slip.is_duplicate,
            qr=draw(slip.code),
        )


def _drawer(site: str | None) -> Callable[[str], str]:
    """Return a function that draws the QR code of a voucher's code; without a site there is nothing to draw."""
    mask = None

    def draw(code: str) -> str:
        nonlocal mask
        if site is None:
            return ""
        qr = segno.make_qr(redeem_url(site, code), error="m", mask=mask)
        # To find the best mask takes most of the time; what suits one slip suits the next, which is all but equal.
        mask = qr.mask
        return qr.svg_inline(omitsize=True, svgclass=None, lineclass=None)

    return draw


def _moment(moment: datetime, timezone: str) -> str:
    """Return a moment as the clocks of a timezone show it, with the abbreviation of their time."""
    at = moment.astimezone(ZoneInfo(timezone))
    name = at.strftime("%Z")
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} {name if name.isalpha() else f'UTC{name}'}"


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE)
