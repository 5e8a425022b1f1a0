"""playtime.contracts.test_round_trips, on our own storages."""

from playtime.contracts.test_round_trips import *
