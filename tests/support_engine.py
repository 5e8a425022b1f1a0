"""playtime.contracts.doubles, under the name that the other tests know it by."""

from playtime.contracts.doubles import *
