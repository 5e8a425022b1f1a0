"""playtime.contracts.test_lists, on our own storages."""

from playtime.contracts.test_lists import *
