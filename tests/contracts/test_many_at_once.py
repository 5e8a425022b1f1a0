"""playtime.contracts.test_many_at_once, on our own storages."""

from playtime.contracts.test_many_at_once import *
