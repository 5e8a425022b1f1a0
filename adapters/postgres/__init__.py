"""PostgreSQL behind row-level security: unit of work, queries, migrations, roles."""
