"""playtime.contracts.test_suspension, on our own storages."""

from playtime.contracts.test_suspension import *
