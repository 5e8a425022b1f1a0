"""playtime.contracts.test_stream, on our own storages."""

from playtime.contracts.test_stream import *
