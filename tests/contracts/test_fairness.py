"""playtime.contracts.test_fairness, on our own storages."""

from playtime.contracts.test_fairness import *
