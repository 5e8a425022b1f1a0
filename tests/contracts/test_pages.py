"""playtime.contracts.test_pages, on our own storages."""

from playtime.contracts.test_pages import *
