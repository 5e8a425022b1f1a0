"""playtime.contracts.test_audit, on our own storages."""

from playtime.contracts.test_audit import *
