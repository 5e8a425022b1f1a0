"""playtime.contracts.records, under the name that the other tests know it by."""

from playtime.contracts.records import *
