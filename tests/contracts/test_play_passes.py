"""playtime.contracts.test_play_passes, on our own storages."""

from playtime.contracts.test_play_passes import *
