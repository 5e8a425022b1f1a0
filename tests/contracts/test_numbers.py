"""playtime.contracts.test_numbers, on our own storages."""

from playtime.contracts.test_numbers import *
