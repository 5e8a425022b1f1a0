"""playtime.contracts.test_directory, on our own storages."""

from playtime.contracts.test_directory import *
