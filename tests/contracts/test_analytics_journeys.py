"""playtime.contracts.test_analytics_journeys, on our own storages."""

from playtime.contracts.test_analytics_journeys import *
