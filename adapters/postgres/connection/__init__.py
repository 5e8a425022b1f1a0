"""Connections, the pipelined channel and failures by SQLSTATE."""
