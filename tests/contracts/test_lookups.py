"""playtime.contracts.test_lookups, on our own storages."""

from playtime.contracts.test_lookups import *
