"""Everything outside the core: storages, HTTP, command line, security, system services."""
