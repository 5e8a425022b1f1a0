"""Use cases and the ports they need. Depends on the domain alone.

Private: hosts import from `playtime`.
"""
