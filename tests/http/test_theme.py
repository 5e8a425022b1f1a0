"""The colours of pages: both themes can be read by people with low vision (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from typing import Final

import pytest

from playtime.adapters.http.pages.first_page import first_page
from playtime.adapters.http.pages.redeem_page import redeem_page
from playtime.adapters.http.pages.theme import THEME

LIGHT, DARK = THEME.split("@media")
THEMES: Final = {
    name: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))
    for name, text in (("light", LIGHT), ("dark", DARK))
}
TEXTS: Final = [
    ("text", "ground"),
    ("text", "card"),
    ("muted", "card"),
    ("on-accent", "accent"),
    ("on-accent", "busy"),
    ("text", "bad-ground"),
    ("text", "keep-ground"),
    ("accent", "ground"),
]
SHAPES: Final = [("edge", "card"), ("bad", "card"), ("focus", "card"), ("focus", "ground"), ("accent", "card")]


def _light(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_light(one), _light(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_texts_and_shapes_stand_out(theme: str) -> None:
    colours = THEMES[theme]
    low = {
        pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pairs, least in ((TEXTS, 4.5), (SHAPES, 3.0))
        for pair in pairs
        if _contrast(colours[pair[0]], colours[pair[1]]) < least
    }
    assert not low


def test_both_themes_have_each_colour() -> None:
    assert THEMES["light"].keys() == THEMES["dark"].keys()


def test_pages_name_no_colour_of_their_own() -> None:
    for document in (first_page("/api/v1"), redeem_page("")):
        assert isinstance(document.body, bytes)
        style = document.body.decode().split("<style>")[1].split("</style>")[0]
        assert not re.findall(r"#[0-9a-fA-F]{3,6}\b", style.replace(THEME, ""))
        used = set(re.findall(r"var\(--([a-z-]+)\)", style))
        assert used <= THEMES["light"].keys()
