"""Everything outside the core: storages, HTTP, command line, security, system services.

Private: hosts import from `playtime`.
"""
