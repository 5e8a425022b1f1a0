"""playtime.contracts.test_analytics, on our own storages."""

from playtime.contracts.test_analytics import *
