"""Playtime: a multi-tenant fun-coin casino engine on a double-entry ledger.

Hosts import everything from here: `from playtime import Settings, open_engine`. The list is in `public.py`.
All other modules are private. `import playtime` by itself loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
"""The version of the package. pyproject.toml and `playtime --version` read it from here."""

if TYPE_CHECKING:
    from .public import *  # noqa: F403 - the names are in public.py
else:  # hidden from type checkers, which would accept any name

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - any name of the public surface
        """Return a name of the public surface, which is loaded when first asked for."""
        # pytest imports this file under the name of the clone's folder: no second copy of the product is loaded.
        if name.startswith("_") or __name__ != "playtime":
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.public"), name)
