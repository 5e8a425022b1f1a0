"""playtime.contracts.test_outcomes, on our own storages."""

from playtime.contracts.test_outcomes import *
