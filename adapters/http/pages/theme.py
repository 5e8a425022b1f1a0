"""The colours of pages, light and dark as the reader's device asks for."""

from typing import Final

THEME: Final = """
:root { color-scheme: light dark;
  --text: #1b1b22; --muted: #55535f; --ground: #f3f2f7; --card: #ffffff; --edge: #6c6a78;
  --accent: #3b2a94; --on-accent: #ffffff; --busy: #5d5a6b; --focus: #b86200;
  --bad: #a81414; --bad-ground: #fdf0f0; --keep: #d97a00; --keep-ground: #fff7ea; }
@media (prefers-color-scheme: dark) { :root {
  --text: #eceaf4; --muted: #b5b2c3; --ground: #15141b; --card: #211f2a; --edge: #8b889b;
  --accent: #b3a5ff; --on-accent: #15141b; --busy: #9d99b0; --focus: #ffb454;
  --bad: #ff8a80; --bad-ground: #3a1d1f; --keep: #ffb454; --keep-ground: #3a2e16; } }
"""
"""Each colour once for each theme. A style names colours by these names only."""
