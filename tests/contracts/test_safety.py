"""playtime.contracts.test_safety, on our own storages."""

from playtime.contracts.test_safety import *
