"""Records as rows: tables, mapping and writes."""
