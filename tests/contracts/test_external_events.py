"""playtime.contracts.test_external_events, on our own storages."""

from playtime.contracts.test_external_events import *
