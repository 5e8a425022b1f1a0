"""playtime.contracts.test_number_journeys, on our own storages."""

from playtime.contracts.test_number_journeys import *
