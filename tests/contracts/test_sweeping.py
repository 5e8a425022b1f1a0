"""playtime.contracts.test_sweeping, on our own storages."""

from playtime.contracts.test_sweeping import *
