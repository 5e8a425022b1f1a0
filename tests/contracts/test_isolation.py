"""playtime.contracts.test_isolation, on our own storages."""

from playtime.contracts.test_isolation import *
