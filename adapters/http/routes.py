"""The table of routes: the URL rules and the OpenAPI document are both made of it, so that they cannot drift."""

from typing import Final

from .api.admin import ADMIN
from .api.analytics import ANALYTICS
from .api.desk import DESK
from .api.limits import LIMITS, STAFF_LIMITS
from .api.players import FAIRNESS, PLAYERS
from .api.public import PUBLIC
from .api.route import API, Caller, Refusals, Route, Shape
from .api.safety import SAFETY

__all__ = ["API", "LARGEST_BODY", "ROUTES", "Caller", "Refusals", "Route", "Shape"]


ROUTES: Final = (
    *(*PUBLIC, *PLAYERS, *FAIRNESS, *LIMITS),
    *(*DESK, *ADMIN, *SAFETY, *STAFF_LIMITS, *ANALYTICS),
)
"""Every route of the API but the one that describes it."""

LARGEST_BODY: Final = max(route.limit_bytes for route in ROUTES)
"""The largest body that any route takes, in bytes."""
