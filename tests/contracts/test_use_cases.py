"""playtime.contracts.test_use_cases, on our own storages."""

from playtime.contracts.test_use_cases import *
