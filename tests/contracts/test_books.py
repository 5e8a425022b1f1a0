"""playtime.contracts.test_books, on our own storages."""

from playtime.contracts.test_books import *
