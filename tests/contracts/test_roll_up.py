"""playtime.contracts.test_roll_up, on our own storages."""

from playtime.contracts.test_roll_up import *
