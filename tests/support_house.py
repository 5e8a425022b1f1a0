"""playtime.contracts.house, under the name that the other tests know it by."""

from playtime.contracts.house import *
