"""playtime.contracts.test_folding, on our own storages."""

from playtime.contracts.test_folding import *
