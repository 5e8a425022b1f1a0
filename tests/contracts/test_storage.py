"""playtime.contracts.test_storage, on our own storages."""

from playtime.contracts.test_storage import *
