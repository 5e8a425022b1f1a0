"""playtime.contracts.test_keys, on our own storages."""

from playtime.contracts.test_keys import *
