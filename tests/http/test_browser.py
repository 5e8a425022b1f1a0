"""The pages in a real browser: what a player sees and does on a phone, and what comes out of a printer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from playtime.adapters.http.pages.sheet import SLIPS_ON_A4
from playtime.adapters.memory.storage import MemoryStorage
from playtime.application.ports.filters import PlayerFilter
from playtime.domain.limits.exclusions import CoolOff
from playtime.domain.tenancy.tenants import TenantKind

from support.browser import CHROMIUMS, Browser, open_browser, serving
from support.day import EVERYTHING, Sold, other_pin
from support.http import Web, build_web

PHONE: Final = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
ABOVE_KEYBOARD: Final = PHONE | {"width": 375, "height": 380}
"""The part of a phone of 375 by 667 above its keyboard."""
SMALLEST: Final = PHONE | {"width": 320, "height": 568}
SCREEN: Final = {"width": 1_000, "height": 1_400, "deviceScaleFactor": 1, "mobile": False}
POINTS_PER_MM: Final = 72 / 25.4
LARGE_PX: Final = 26
"""The least size of large letters: 7 mm."""
OUT_OF_PLACE: Final = """() => {
  const found = [];
  for (const slip of document.querySelectorAll(".slip")) {
    const edge = slip.getBoundingClientRect();
    const parts = [...slip.querySelectorAll("p, dt, dd, .qr")];
    for (const part of parts) {
      const box = part.getBoundingClientRect();
      const text = document.createRange();
      text.selectNodeContents(part);
      // What is too long of a name is cut off where its lines end.
      const drawn = part.classList.contains("agent") ? box : text.getBoundingClientRect();
      if (Math.max(box.bottom, drawn.bottom) > edge.bottom || Math.max(box.right, drawn.right) > edge.right) {
        found.push(part.textContent);
      }
      for (const other of parts) {
        const there = other.getBoundingClientRect();
        const apart = box.right <= there.left || there.right <= box.left
          || box.bottom <= there.top + 1 || there.bottom <= box.top + 1;
        if (part !== other && !apart) {
          found.push(part.textContent + " / " + other.textContent);
        }
      }
    }
  }
  return found;
}"""
"""Returns the parts of slips that reach over an edge or over each other."""

pytestmark = pytest.mark.skipif(not CHROMIUMS, reason="no Chromium is installed here")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def site(web: Web) -> Iterator[str]:
    with serving(web) as address:
        yield address


def _open(browser: Browser, url: str, device: dict[str, Any] | None = None) -> None:
    """Open a page as a phone that was never here before."""
    browser.complaints.clear()
    browser.open(url, device or PHONE)
    browser.ask("localStorage.clear()")


def _said(browser: Browser) -> str:
    browser.until("document.getElementById('message').textContent !== ''")
    return browser.text("message")


def test_a_player_redeems_by_the_qr_code_and_the_pin_alone(web: Web, browser: Browser, site: str) -> None:
    voucher = web.day.sell(1_234_567)
    _open(browser, f"{site}/redeem?code={voucher.code}")
    assert browser.ask("document.activeElement.id") == "pin"
    browser.do("Input.insertText", text=voucher.pin)
    browser.press_enter()
    browser.until("!document.getElementById('done').hidden")
    (player,) = web.get("/admin/players", web.owner).content["players"]
    assert browser.text("login-code") == player["loginCode"]
    assert (browser.text("balance"), browser.text("bonus")) == ("12,345.67 FUN", "6,172.83 FUN")
    who = {"loginCode": browser.text("login-code"), "pin": browser.text("login-pin")}
    assert web.post("/player/login", who).status == 200
    assert browser.ask("document.activeElement.id") == "done-title"
    assert not browser.complaints


def test_a_reload_shows_login_code_and_pin_again(web: Web, browser: Browser, site: str) -> None:
    voucher = web.day.sell(1_000)
    _open(browser, f"{site}/redeem?code={voucher.code}")
    seen = []
    for _ in range(2):
        browser.type("pin", voucher.pin)
        browser.press_enter()
        browser.until("!document.getElementById('done').hidden")
        seen.append([browser.text(name) for name in ("login-code", "login-pin", "balance")])
        browser.open(f"{site}/redeem?code={voucher.code}")
    assert seen[0] == seen[1]
    assert len(web.get("/admin/players", web.owner).content["players"]) == 1


def test_lost_answer_is_replayed_after_another_voucher(web: Web, browser: Browser, site: str) -> None:
    lost, other = web.day.sell(1_000), web.day.sell(2_000)
    _open(browser, f"{site}/redeem?code={lost.code}")
    browser.ask("""
        const send = window.fetch;
        window.fetch = async (...all) => { await send(...all); throw new TypeError("the answer is lost"); };
        null
    """)
    browser.type("pin", lost.pin)
    browser.press_enter()
    assert "Nothing is lost" in _said(browser)
    logins = []
    for voucher in (other, lost):
        _redeem(browser, site, voucher, "")
        browser.until("!document.getElementById('done').hidden")
        logins.append({"loginCode": browser.text("login-code"), "pin": browser.text("login-pin")})
    assert [web.post("/player/login", login).status for login in logins] == [200, 200]
    players = web.get("/admin/players", web.owner).content["players"]
    assert {player["loginCode"] for player in players} == {login["loginCode"] for login in logins}


def test_only_the_last_vouchers_are_stored(web: Web, browser: Browser, site: str) -> None:
    _open(browser, f"{site}/redeem")
    for number in range(25):
        browser.ask("document.getElementById('message').textContent = ''")
        browser.type("code", f"{number:013d}")
        browser.type("pin", "123456")
        browser.press_enter()
        assert "not right" in _said(browser)
    stored = browser.ask("Object.values(localStorage).join()")
    assert [f"{number:013d}" in stored for number in (4, 5, 24)] == [False, True, True]
    assert "123456" not in stored


def test_a_double_click_asks_once(web: Web, browser: Browser, site: str) -> None:
    voucher = web.day.sell(1_000)
    _open(browser, f"{site}/redeem?code={voucher.code}")
    browser.ask("""
        window.asked = 0;
        const send = window.fetch;
        window.fetch = (...all) => { asked++; return send(...all); };
        null
    """)
    browser.type("pin", voucher.pin)
    browser.ask("for (let time = 0; time < 5; time++) { document.getElementById('button').click(); }")
    browser.until("!document.getElementById('done').hidden")
    assert browser.ask("asked") == 1


def _redeem(browser: Browser, site: str, voucher: Sold, shown: str) -> None:
    browser.open(f"{site}/redeem?code={voucher.code}")
    browser.type("pin", voucher.pin)
    browser.type("pass", shown)
    browser.press_enter()


def test_a_play_pass_ties_the_new_account(web: Web, browser: Browser, site: str) -> None:
    guest, voucher = web.day.welcome(1_000), web.day.sell(1_000)
    shown = web.day.engine.get_play_pass(guest.principal).code
    _open(browser, f"{site}/redeem")
    for _ in range(2):
        _redeem(browser, site, voucher, f" {shown.lower()} ")
        browser.until("!document.getElementById('done').hidden")
    with web.day.storage.begin(guest.principal.binding) as unit:
        passes = [view.player.pass_id for view in unit.players.page(PlayerFilter(), EVERYTHING)]
    assert len(passes) == 2
    assert passes[0] == passes[1] is not None
    _redeem(browser, site, voucher, "")
    assert "without one" in _said(browser)
    assert not browser.complaints


def test_a_play_pass_that_is_not_right_costs_nothing(web: Web, browser: Browser, site: str) -> None:
    voucher, stranger = web.day.sell(1_000), web.day.welcome(1_000, web.day.sister)
    unknown = web.day.engine.get_play_pass(stranger.principal).code
    _open(browser, f"{site}/redeem")
    for shown, said in (
        (unknown[:-1], "13 letters"),
        (f"{unknown[:-1]}U", "not right"),
        (unknown, "no such play pass"),
    ):
        _redeem(browser, site, voucher, shown)
        assert said in _said(browser)
        assert browser.ask("document.activeElement.id") == "pass"
        assert browser.ask("document.activeElement.getAttribute('aria-invalid')") == "true"
    browser.type("pass", "")
    browser.press_enter()
    browser.until("!document.getElementById('done').hidden")
    assert not browser.complaints


def test_excluded_pass_is_refused_and_the_voucher_stays_good(web: Web, browser: Browser, site: str) -> None:
    guest, voucher = web.day.welcome(1_000), web.day.sell(1_000)
    shown = web.day.engine.get_play_pass(guest.principal).code
    taken = web.day.engine.start_exclusion.cool_off(guest.principal, CoolOff.DAY)
    _open(browser, f"{site}/redeem")
    _redeem(browser, site, voucher, shown)
    said = _said(browser)
    assert "its break has not ended" in said
    assert "was not used" in said
    web.day.clock.set(taken.until)
    browser.press_enter()
    browser.until("!document.getElementById('done').hidden")
    assert not browser.complaints


def test_what_goes_wrong_is_said_plainly(web: Web, browser: Browser, site: str) -> None:
    redeemed, voided, locked, expired = (web.day.sell(100) for _ in range(4))
    web.day.redeem(redeemed)
    web.day.engine.void_voucher(web.day.agent.head, voided.voucher_id)

    def said(code: str, pin: str) -> str:
        _open(browser, f"{site}/redeem")
        browser.type("code", code)
        browser.type("pin", pin)
        browser.press_enter()
        return _said(browser)

    wrong = said(locked.code, other_pin(locked.pin))
    assert "not right" in wrong
    assert "before" in said(redeemed.code, redeemed.pin)
    assert "cancelled" in said(voided.code, voided.pin)
    for _ in range(4):
        web.post("/voucher/redeem", {"code": locked.code, "pin": other_pin(locked.pin)})
    assert said(locked.code, locked.pin) == wrong, "a locked voucher looks like a wrong PIN"
    assert said(f"{locked.code[:-1]}U", locked.pin) == wrong
    web.day.clock.advance(days=30)
    typed = expired.code.replace("0", "o").replace("1", "l").lower()
    assert "expired" in said(typed, f"{expired.pin[:3]} {expired.pin[3:]}")
    assert not browser.complaints


def test_code_and_pin_are_read_as_people_type_them(web: Web, browser: Browser, site: str) -> None:
    voucher = web.day.sell(100)
    _open(browser, f"{site}/redeem")
    browser.type("code", "\u200b" + voucher.code.replace("-", "\u2013").replace("0", "o").lower() + " ")
    browser.type("pin", "\u3000" + "\xa0".join(chr(ord(digit) + 0xFEE0) for digit in voucher.pin) + "\u2212")
    browser.press_enter()
    browser.until("!document.getElementById('done').hidden")
    assert not browser.complaints


def test_what_cannot_be_right_is_not_asked(web: Web, browser: Browser, site: str) -> None:
    voucher = web.day.sell(1_000)
    before = web.day.events()
    _open(browser, f"{site}/redeem")
    assert browser.ask("document.activeElement.id") == "code"
    for code, pin, said, field in (
        ("", "", "13 letters", "code"),
        (voucher.code[:-1], voucher.pin, "13 letters", "code"),
        (voucher.code, "", "6 digits", "pin"),
        (voucher.code, "12345a", "6 digits", "pin"),
        (voucher.code, "1234 567", "6 digits", "pin"),
    ):
        browser.type("code", code)
        browser.type("pin", pin)
        browser.press_enter()
        assert said in _said(browser)
        assert browser.ask("document.activeElement.id") == field
        assert browser.ask("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert web.day.events() == before


def _require_seen(browser: Browser, field: str) -> None:
    """Require the message in view with the field or button that it stands at, and the focus set."""
    anchor = field or "button"
    seen = browser.ask(f"""(() => {{
      const box = (id) => document.getElementById(id).getBoundingClientRect();
      const [top, bottom] = [box("{anchor}").top, box("message").bottom];
      return [top >= 0, bottom <= innerHeight, box("message").top - box("{anchor}").bottom, scrollX];
    }})()""")
    assert seen[:2] == [True, True]
    assert 0 <= seen[2] <= 16, "the message is right below"
    assert seen[3] == 0
    assert browser.ask("document.activeElement.id") == (field or "message")
    described = "document.activeElement.getAttribute('aria-describedby')"
    assert not field or browser.ask(described) == f"message {field}-help"


def test_errors_are_seen_above_a_phones_keyboard(web: Web, browser: Browser, site: str) -> None:
    redeemed, voided, good, stranger = (
        *(web.day.sell(100) for _ in range(3)),
        web.day.welcome(100, web.day.sister),
    )
    unknown = web.day.engine.get_play_pass(stranger.principal).code
    web.day.redeem(redeemed)
    web.day.engine.void_voucher(web.day.agent.head, voided.voucher_id)
    for code, pin, shown, field in (
        ("", "", "", "code"),
        (good.code, "12", "", "pin"),
        (good.code, good.pin, "x", "pass"),
        (good.code, other_pin(good.pin), "", "pin"),
        (good.code, good.pin, unknown, "pass"),
        (redeemed.code, redeemed.pin, "", "code"),
        (voided.code, voided.pin, "", "code"),
    ):
        _open(browser, f"{site}/redeem", ABOVE_KEYBOARD)
        for name, text in (("code", code), ("pin", pin), ("pass", shown)):
            browser.type(name, text)
        browser.ask("scrollTo(0, document.body.scrollHeight); document.activeElement.blur()")
        browser.ask("document.getElementById('button').click()")
        assert _said(browser)
        _require_seen(browser, field)
    browser.ask("window.fetch = async () => { throw new TypeError('gone'); }; null")
    browser.type("code", good.code)
    browser.ask("scrollTo(0, 0); document.getElementById('message').textContent = ''")
    browser.press_enter()
    assert "Nothing is lost" in _said(browser)
    _require_seen(browser, "")
    assert browser.ask("document.querySelectorAll('[aria-invalid=true]').length") == 0


def test_a_service_that_is_gone_loses_nothing(web: Web, browser: Browser) -> None:
    voucher = web.day.sell(1_000)
    with serving(web) as address:
        _open(browser, f"{address}/redeem?code={voucher.code}")
    browser.type("pin", voucher.pin)
    browser.press_enter()
    assert "Nothing is lost" in _said(browser)
    assert browser.text("button") == "Redeem"


@pytest.mark.parametrize("device", [PHONE, SMALLEST], ids=["phone", "smallest"])
def test_nothing_has_to_be_scrolled_sideways(
    web: Web, browser: Browser, site: str, device: dict[str, Any]
) -> None:
    voucher = web.day.sell(600_000_000_000)
    too_wide = "document.documentElement.scrollWidth - innerWidth"
    _open(browser, f"{site}/redeem?code={voucher.code}", device)
    browser.type("pin", other_pin(voucher.pin))
    browser.press_enter()
    _said(browser)
    assert browser.ask(too_wide) <= 0
    browser.type("pin", voucher.pin)
    browser.press_enter()
    browser.until("!document.getElementById('done').hidden")
    assert browser.ask(too_wide) <= 0


# --- paper ----------------------------------------------------------------------------------------------------


def _open_sheet(browser: Browser, page: bytes, file: Path) -> None:
    """Open a sheet as a file, as somebody does who has it saved."""
    file.write_bytes(page)
    browser.complaints.clear()
    browser.open(file.as_uri(), SCREEN)


def _pages(printed: bytes) -> list[tuple[int, int]]:
    """Return the sizes of the pages of a PDF in millimetres."""
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    return [(_in_mm(width), _in_mm(height)) for width, height in boxes]


def _in_mm(points: bytes) -> int:
    return round(float(points) / POINTS_PER_MM)


@pytest.mark.parametrize(
    ("query", "count", "pages", "size"),
    [
        ("", SLIPS_ON_A4, 1, (210, 297)),
        ("", 2 * SLIPS_ON_A4 + 1, 3, (210, 297)),
        ("?paper=80mm", 3, 3, (80, 120)),
    ],
)
def test_the_sheet_prints_on_its_paper(
    web: Web, browser: Browser, tmp_path: Path, query: str, count: int, pages: int, size: tuple[int, int]
) -> None:
    _open_sheet(browser, web.sheet(web.batch(1_000, count), query).body, tmp_path / "sheet.html")
    assert _pages(browser.printed()) == [size] * pages
    assert not browser.complaints, "the page's own policy allows all that is in it"


@pytest.mark.parametrize("public_url", [None, "https://play.example.com/fun"])
@pytest.mark.parametrize("query", ["", "?paper=80mm"])
def test_the_largest_amount_and_the_longest_name_fit_on_a_slip(
    browser: Browser, tmp_path: Path, query: str, public_url: str | None
) -> None:
    web = build_web(MemoryStorage(), public_url=public_url)
    day, name = web.day, "Wide World of Machines and Amusements" * 3
    made = day.engine.create_tenant(day.north.head, slug="wide", name=name, kind=TenantKind.AGENT)
    desk = day._staffed(made.tenant_id, day.north.operator_id, "wide", made.code_symbols)
    content = web.batch(666_666_666_666, 1, desk)
    for said in (0, 1):
        page = web.sheet(content, query, desk).body
        assert page.count(b">DUPLICATE<") == said
        _open_sheet(browser, page, tmp_path / "sheet.html")
        browser.do("Emulation.setEmulatedMedia", media="print")
        size = "parseFloat(getComputedStyle(document.querySelector('.qr > *')).fontSize)"
        assert public_url is not None or browser.ask(size) >= LARGE_PX
        assert browser.ask(f"({OUT_OF_PLACE})()") == []
