"""playtime.contracts.test_unit_of_work, on our own storages."""

from playtime.contracts.test_unit_of_work import *
