"""playtime.contracts.test_locks, on our own storages."""

from playtime.contracts.test_locks import *
