"""Pure rules: attrs and the standard library only. No I/O, no clock, no randomness of its own.

Private: hosts import from `playtime`.
"""
